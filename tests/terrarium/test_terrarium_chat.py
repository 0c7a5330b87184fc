"""/team: a team seen and changed in a conversation."""

from pathlib import Path

import pytest
from kt import Agent, Terrarium
from kt.errors import NotFound, UsageError
from kt.testing import running
from kt_terrarium.chat import VERBS, team

from .conftest import says, told

pytestmark = pytest.mark.anyio
RECIPE = {
    "name": "farm",
    "creatures": [
        {"name": "lead", "channels": {"can_send": ["talk"]}},
        {"name": "owl", "channels": {"listen": ["talk"]}, "output_wiring": ["lead"]},
    ],
    "channels": {"talk": "what is said"},
}


async def farm() -> tuple[Terrarium, Agent]:
    engine = await Terrarium.from_recipe(RECIPE, llm=says("fine"))
    return engine, engine.member("lead").agent


async def test_it_shows_who_is_there_and_on_what_they_talk() -> None:
    engine, lead = await farm()
    async with engine:
        assert (await team(lead, "")).splitlines() == [
            "lead: idle, 0 turns, 0 tokens, scripted",
            "owl: idle, 0 turns, 0 tokens, scripted",
            "#talk: lead -> owl, 0 messages",
            "owl => lead",
        ]
        usage = await team(lead, "help")
        assert [verb for verb in VERBS if f" {verb} " not in usage] == []


async def test_a_team_is_changed_while_it_works(tmp_path: Path) -> None:
    (tmp_path / "bee.yaml").write_text("prompt: You are a bee.\n")
    engine, lead = await farm()
    async with engine:
        assert await team(lead, f"add {tmp_path / 'bee.yaml'} bee") == "bee is there"
        assert await team(lead, "connect owl bee gossip") == "bee hears owl on gossip"
        assert await team(lead, "send gossip it rains") == "sent to bee"
        assert await team(lead, "wire bee owl") == "what bee answers goes to owl"
        await engine.quiet()
        bee = engine.member("bee")
        assert told(bee.agent) == ["[#gossip] user: it rains"]
        assert await team(lead, "stop bee") == "bee is stopped"
        assert bee.state == "stopped"
        assert await team(lead, "start bee") == "bee is started"
        assert await team(lead, "unwire bee owl") == "what bee answers does not go to owl any more"
        assert await team(lead, "disconnect owl bee") == "bee does not hear owl any more"
        assert await team(lead, "remove bee") == "bee is gone"
        assert list(engine.members) == ["lead", "owl"]


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ("dance", UsageError, "can't 'dance'"),
        ("add", UsageError, "add REF"),
        ("remove nobody", NotFound, "no creature 'nobody'"),
        ("remove lead", UsageError, "can't do without"),
        ("stop lead", UsageError, "ends with the conversation"),
        ("connect lead", UsageError, "connect A B"),
        ("send talk", UsageError, "send CHANNEL TEXT"),
        ("send nowhere hello", NotFound, "no channel 'nowhere'"),
    ],
)
async def test_what_can_not_be_done_says_why(words: str, error: type[Exception], said: str) -> None:
    engine, lead = await farm()
    async with engine:
        with pytest.raises(error, match=said):
            await team(lead, words)


async def test_a_creature_without_a_team_says_so() -> None:
    async with running() as agent:
        with pytest.raises(UsageError, match="no team"):
            await team(agent, "")
