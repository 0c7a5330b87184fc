"""The list of plugins that failed: quarantine.json in the user's folder, shared by all processes."""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kt.errors import DataError, UnknownName, nearest

if TYPE_CHECKING:
    from kt import Registry

Key: TypeAlias = tuple[str, str, str]
"""A plugin's name, its distribution, and the version of that: a new version is counted anew."""
LIMIT = 3
"""Failing runs in a row, after which a plugin is left out."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """A plugin of one version of a distribution: in how many runs in a row it failed, and with which error last."""

    plugin: str
    distribution: str
    version: str
    failures: int = 0
    error: str = ""

    @property
    def key(self) -> Key:
        return self.plugin, self.distribution, self.version

    @property
    def out(self) -> bool:
        """Tell whether it is in quarantine."""
        return self.failures >= LIMIT


def quarantined(registry: "Registry") -> list[Culprit]:
    """Return the plugins that are in quarantine, of those that are registered now, in their version of now.

    One that is registered with `grants` or `essential` never is. Raises DataError where the list can't be read.
    """
    known = _read(_file(registry)).values()
    return [culprit for culprit in known if culprit.out and _is_there(registry, culprit)]


def release(registry: "Registry", name: str | None) -> list[Culprit]:
    """Forget the failures of a plugin, in all its versions, or of all (None); return what was in quarantine.

    Raises UnknownName for a plugin that has not failed, with the nearest names.
    """
    with _changing(registry) as known:
        named = [culprit for culprit in known.values() if name in (None, culprit.plugin)]
        if not named and name is not None:
            hint = nearest(name, {culprit.plugin for culprit in known.values()})
            raise UnknownName(f"no plugin {name!r} is in quarantine", hint=hint or "kt plugins list shows which are")
        for culprit in named:
            del known[culprit.key]
    return [culprit for culprit in named if culprit.out]


def settle(registry: "Registry", failed: Mapping[Key, str], acted: set[Key]) -> None:
    """Count a run: one more failure for what `failed` (key to error), none any more for what acted without failing.

    Raises DataError where the list can't be read, OSError where it can't be written.
    """
    if not failed and not acted & _read(_file(registry)).keys():
        return
    with _changing(registry) as known:
        for key in acted - failed.keys():
            known.pop(key, None)
        for key, error in failed.items():
            known[key] = Culprit(*key, known.get(key, Culprit(*key)).failures + 1, error)


def protected(registry: "Registry", name: str) -> bool:
    """Tell whether a plugin is never left out: it grants rights, or says that it is essential."""
    entry = registry.find("plugin", name)
    return entry is not None and bool(entry.data.get("grants") or entry.data.get("essential"))


def _is_there(registry: "Registry", culprit: Culprit) -> bool:
    entry = registry.find("plugin", culprit.plugin)
    there = entry is not None and (entry.dist, entry.version) == (culprit.distribution, culprit.version)
    return there and not protected(registry, culprit.plugin)


def _file(registry: "Registry") -> Path:
    folder: Path = registry.get("config", "home")()
    return folder / "quarantine.json"


def _read(file: Path) -> dict[Key, Culprit]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        return {culprit.key: culprit for culprit in (Culprit(**row) for row in rows)}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        hint = f"repair or remove {file}"
        raise DataError(f"can't read the list of plugins in quarantine: {error}", where=str(file), hint=hint) from error


@contextmanager
def _changing(registry: "Registry") -> Iterator[dict[Key, Culprit]]:
    """Yield the list to change; it is written, as a whole, before another process may read it to change it."""
    file = _file(registry)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = _read(file)
        yield known
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps([asdict(c) for c in known.values()], indent=1) + "\n", encoding="utf-8")
        fresh.replace(file)
