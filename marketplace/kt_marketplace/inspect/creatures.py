"""What the creatures and teams of a pack would reach, read from their files."""

from collections.abc import Iterator

from kt.errors import DataError

from ..manifest import FILE as MANIFEST
from ..needs import Needs
from .case import Case
from .documents import ENDINGS, parse
from .findings import Finding, listed
from .parts import Parts

FOLDERS = ("creatures", "terrariums")
MAX_DOCUMENTS = 2 << 20
"""Characters of YAML and TOML that are read in one wheel."""


def reach(case: Case, needs: Needs) -> Iterator[Finding]:
    """Yield where a creature needs more than the manifest declares, or has code of others."""
    left = MAX_DOCUMENTS
    for name in case.wheel.files:
        if not name.lower().endswith(ENDINGS) or name.lower() == f"{case.wheel.package}/{MANIFEST}".lower():
            continue
        parts = Parts(case, name)
        try:
            text = case.wheel.read_text(name)
            left -= len(text)
            if left < 0:
                raise DataError("too much text", where=name)
            document = parse(text, name, single=parts.fill)
        except DataError as error:
            yield Finding("ask", "creature", f"{name} can't be read here: {error.what}")
            continue
        parts.visit(document)
        yield from _findings(parts, needs)


def _findings(parts: Parts, needs: Needs) -> Iterator[Finding]:
    case, name = parts.case, parts.name
    level = case.lie if name.startswith(tuple(f"{case.wheel.package}/{f}/" for f in FOLDERS)) else "ask"
    for what, asked in parts.asked.items():
        if beyond := asked.beyond(needs):
            text = f"{name}: {what} needs what the manifest does not declare: {'; '.join(beyond.lines())}"
            yield Finding(level, "lie", text)
    if parts.strangers:
        yield Finding(level, "target", f"{name} names code that is not the pack's: {listed(parts.strangers)}")
    if parts.broken:
        yield Finding(level, "lie", f"{name}: {listed(parts.broken)}")
    if parts.unknown:
        yield Finding(
            "ask", "unknown", f"{name} names what is neither the pack's nor official: {listed(parts.unknown)}"
        )
    if taken := Needs(secrets=tuple(parts.variables)).beyond(needs).secrets:
        text = f"{name} takes in variables of the environment, which the manifest does not declare in secrets"
        yield Finding("ask", "environment", f"{text}: {listed(taken)}")
