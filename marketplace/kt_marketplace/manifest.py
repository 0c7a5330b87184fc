"""kt-pack.toml: what a pack is and brings, readable without importing anything of it."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kt.errors import DataError, nearest

from .needs import Needs

FILE = "kt-pack.toml"
TABLES = {"pack": dict, "needs": dict, "provides": list}
TEXTS = ("name", "version", "description", "kt", "license", "homepage")
LISTS = ("keywords", "hooks")
REQUIRED = ("name", "version", "description", "kt")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def normal(name: str) -> str:
    """Return a distribution's name as registries spell it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True)
class Provided:
    """One thing that a pack brings: a creature, a skill, or what its code registers."""

    kind: str
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """The manifest of a pack. `name` and `version` are its distribution's, `kt` the range of kt-core it works with."""

    name: str
    version: str
    description: str
    kt: str
    license: str = ""
    homepage: str = ""
    keywords: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    needs: Needs = Needs()
    provides: tuple[Provided, ...] = ()

    @classmethod
    def parse(cls, text: str, *, where: str = FILE) -> "Pack":
        """Return what a kt-pack.toml says. Raises DataError for what is no manifest."""
        try:
            return cls.from_dict(tomllib.loads(text), where=where)
        except tomllib.TOMLDecodeError as error:
            raise DataError(f"broken TOML: {error}", where=where) from None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = FILE) -> "Pack":
        """Return the manifest of a parsed table. Raises DataError."""
        for key, value in data.items():
            if not isinstance(value, TABLES.get(key, ())):
                why = f"{key} must be a {TABLES[key].__name__}" if key in TABLES else f"unknown table {key!r}"
                raise DataError(why, where=where, hint=nearest(key, TABLES))
        pack = _checked(data.get("pack", {}), where)
        needs = Needs.parse(data.get("needs", {}), where=where)
        provides = tuple(_provided(item, where) for item in data.get("provides", ()))
        return cls(**pack, needs=needs, provides=provides)

    def table(self) -> dict[str, Any]:
        """Return the manifest as `from_dict` takes it."""
        pack = {k: getattr(self, k) for k in TEXTS if getattr(self, k)}
        pack |= {k: list(getattr(self, k)) for k in LISTS if getattr(self, k)}
        provides = [{"kind": p.kind, "name": p.name, "description": p.description} for p in self.provides]
        return {"pack": pack, "needs": self.needs.table(), "provides": provides}


def _checked(pack: Mapping[str, Any], where: str) -> dict[str, Any]:
    known = (*TEXTS, *LISTS)
    for key, value in pack.items():
        if key not in known:
            raise DataError(f"unknown key pack.{key}", where=where, hint=nearest(key, known))
        texts = value if key in LISTS and isinstance(value, list) else [value]
        if (key in LISTS) != isinstance(value, list) or not all(isinstance(t, str) and t.isprintable() for t in texts):
            raise DataError(
                f"pack.{key} must be {'a list of texts' if key in LISTS else 'one line of text'}", where=where
            )
    if missing := [key for key in REQUIRED if not pack.get(key)]:
        raise DataError(f"pack.{missing[0]} is missing", where=where)
    if not _NAME.fullmatch(pack["name"]):
        raise DataError(f"pack.name {pack['name']!r} is no name of a distribution", where=where)
    return {key: tuple(value) if key in LISTS else value for key, value in pack.items()}


def _provided(item: object, where: str) -> Provided:
    if not isinstance(item, Mapping) or not {"kind", "name"} <= item.keys() <= {"kind", "name", "description"}:
        raise DataError("each of `provides` has kind, name and description", where=where)
    if not all(isinstance(v, str) and v.isprintable() for v in item.values()):
        raise DataError("kind, name and description of `provides` are one line of text each", where=where)
    return Provided(item["kind"], item["name"], item.get("description", ""))
