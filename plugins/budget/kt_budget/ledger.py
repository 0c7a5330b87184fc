"""The ledger: a small file in which all processes of a user add up what was spent by creature and by day."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import ConfigError, DataError, StoreError

if TYPE_CHECKING:
    from kt import Registry

NAME, VERSION = "budget.json", 1
SCOPES = ("creature", "day")
DAYS = 31
"""So many days are kept; bounds are on the last one only."""


@dataclass(slots=True)
class Spent:
    """What was spent: model calls, tool calls, tokens, USD, seconds; `unpriced` counts model calls of unknown cost."""

    turns: int = 0
    calls: int = 0
    tokens: int = 0
    usd: float = 0.0
    seconds: float = 0.0
    unpriced: int = 0

    def of(self, what: str) -> float:
        """Return the sum of "turns", "calls", "tokens", "usd" or "seconds"."""
        value: float = getattr(self, what)
        return value

    def add(self, other: "Spent") -> None:
        """Add `other` in place."""
        self.turns += other.turns
        self.calls += other.calls
        self.tokens += other.tokens
        self.usd += other.usd
        self.seconds += other.seconds
        self.unpriced += other.unpriced


WHOLE = {f.name: f.type is int for f in fields(Spent)}


class Rows:
    """What the ledger holds while it is open: a row for each name of a creature, and for each day."""

    def __init__(self, scopes: dict[str, dict[str, Spent]]) -> None:
        self.scopes = scopes

    def row(self, scope: str, key: str) -> Spent:
        """Return the row to add to, a new one where there is none; the oldest days make place for a new one."""
        rows = self.scopes[scope]
        if key not in rows:
            if scope == "day":
                for old in sorted(rows)[: -(DAYS - 1)]:
                    del rows[old]
            rows[key] = Spent()
        return rows[key]


def ledger_file(registry: "Registry") -> Path:
    """Return where the user's ledger is. Raises ConfigError where nothing says where the user's files are."""
    if (entry := registry.find("config", "home")) is not None:
        return Path(entry.load()()) / NAME
    if home := os.environ.get("KT_HOME"):
        return Path(home).expanduser() / NAME
    raise ConfigError("nothing says where budgets are kept", hint="pip install kt-config, or set KT_HOME")


class Ledger:
    """A JSON file that only its user can read, replaced as a whole or not at all, one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def opened(self) -> Iterator[Rows]:
        """Hold the file's lock, yield its rows, and write what was changed in them, whatever was raised.

        It waits, and blocks, while another process has the file: that is for one reading and one writing of it.
        Raises DataError for a damaged file, which stays as it is, and StoreError where it can't be read or written.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            _lock(lock)
            before = self._read()
            rows = Rows(self._parsed(before))
            try:
                yield rows
            finally:
                data = {"version": VERSION} | {s: {k: asdict(v) for k, v in r.items()} for s, r in rows.scopes.items()}
                if (after := json.dumps(data, indent=1).encode() + b"\n") != before:
                    self._write(after)
        finally:
            os.close(lock)

    def _read(self) -> bytes | None:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from error

    def _parsed(self, text: bytes | None) -> dict[str, dict[str, Spent]]:
        if text is None:
            return {scope: {} for scope in SCOPES}
        try:
            data = json.loads(text)
            if data.keys() != {"version", *SCOPES} or data["version"] != VERSION:
                raise ValueError("other keys, or another version, than this one writes")
            return {scope: {key: _spent(row) for key, row in data[scope].items()} for scope in SCOPES}
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            what = "the ledger of budgets is damaged, so what was spent is unknown"
            raise DataError(what, where=str(self.path), hint="repair it, or delete it to start from nothing") from error

    def _write(self, text: bytes) -> None:
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}.tmp")
        try:
            try:
                with open(draft, "xb", opener=_private) as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(self.path)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(f"the ledger of budgets can't be used: {error.strerror}", where=str(self.path))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lock(handle: int) -> None:
    """Wait for the lock; closing the handle lets it go."""
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX)


def _spent(row: dict[str, Any]) -> Spent:
    """Return a row of the file. Raises ValueError and TypeError for what is none."""
    for name, value in row.items():
        fits = type(value) is int or (type(value) is float and not WHOLE.get(name) and isfinite(value))
        if not fits or value < 0:
            raise ValueError(f"{name} is {value!r}")
    return Spent(**row)
