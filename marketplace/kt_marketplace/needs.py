"""What a pack may reach: declared in its manifest, shown before it is installed, approved, and held against it."""

import re
import unicodedata
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
MOST = 50
"""Values that one kind of need may have."""
LONGEST = 200
"""Characters of one value."""
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_PATH = re.compile(r"\*|\$(?:WS|KT_HOME|KT_CACHE)(?:/.*)?|~(?:/.*)?|[^$~@*].*")
_PATHS = "path: $WS, $KT_HOME, $KT_CACHE or what is below, /..., ~/..., or one from the working folder"
_FORMS = {
    "reads": (_PATH, _PATHS),
    "writes": (_PATH, _PATHS),
    "net": (
        re.compile(rf"\*|(?:\*\.)?{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?"),
        "host: host, host:port, *.host or *",
    ),
    "exec": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"), "program: its name, or any"),
    "secrets": (re.compile(r"\*|[A-Z_][A-Z0-9_]*"), "environment variable: capitals, digits and _, or *"),
    "listen": (re.compile(r"\*|[1-9][0-9]{0,4}"), "port: a number, or *"),
}
"""Kind -> the form of its values, and what that is called."""
_BLANKS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that count as printable and show nothing."""


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
        """Return the needs of a table of lists, each value in the form of its kind. Raises DataError."""
        if not isinstance(table, Mapping):
            raise DataError("needs must be a table", where=where)
        known = [f.name for f in fields(cls)]
        for key, value in table.items():
            if key not in known:
                raise DataError(f"unknown need {key!r}", where=where, hint=nearest(str(key), known))
            if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
                raise DataError(f"needs.{key} must be a list of texts", where=where)
            if len(value) > MOST:
                raise DataError(f"needs.{key} has {len(value)} values; {MOST} are the most", where=where)
            for text in value:
                _check(key, text, where)
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
                out.append(f"{word} {', '.join(_said(kind, v) for v in values)}")
        return out


def _said(kind: str, value: str) -> str:
    """Return a need in words; a path from the working folder has a mark, so that none reads as a sentence."""
    if kind in ("reads", "writes") and not value.startswith(("/", "~", "$", "@", "*", ".")):
        return f"./{value}"
    return SAID.get((kind, value)) or ("the working folder" if value == FOLDER else value)


def _check(kind: str, value: str, where: str) -> None:
    """Raise DataError for a value that has not the form of its kind, or may look like another."""
    form, called = _FORMS[kind]
    place = f"needs.{kind}: {value[:LONGEST]!a}"
    if len(value) > LONGEST:
        raise DataError(f"{place} is longer than {LONGEST} characters", where=where)
    if not value.isprintable() or _BLANKS.search(value) or not unicodedata.is_normalized("NFC", value):
        raise DataError(f"{place} has characters that don't show, or is not in the normal form NFC", where=where)
    if not form.fullmatch(value) or value != value.strip():
        raise DataError(f"{place} is no {called}", where=where)


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
