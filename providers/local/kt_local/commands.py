"""kt model pull, list and rm; and what kt doctor says of the weights."""

from typing import TYPE_CHECKING

from kt.errors import KTError, UsageError

from .options import pull as fetch_one
from .weights import DEFAULT, KNOWN, path_of, present, remove, verified, weights_of

if TYPE_CHECKING:
    from kt import Plugins


def pull(args: list[str], plugins: "Plugins") -> int:
    """Fetch a model; the default one without a name."""
    if _asks_for_help(args, "kt model pull [NAME]"):
        return 0
    name = args[0] if args else DEFAULT
    fetch_one(name)
    print(verified(weights_of(name)))
    return 0


def rows() -> list[str]:
    """Return a line for each model that can be had: its size, and where it is."""
    here = {w.name: str(path_of(w)) if present(w) else "not here" for w in KNOWN.values()}
    return [f"local/{w.name}  {w.size / 1e9:.1f} GB  {here[w.name]}" for w in KNOWN.values()]


def rm(args: list[str], plugins: "Plugins") -> int:
    """Remove a model's files."""
    if _asks_for_help(args, "kt model rm NAME"):
        return 0
    if len(args) != 1:
        raise UsageError("name one model", hint="kt model list")
    print(f"freed {remove(weights_of(args[0])) / 1e6:,.0f} MB")
    return 0


def doctor() -> list[tuple[bool | None, str, str, str]]:
    """Return (ok, name, text, fix) rows; a model that was never fetched is no fault."""
    rows: list[tuple[bool | None, str, str, str]] = []
    for weights in KNOWN.values():
        name = f"weights of {weights.name}"
        if not present(weights):
            rows.append((None, name, "not here", f"kt model pull {weights.name}"))
            continue
        try:
            rows.append((True, name, str(verified(weights)), ""))
        except KTError as error:
            rows.append((False, name, str(error), error.hint))
    return rows


def _asks_for_help(args: list[str], usage: str) -> bool:
    if "--help" in args or "-h" in args:
        print(f"Usage: {usage}")
        return True
    return False
