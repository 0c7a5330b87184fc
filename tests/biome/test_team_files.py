"""What the files of the teams say: everything named is there, and no team can run for ever."""

from pathlib import Path

import pytest
from kt import Host
from kt.testing import ScriptedLLM
from kt_terrarium.recipe import Recipe, load

from .cast import member, repository, team

pytestmark = pytest.mark.anyio

TEAMS = {
    "swe_team": {"lead", "coder", "tester", "reviewer"},
    "pair_programming": {"driver", "navigator"},
    "deep_research": {"lead", "researcher-1", "researcher-2", "researcher-3", "checker"},
}


@pytest.fixture(params=TEAMS)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return load(Host().plugins, request.param)


def test_a_team_is_found_by_name_and_by_path(recipe: Recipe) -> None:
    by_path = load(Host().plugins, f"@kt-biome/terrariums/{recipe.name}")
    assert by_path.path == recipe.path
    assert set(recipe.seats) == TEAMS[recipe.name]
    assert recipe.root == next(iter(recipe.seats))


def test_every_tool_and_guard_is_registered(recipe: Recipe) -> None:
    registry = Host().registry
    for name, (_, creature) in recipe.seats.items():
        kinds = [creature, *creature.variants.values()]
        assert "compact" in creature.variants, name
        for made in kinds:
            for tool in made.tools or ():
                assert registry.find("tool", tool), f"{name}: {tool}"
            for helper in made.subagents or ():
                assert registry.find("subagent", str(helper)), f"{name}: {helper}"
        assert set(creature.guards) >= {"permissions", "sandbox", "redact"}, name
        assert creature.variants["compact"].subagents == () or not creature.subagents, name


def test_every_channel_has_both_ends_and_everybody_is_reached(recipe: Recipe) -> None:
    for name, pipe in recipe.channels.items():
        assert any(name in seat.channels.can_send for seat, _ in recipe.seats.values()), name
        assert any(name in seat.channels.listen for seat, _ in recipe.seats.values()), name
        assert pipe.description, name
    ways = {name: [wire.to for wire in seat.wires] for name, (seat, _) in recipe.seats.items()}
    for seat, _ in recipe.seats.values():
        for channel in seat.channels.can_send:
            ways[seat.name] += [n for n, (other, _) in recipe.seats.items() if channel in other.channels.listen]
    assert reach(ways, recipe.root) == set(recipe.seats), "what the root sends starts everybody's work"
    assert all(recipe.root in reach(ways, name) for name in ways), "everybody's work comes back to the root"


def reach(ways: dict[str, list[str]], start: str) -> set[str]:
    reached, waiting = {start}, [start]
    while waiting:
        new = set(ways[waiting.pop()]) - reached
        reached |= new
        waiting.extend(new)
    return reached


def test_no_team_runs_for_ever(recipe: Recipe) -> None:
    assert recipe.limits.max_turns
    assert recipe.limits.max_creatures == len(recipe.seats)
    assert recipe.limits.max_hops <= 60
    assert all(creature.limits.max_turns for _, creature in recipe.seats.values())


ROUND = {"swe_team": 3, "pair_programming": 2, "deep_research": 3}


def test_the_message_that_is_too_much_is_the_root_s_own(recipe: Recipe) -> None:
    """A wire that is cut tells nobody; a call of send_message that is, its creature reads."""
    assert recipe.limits.max_hops % ROUND[recipe.name] == 0


def test_only_the_root_sends_what_starts_work(recipe: Recipe) -> None:
    senders = [name for name, (seat, _) in recipe.seats.items() if seat.channels.can_send]
    assert senders == [recipe.root]
    assert not recipe.seats[recipe.root][0].wires


async def test_creatures_know_their_place_and_small_models_get_a_short_prompt(tmp_path: Path, recipe: Recipe) -> None:
    class Small(ScriptedLLM):
        variant = "compact"

    for llm in ScriptedLLM(lambda request: "Nothing to do."), Small(lambda request: "Nothing to do."):
        async with await team(recipe.name, llm, repository(tmp_path / type(llm).__name__)) as agent:
            assert (await agent.run("Is there anything to do?")).text == "Nothing to do."
            for made in member(agent).engine.members.values():
                assert f"You are {made.name}, one of several" in made.agent.system
                sends = [c.name for c in made.graph.sends_on(made.name)]
                assert ("send_message" in made.agent.tools) == bool(sends)
                if isinstance(llm, Small):
                    assert len(made.agent.system) < 2_000
                    assert len(made.agent.tools) <= 6
