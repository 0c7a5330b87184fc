"""What a pack may reach: declared in its manifest, shown before it is installed, approved, and held against it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import PurePosixPath

from kt.errors import DataError, nearest

ANY = {"reads": "*", "writes": "*", "net": "*", "exec": "any", "secrets": "*", "listen": "*"}
"""The word that stands for everything of a kind."""
WORDS = {
    "reads": "read",
    "writes": "change",
    "net": "reach",
    "exec": "run",
    "secrets": "use the secrets",
    "listen": "listen on ports",
}
SAID = {("reads", "*"): "any file", ("writes", "*"): "any file", ("net", "*"): "any host", ("exec", "any"): "programs"}
FOLDER = "$WS"


@dataclass(frozen=True, slots=True)
class Needs:
    """What is needed beyond computing: paths ("$WS" is the working folder), hosts, programs, secrets, ports.

    To read the working folder need not be said.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    net: tuple[str, ...] = ()
    exec: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    listen: tuple[str, ...] = ()

    @classmethod
    def parse(cls, table: object, *, where: str) -> "Needs":
        """Return the needs of a table of lists. Raises DataError."""
        if not isinstance(table, Mapping):
            raise DataError("needs must be a table", where=where)
        known = [f.name for f in fields(cls)]
        for key, value in table.items():
            if key not in known:
                raise DataError(f"unknown need {key!r}", where=where, hint=nearest(str(key), known))
            if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v.isprintable() for v in value):
                raise DataError(f"needs.{key} must be a list of texts", where=where)
        return cls(**{key: tuple(dict.fromkeys(value)) for key, value in table.items()})

    def table(self) -> dict[str, list[str]]:
        """Return the needs as `parse` takes them, without empty ones."""
        return {f.name: list(v) for f in fields(self) if (v := getattr(self, f.name))}

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))

    def __or__(self, other: "Needs") -> "Needs":
        return Needs(
            **{f.name: tuple(dict.fromkeys((*getattr(self, f.name), *getattr(other, f.name)))) for f in fields(self)}
        )

    def beyond(self, granted: "Needs") -> "Needs":
        """Return what of these needs `granted` does not cover; empty where it covers all."""
        left = {}
        for field in fields(self):
            have = getattr(granted, field.name) + (granted.writes if field.name == "reads" else ())
            left[field.name] = tuple(v for v in getattr(self, field.name) if not _covered(field.name, v, have))
        return Needs(**left)

    def lines(self) -> list[str]:
        """Return the needs in words, a line for each kind."""
        out = []
        for kind, word in WORDS.items():
            if values := getattr(self, kind):
                named = (SAID.get((kind, v)) or ("the working folder" if v == FOLDER else v) for v in values)
                out.append(f"{word} {', '.join(named)}")
        return out


def _covered(kind: str, value: str, granted: Iterable[str]) -> bool:
    have = set(granted)
    if value in have or ANY[kind] in have:
        return True
    if kind in ("reads", "writes"):
        return _beneath(value, have | ({FOLDER} if kind == "reads" else set()))
    if kind == "net":
        host = value.partition(":")[0]
        return host in have or any(h.startswith("*.") and host.endswith(h[1:]) for h in have)
    return False


def _beneath(path: str, granted: Iterable[str]) -> bool:
    """Tell whether a path, or the value of an argument ("@path"), lies in what is granted."""
    inside = FOLDER in granted
    if path.startswith("@") or path == FOLDER:
        return inside
    parts = PurePosixPath(path)
    if ".." in parts.parts:
        return False
    if not path.startswith(("/", "~", "$")):
        return inside
    return any(parts.is_relative_to(g) for g in granted)
