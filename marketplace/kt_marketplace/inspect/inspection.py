"""Inspect a wheel: run every check, and say the outcome in words."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..inert import inert
from ..manifest import Pack
from ..needs import ANY, Needs
from . import claims, clashes, files, points, programs, record, versions
from .case import Case
from .findings import Finding
from .installed import Installed
from .wheel import Wheel

CHECKS = (files.check, clashes.check, programs.check, points.check, versions.check, claims.check)
MOST = 40
"""Lines of one sort that a terminal is given."""
FEW = 4
"""Needs of one kind that stand on one line."""
WORDS = {"refuse": "refused", "ask": "attention", "note": "note"}


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a wheel, the worst first, and what its manifest says it needs."""

    wheel: Wheel
    findings: tuple[Finding, ...]
    needs: Needs

    @property
    def refused(self) -> bool:
        """Tell whether the wheel must not be installed, whatever the user says."""
        return any(f.level == "refuse" for f in self.findings)

    @property
    def asks(self) -> list[Finding]:
        """Return what needs a yes."""
        return [f for f in self.findings if f.level == "ask"]

    def lines(self) -> list[str]:
        """Return the inspection for a terminal: what it is, what it registers, what it may do, what was found."""
        wheel = self.wheel
        summary = wheel.manifest.description if wheel.manifest else wheel.summary
        head = f"{wheel.name} {wheel.version}: {summary}" if summary else f"{wheel.name} {wheel.version}"
        found = _some([f"  {WORDS[f.level]}: {f.text}" for f in self.findings])
        return [inert(head, longest=500), *brought(wheel.manifest, wheel.entry_points, self.needs), *found]


def brought(manifest: Pack | None, points: Mapping[str, Mapping[str, str]], needs: Needs) -> list[str]:
    """Return what a distribution brings, registers by its entry points, and may do, as lines for a terminal."""
    provided: dict[str, list[str]] = {}
    for thing in manifest.provides if manifest else ():
        provided.setdefault(thing.kind, []).append(thing.name)
    out = [f"  brings   {kind} {', '.join(names)}" for kind, names in provided.items()]
    for group, names in points.items():
        out += _some([f"  registers {name} = {target} in {group}" for name, target in names.items()])
    if manifest:
        out += [f"  may      {line}" for line in said_needs(needs)] or ["  may      do nothing beyond computing"]
    return [inert(line, longest=len(line)) for line in out]


def said_needs(needs: Needs) -> list[str]:
    """Return needs in words: what stands for everything of a kind first, and none that is too long to be read."""
    out = []
    for kind, everything in ANY.items():
        values = sorted(getattr(needs, kind), key=lambda value: value != everything)
        groups = [values] if len(values) <= FEW else [[value] for value in values]
        out += [line for group in groups for line in Needs(**{kind: tuple(group)}).lines()]
    return out


def _some(lines: list[str]) -> list[str]:
    return lines if len(lines) <= MOST else [*lines[:MOST], f"  ... and {len(lines) - MOST} more"]


def inspect(
    wheel: Wheel,
    *,
    installed: Installed,
    official: Collection[str],
    known: Collection[str] = (),
    plugin: bool | None = None,
    more: Collection[Finding] = (),
) -> Inspection:
    """Return what a look at a wheel finds, against what is installed beside it.

    `official` are the names of the official packs, `known` names that the user has or saw in indexes. `plugin=True`
    demands a manifest of a wheel that was asked for as a pack; one that registers something of kt's must always have
    one, `more` is what was found before. In an archive with tricks nothing further is looked at.
    """
    case = Case.of(wheel, installed=installed, official=official, known=known, plugin=plugin)
    found = [*more, *wheel.archive.findings, *wheel.findings]
    if not wheel.archive.findings:
        found += record.check(wheel)
        for check in CHECKS:
            found += check(case)
    order = {level: index for index, level in enumerate(WORDS)}
    needs = wheel.manifest.needs if wheel.manifest else Needs()
    return Inspection(wheel, tuple(sorted(dict.fromkeys(found), key=lambda f: order[f.level])), needs)
