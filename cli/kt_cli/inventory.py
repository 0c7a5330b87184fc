"""What is installed, a row a thing: entry points and all they registered, and what each is enabled by and needs."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kt import Entry, Plugins

ENTRY_POINT = "entry_point"
"""The kind of the rows of entry points; all others are kinds of the registry."""


@dataclass(slots=True)
class Row:
    """One installed thing. `profiles` enable it, in `guard_in` it is a guard; `quarantine` says why it is left out.

    `needs` is None where nobody has declared or looked up what it reaches.
    """

    kind: str
    name: str
    distribution: str
    version: str
    help: str = ""
    profiles: list[str] = field(default_factory=list)
    guard_in: list[str] = field(default_factory=list)
    quarantine: str = ""
    needs: dict[str, list[str]] | None = None

    def line(self, width: int) -> str:
        """Return the row for a terminal, the name filled up to `width`."""
        facts = [f"{self.distribution} {self.version}"]
        facts += [f"profiles {' '.join(self.profiles)}"] if self.profiles else []
        facts += [f"guard in {' '.join(self.guard_in)}"] if self.guard_in else []
        if self.needs is not None:
            said = [f"{what} {' '.join(values)}" for what, values in self.needs.items()]
            facts.append(f"needs {', '.join(said) or 'nothing'}")
        facts += [f"IN QUARANTINE: {self.quarantine}"] if self.quarantine else []
        return f"  {self.name:<{width}}  {'; '.join(facts)}"


def rows_of(plugins: "Plugins", *, needs: bool = False, kind: str | None = None) -> list[Row]:
    """Return the rows of all that is installed, entry points first; with `needs` each tool is imported for its own.

    Raises DataError where a settings file, a pack's manifest or the list of quarantined plugins can't be read.
    """
    profiles = _profiles(plugins)
    entry = plugins.registry.find("loader", "quarantined")
    out = {} if entry is None else {culprit.plugin: culprit.error for culprit in entry.load()(plugins.registry)}
    rows = [] if kind not in (None, ENTRY_POINT) else list(_entry_points(plugins))
    for found in plugins.registry.entries(kind):
        row = Row(found.kind, found.name, found.dist, found.version, found.help)
        if found.kind == "plugin":
            row.profiles = [name for name, profile in profiles.items() if found.name in profile.plugins]
            row.guard_in = [name for name, profile in profiles.items() if found.name in profile.guards]
            row.quarantine = out.get(found.name, "")
        elif found.kind == "tool" and needs:
            row.needs = _needs_of_tool(found)
        rows.append(row)
    return rows


def _entry_points(plugins: "Plugins") -> Iterator[Row]:
    for point, _ in plugins.modules.values():
        row = Row(ENTRY_POINT, point.name, point.dist, point.version)
        if (manifest := _manifest(point.value)) is not None:
            from kt_marketplace.manifest import Pack

            pack = Pack.parse(manifest.read_text(encoding="utf-8"), where=str(manifest))
            row.help, row.needs = pack.description, pack.needs.table()
        yield row


def _manifest(target: str) -> Path | None:
    """Return the kt-pack.toml beside the code of an entry point, None where the distribution has none."""
    package = sys.modules.get(target.partition(":")[0].partition(".")[0])
    files = (Path(folder) / "kt-pack.toml" for folder in getattr(package, "__path__", ()))
    return next((file for file in files if file.is_file()), None)


def _profiles(plugins: "Plugins") -> dict[str, Any]:
    """Return the profiles by name, as they are in the working folder; none where nothing reads them."""
    registry, here = plugins.registry, Path.cwd()
    if registry.find("config", "profiles") is None:
        return {}
    names = registry.get("config", "profiles")(registry, here)
    return {name: registry.get("loader", "profile")(registry, name, here) for name in names}


def _needs_of_tool(entry: "Entry") -> dict[str, list[str]]:
    from dataclasses import asdict

    from kt import ToolNeeds

    declared = asdict(getattr(entry.load(), "needs", ToolNeeds()))
    return {what: list(values) for what, values in declared.items() if what != "output" and values}


def packages_of(plugins: "Plugins") -> dict[str, str]:
    """Return the distribution of each import package that holds an entry module or the target of something."""
    targets = [(entry.target, entry.dist) for entry in plugins.registry.entries() if isinstance(entry.target, str)]
    points = [(point.value, point.dist) for point, _ in plugins.modules.values()]
    owners = {target.partition(":")[0].partition(".")[0]: dist for target, dist in (*targets, *points)}
    return {**owners, "kt": "kt-core"}
