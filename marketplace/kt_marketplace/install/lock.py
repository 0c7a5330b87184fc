"""kt.lock: which packs are installed, to the byte, and what each was allowed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kt.errors import DataError, NotFound

from ..needs import Needs
from .path import lock_file

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One installed distribution.

    `requested` is what was asked for; empty for what came as a dependency. `source` says where it came from, `url`
    where its wheel can be had again ("" for one from a file). `record` is the digest of its file list, `requires` are
    the names of those of the lock that it needs, `needs` what its user approved. One that runs from its folder has the
    folder as `editable`, and as `sha256` that of its pyproject.toml.
    """

    name: str
    version: str
    source: str
    requested: str = ""
    file: str = ""
    url: str = ""
    sha256: str = ""
    record: str = ""
    editable: str = ""
    requires: tuple[str, ...] = ()
    needs: Needs = Needs()

    def is_as(self, other: "Locked | None") -> bool:
        """Tell whether another entry has the same bytes, in the same place."""
        return other is not None and (self.sha256, self.editable) == (other.sha256, other.editable)

    def table(self) -> dict[str, Any]:
        """Return the fields that are not empty, for JSON."""
        out = {f.name: v for f in fields(self) if (v := getattr(self, f.name))}
        del out["name"]
        return {**out, **({"requires": list(self.requires)} if self.requires else {}),
                **({"needs": self.needs.table()} if self.needs else {})}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lock:
    """The content of a kt.lock."""

    packs: Mapping[str, Locked] = field(default_factory=dict)

    @classmethod
    def current(cls) -> "Lock":
        """Return the user's lock, empty where there is none. Raises DataError."""
        try:
            return cls.read(lock_file())
        except NotFound:
            return cls()
        except DataError as error:
            hint = "kt rollback goes back to the one before"
            raise DataError(error.what, where=error.where, hint=hint) from None

    @classmethod
    def read(cls, file: Path) -> "Lock":
        """Return the lock of a file. Raises NotFound, and DataError for what is none."""
        try:
            return cls.parse(file.read_bytes(), where=str(file))
        except (FileNotFoundError, IsADirectoryError):
            raise NotFound(f"no lock {str(file)!r}") from None
        except OSError as error:
            raise DataError(f"can't read the lock: {error.strerror}", where=str(file)) from error

    @classmethod
    def parse(cls, content: bytes, *, where: str) -> "Lock":
        """Return what a lock's text says. Raises DataError."""
        try:
            data = json.loads(content)
            if data["format"] != FORMAT:
                raise DataError(f"a lock of format {data['format']!r}; this installation knows {FORMAT}", where=where)
            return cls({name: _locked(name, table, where) for name, table in data["packs"].items()})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(f"this is no kt.lock: {error}", where=where) from None

    def text(self) -> bytes:
        """Return the lock as its file holds it; the same packs give the same bytes."""
        packs = {name: self.packs[name].table() for name in sorted(self.packs)}
        return (json.dumps({"format": FORMAT, "packs": packs}, indent=1, sort_keys=True) + "\n").encode()

    @property
    def requested(self) -> dict[str, Locked]:
        """Return what was asked for, without dependencies."""
        return {name: pack for name, pack in self.packs.items() if pack.requested}

    def needed(self, roots: Iterable[str]) -> set[str]:
        """Return the names of `roots` and of all that they need, as far as they are in this lock."""
        found: set[str] = set()
        pending = [name for name in roots if name in self.packs]
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                pending += [n for n in self.packs[name].requires if n in self.packs]
        return found

    def needing(self, name: str) -> list[str]:
        """Return the names of those that need a pack."""
        return sorted(other for other, pack in self.packs.items() if name in pack.requires)

    def without(self, names: Iterable[str]) -> "Lock":
        """Return the lock without these packs, and without what only they needed.

        One that another pack needs stays as its dependency.
        """
        gone = set(names)
        roots = [name for name in self.requested if name not in gone]
        kept = self.needed(roots)
        return Lock({n: replace(self.packs[n], requested="") if n in gone else self.packs[n] for n in kept})


TEXTS = {f.name for f in fields(Locked)} - {"requires", "needs"}
SCHEMES = ("https", "http", "file")


def _locked(name: str, table: Mapping[str, Any], where: str) -> Locked:
    needs = Needs.parse(table.get("needs", {}), where=f"{where}: {name}")
    plain = {key: value for key, value in table.items() if key != "needs"}
    if not all(isinstance(value, str) for key, value in plain.items() if key in TEXTS):
        raise ValueError(f"the fields of {name} must be texts")
    if Path(plain.get("file", "")).name != plain.get("file", ""):
        raise ValueError(f"the file of {name} is no file name")
    if not Path(plain.get("editable") or "/").is_absolute():
        raise ValueError(f"the folder of {name} is not absolute")
    _check_address(name, plain.get("url", ""))
    return Locked(name=name, **{**plain, "requires": tuple(table.get("requires", ())), "needs": needs})


def _check_address(name: str, url: str) -> None:
    """Raise ValueError for what a wheel can't be had from."""
    parts = urlsplit(url)
    if url and (parts.scheme not in SCHEMES or not (parts.hostname or parts.scheme == "file") or parts.port == 0):
        raise ValueError(f"the address of {name} is none of {', '.join(SCHEMES)}")


def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as stream:
        total = sha256()
        while chunk := stream.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()
