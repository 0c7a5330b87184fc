"""What a pack reaches: the needs that its manifest declares, each with its reason."""

import re
from collections.abc import Iterator

from kt import Creature
from kt.errors import KTError

from .work import Work

NEEDS: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("reads", "$WS", frozenset(("read", "glob", "grep", "tree", "json_query", "notebook_read", "bash"))),
    ("writes", "$WS", frozenset(("write", "edit", "apply_patch", "json_edit", "notebook_edit", "bash"))),
    ("net", "*", frozenset(("fetch", "web_search"))),
    ("exec", "any", frozenset(("bash", "write_stdin"))),
)
"""Kind of need, its value, and the tools that have it."""
EVERYTHING = frozenset().union(*(tools for _, _, tools in NEEDS))
_HOST = re.compile(r"[a-z]+://([A-Za-z0-9.-]+)(?::\d+)?(?:/.*)?")


def needs_of(work: Work, used: dict[str, set[str]], place: str) -> dict[str, list[str]]:
    """Return what a pack reaches, kind -> values, for the names that its creatures use; the report says what for.

    `used` are names by kind: "tool", "reference" (roles, and creatures of other packs), "base_url", "variable".
    """
    reasons: dict[tuple[str, str], list[str]] = {}
    for need, reason in _asked(work, used, place):
        reasons.setdefault(need, []).append(reason)
    needs: dict[str, list[str]] = {}
    for (kind, value), why in reasons.items():
        needs.setdefault(kind, []).append(value)
        work.report.add("changed", f"needs.{kind}", place, f"kt-pack.toml: {kind} {value}, for {', '.join(why)}")
    return needs


def _asked(work: Work, used: dict[str, set[str]], place: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield each need, as kind and value, with what it is for."""
    brought = {f"what {each} brings": _brought(work, each, place) for each in sorted(used["reference"])}
    reach = {f"the tool {name}": frozenset((name,)) for name in sorted(used["tool"])} | brought
    for kind, value, reaching in NEEDS:
        yield from (((kind, value), what) for what, names in reach.items() if names & reaching)
    for url in sorted(used["base_url"]):
        host = _HOST.fullmatch(url)
        yield ("net", host[1] if host else "*"), f"the model at {url}"
    for name in sorted(used["variable"]):
        yield ("secrets", name), f"${{{name}}}"


def _brought(work: Work, reference: str, place: str) -> frozenset[str]:
    """Return the tools of a role or another pack's creature, with its sub-agents and variants; report what fails."""
    plugins = work.plugins
    try:
        creatures = plugins.registry.get("loader", "subagents", where="kt import")
        made: list[Creature] = creatures(plugins, Creature(subagents=(reference,)))
    except KTError as error:
        why = f"what {reference} reaches is not known ({error.what}): declare it in kt-pack.toml, and its pack"
        work.report.add("dropped", "needs", place, f"{why} in pyproject.toml")
        return frozenset()
    if any("recipe" in (creature.plugins.get("terrarium") or {}) for creature in made):
        return EVERYTHING  # who leads a team may add any creature to it
    lists = [creature.tools for creature in made]
    lists += [variant.tools or () for creature in made for variant in creature.variants.values()]
    return frozenset().union(*lists)
