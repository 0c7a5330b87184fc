"""What an inspection knows of our own tools, roles and creatures is what they are."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Creature, Plugins, Tool, ToolNeeds
from kt.errors import DataError
from kt_config.documents import interpolate
from kt_marketplace.inspect import Installed, Wheel, ours
from kt_marketplace.inspect.case import Case
from kt_marketplace.inspect.parts import KINDS, Parts
from kt_marketplace.needs import Needs

from .wheels import make_pack

PLUGINS = Plugins()
BIOME = Path(__file__).parents[2] / "plugins" / "biome" / "kt_biome"
PLACES = sorted(
    str(p.parent.relative_to(BIOME)) for p in BIOME.glob("*/*/*.yaml") if p.stem in ("creature", "terrarium")
)
SEARCHING = {"rg", "python"}
"""Programs that tools run to search, which is reading."""


def reached(part: Any) -> Needs:
    """Return what a creature, a table of one or a variant reaches, with its sub-agents and its team."""

    def of(key: str) -> Any:
        return (part.get(key) if isinstance(part, dict) else getattr(part, key, None)) or ()

    found = Needs()
    for tool in of("tools"):
        found |= ours.TOOLS.get(tool, Needs())
    for child in of("subagents"):
        found |= of_reference(child) if isinstance(child, str) else reached(child)
    for variant in dict(of("variants")).values():
        found |= reached(variant)
    if recipe := (dict(of("plugins")).get("terrarium") or {}).get("recipe"):
        for member in PLUGINS.registry.get("loader", "team")(PLUGINS, recipe).values():
            found |= reached(member)
    return found


def of_reference(reference: str) -> Needs:
    if (role := PLUGINS.registry.find("subagent", reference)) is not None:
        return reached(role.load()())
    creature: Creature = PLUGINS.registry.get("loader", "creature")(PLUGINS, reference)
    return reached(creature)


def same(one: Needs, other: Needs) -> bool:
    return not one.beyond(other) and not other.beyond(one)


def test_the_roles() -> None:
    assert set(ours.SUBAGENTS) == set(PLUGINS.registry.names("subagent"))
    for role, needs in ours.SUBAGENTS.items():
        assert same(of_reference(role), needs), role
        assert ours.reach_of(role) == needs


@pytest.mark.parametrize("place", PLACES)
def test_the_creatures_and_teams(place: str) -> None:
    known, made = ours.CREATURES[place], of_reference(f"@kt-biome/{place}")
    assert not made.beyond(known)
    assert place == "creatures/root" or same(made, known)
    for reference in (f"@kt-biome/{place}", f"@kt_biome/./{place}//", f"@kt-biome/{place}/creature.yaml"):
        assert ours.reach_of(reference) == known
    assert ours.reach_of(place.rpartition("/")[2]) == known


def test_no_more_is_known_than_there_is() -> None:
    assert {place for place in ours.CREATURES if not place.endswith(".yaml")} == set(PLACES)
    assert all((BIOME / place).exists() for place in ours.CREATURES)
    for reference in (
        "@kt-biome",
        "@kt-biome/creatures",
        "@other/creatures/swe",
        "@kt-biome/../creatures/swe",
        "nobody",
    ):
        assert ours.reach_of(reference) is None


@pytest.mark.parametrize("kind", [*KINDS.values(), "plugin", "subagent", "creature", "terrarium"])
def test_the_names(kind: str) -> None:
    assert ours.names()[kind] == set(PLUGINS.registry.names(kind))


def test_the_tools() -> None:
    registry = PLUGINS.registry
    assert set(registry.names("tool")) >= ours.TOOLS.keys()
    for name in registry.names("tool"):
        tool = registry.get("tool", name)
        asked = tool.needs if isinstance(tool, Tool) else ToolNeeds(reads=())
        declared = {"writes": asked.writes, "net": asked.net, "exec": tuple(set(asked.exec) - SEARCHING)}
        needs = ours.TOOLS.get(name, Needs())
        known = {kind for kind in declared if getattr(needs, kind)}
        assert known <= {kind for kind in declared if declared[kind]}, f"{name} needs less than is known of it"
        assert bool(known) == any(declared.values()), f"{name} needs more than is known of it"


class Unset(dict[str, str]):
    """An environment of which a text shows what it would take in."""

    def get(self, name: str, default: Any = None) -> Any:
        return f"${{{name}}}" if default is None else default


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    wheel = Wheel.read(make_pack(tmp_path_factory.mktemp("case"), "kt-x"))
    return Case.of(wheel, installed=Installed(), official=(), known=(), plugin=True)


@given(
    text=st.lists(st.sampled_from(["${", "}", "A", "B_KEY", ":", "bash", "$", "{", " ", "${A:x}"]), max_size=9).map(
        "".join
    )
)
def test_texts_are_filled_as_kt_config_fills_them_where_nothing_is_set(case: Case, text: str) -> None:
    parts = Parts(case, "x.yaml")
    filled = parts.fill(text)
    assert filled == interpolate(text, Unset(), lambda at, name: DataError(name))
    variables = any(f"${{{name}}}" in text for name in ("A", "B_KEY", "bash"))
    assert bool(parts.asked or parts.variables) == (filled != text or variables)
