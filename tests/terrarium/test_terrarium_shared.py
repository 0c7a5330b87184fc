"""What creatures share, what wakes them on a channel, and a graph told again from its session."""

from pathlib import Path

import pytest
from kt import Terrarium
from kt.errors import ConfigError, NotFound
from kt.testing import ScriptedLLM, running

from .conftest import results, says, told

pytestmark = pytest.mark.anyio


async def test_the_environment_is_read_and_written_by_a_tool() -> None:
    def call(**arguments: str) -> list[tuple[str, dict[str, str]]]:
        return [("environment", arguments)]

    writes = ScriptedLLM([call(action="set", key="port", value="8080"), call(action="set"), "done"])
    reads = ScriptedLLM(
        [call(action="list"), call(action="get", key="port"), call(action="get", key="prot"),
         call(action="remove", key="port"), call(action="list"), "done"]
    )  # fmt: skip
    async with Terrarium() as engine:
        a = await engine.add_creature({"name": "a", "tools": ["environment"]}, llm=writes)
        b = await engine.add_creature({"name": "b", "tools": ["environment"]}, llm=reads, graph=a)
        alone = await engine.add_creature({"name": "c"}, llm=says())
        await a.run("set it")
        assert results(a.agent) == ["done", "set needs a key"]
        assert (engine.environment(b), engine.environment(alone)) == ({"port": "8080"}, {})
        await b.run("read it")
        missing = "nothing is shared as 'prot' (did you mean port?)"
        assert results(b.agent) == ["port: 8080", "8080", missing, "done", "nothing is shared yet"]


async def test_a_channel_wakes_a_creature_in_words_of_its_own() -> None:
    trigger = {"name": "channel", "channel": "news", "prompt": "{source} has news: {content}", "sender": "ant"}
    async with Terrarium(llm=says("ok")) as engine:
        ant, bee = await engine.add_creature({"name": "ant"}), await engine.add_creature({"name": "bee"})
        owl = await engine.add_creature({"name": "owl", "triggers": [trigger]}, graph=ant)
        await engine.add_channel("news", senders=[ant, bee])
        await engine.send("news", "rain", sender="ant")
        await engine.send("news", "sun", sender="bee")
        await engine.quiet()
        assert told(owl.agent) == ["ant has news: rain"]


async def test_the_trigger_needs_a_terrarium() -> None:
    with pytest.raises(ConfigError, match="needs a terrarium"):
        async with running(triggers=[{"name": "channel", "channel": "news"}]):
            pass


async def test_a_session_tells_again_what_happened_in_its_order(tmp_path: Path) -> None:
    async with Terrarium(llm=says("ok"), session_dir=tmp_path) as engine:
        ant, owl = await engine.add_creature({"name": "ant"}), await engine.add_creature({"name": "owl"})
        await engine.connect(ant, owl, channel="news")
        await engine.send("news", "rain", sender="ant")
        await engine.quiet()
        home = engine.graph_of(ant).log.path
        assert home is not None
    kinds = [each.kind for each in Terrarium.replay(home)]
    sent, taken = kinds.index("message_sent"), kinds.index("turn_started")
    assert kinds.index("channel_joined") < sent < taken < kinds.index("turn_ended")
    assert [e.body["text"] for e in Terrarium.replay(home, channel="news") if e.kind == "message_sent"] == ["rain"]
    assert {e.creature for e in Terrarium.replay(home, "turn_started", "turn_ended", creature="owl")} == {"owl"}
    times = [each.time for each in Terrarium.replay(home)]
    assert times == sorted(times)


async def test_a_session_without_a_graph_has_nothing_to_tell(tmp_path: Path) -> None:
    async with running(["hello"], session=tmp_path / "one.ktlog") as agent:
        await agent.run("hi")
    with pytest.raises(NotFound, match="no graph"):
        list(Terrarium.replay(tmp_path / "one.ktlog"))
