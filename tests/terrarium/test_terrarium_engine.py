"""An engine: names, folders, many at once, life and end, what is shared and what is private."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from kt import Context, Host, Terrarium, Text, tool
from kt.errors import ConfigError, NotFound, UsageError
from kt.testing import ScriptedLLM

from .conftest import Gate, last, results, says, told, until

pytestmark = pytest.mark.anyio


async def test_names_are_unique() -> None:
    async with Terrarium(llm=says()) as engine:
        names = [(await engine.add_creature({"name": "coder"})).name for _ in range(3)]
        assert names == ["coder", "coder-2", "coder-3"]
        with pytest.raises(ConfigError, match="'coder-2' already"):
            await engine.add_creature({"name": "x"}, name="coder-2")
        with pytest.raises(NotFound, match="no creature 'codr'") as missing:
            await engine.stop("codr")
        assert "coder" in missing.value.hint
        assert list(engine.members) == names


async def test_sixty_creatures_at_once_work_in_their_own_folders(tmp_path: Path) -> None:
    here = Path.cwd()

    def act(request: Any) -> Any:
        return [("note", {})] if last(request) else f"in {request.messages[-1].parts[0].text}"

    @tool
    async def note(ctx: Context[object]) -> str:
        """Say where this creature works, and whether the process is still where it was."""
        assert Path.cwd() == here
        await asyncio.sleep(0)
        return str(ctx.agent.pwd)

    async with Terrarium(llm=ScriptedLLM(act), session_dir=tmp_path / "sessions", tools=[note]) as engine:
        members = []
        for number in range(60):
            (folder := tmp_path / f"work{number}").mkdir()
            members.append(await engine.add_creature({"name": f"c{number}"}, pwd=folder))
        answers = await asyncio.gather(*[member.run("go") for member in members])
        assert [r.text for r in answers] == [f"in {tmp_path / f'work{n}'}" for n in range(60)]
        assert Path.cwd() == here
        files = [member.session for member in members]
    assert len(set(files)) == 60
    for file in files:
        assert file is not None
        assert file.stat().st_size <= 64 * 1024


async def test_run_wants_one_creature_or_a_root() -> None:
    async with Terrarium(llm=says("hi")) as engine:
        with pytest.raises(UsageError, match="which creature"):
            await engine.run("go")
        await engine.add_creature({"name": "a"})
        assert (await engine.run("go")).text == "hi"
        await engine.add_creature({"name": "b"})
        with pytest.raises(UsageError, match="which creature"):
            await engine.run("go")


async def test_what_is_sent_to_a_stopped_creature_is_there_at_its_start() -> None:
    async with Terrarium(llm=says()) as engine:
        a, b = await engine.add_creature({"name": "a"}), await engine.add_creature({"name": "b"})
        await engine.connect(a, b, channel="x")
        await b.stop()
        for number in range(3):
            await engine.send("x", str(number), sender="a")
        await engine.quiet()
        assert (told(b.agent), b.status().waiting, b.status().state) == ([], 3, "stopped")
        await b.start()
        await engine.quiet()
        assert told(b.agent) == ["[#x] a: 0", "[#x] a: 1", "[#x] a: 2"]
        assert b.status().state == "idle"


async def test_input_that_a_stop_left_waiting_is_taken_up_at_the_start() -> None:
    gate = Gate()
    async with Terrarium() as engine:
        a = await engine.add_creature({"name": "a"}, llm=gate)
        a.inject("first")
        await until(lambda: gate.asked)
        a.inject("second")
        await a.stop()
        await engine.quiet()
        gate.open.set()
        await a.start()
        await engine.quiet()
        assert told(a.agent) == ["first", "second"]


async def test_input_is_not_lost_where_the_stop_comes_in_the_same_moment() -> None:
    async with Terrarium(llm=says()) as engine:
        a = await engine.add_creature({"name": "a"})
        a.inject("now")
        await a.stop()
        await asyncio.sleep(0.01)
        await a.start()
        await engine.quiet()
        assert told(a.agent) == ["now"]


async def test_a_creature_is_removed_while_it_works() -> None:
    gate = Gate()
    async with Terrarium(llm=says()) as engine:
        a, b = await engine.add_creature({"name": "a"}), await engine.add_creature({"name": "b"}, llm=gate)
        c = await engine.add_creature({"name": "c"})
        await engine.add_channel("x", senders=[a], listeners=[b, c])
        await engine.send("x", "hello", sender="a")
        await engine.send("x", "again", sender="a")
        await until(lambda: gate.asked)
        await engine.remove_creature(b)
        await engine.quiet()
        assert set(engine.members) == {"a", "c"}
        assert list(a.graph.channels["x"].listeners) == ["c"]
        assert not b.agent.started
        assert told(c.agent) == ["[#x] a: hello", "[#x] a: again"]


async def test_edges_change_while_turns_run() -> None:
    gate = Gate(lambda request: [("send_message", {"channel": "x", "message": "late"})] if last(request) else "done")
    async with Terrarium(llm=says()) as engine:
        a = await engine.add_creature({"name": "a"}, llm=gate)
        b, c = await engine.add_creature({"name": "b"}), await engine.add_creature({"name": "c"})
        await engine.connect(a, b, channel="x")
        a.inject("go")
        await until(lambda: gate.asked)
        await engine.connect(a, c, channel="x")
        await engine.disconnect(a, b, channel="x")
        gate.open.set()
        await engine.quiet()
        assert (told(b.agent), told(c.agent)) == ([], ["[#x] a: late"])
        assert results(a.agent) == ["sent to c"]
        assert {frozenset(g.members) for g in engine.graphs.values()} == {frozenset("ac"), frozenset("b")}


async def test_merged_graphs_share_their_environment_and_keep_private_state() -> None:
    async with Terrarium(llm=says()) as engine:
        a, b = await engine.add_creature({"name": "a"}), await engine.add_creature({"name": "b"})
        engine.set_environment(a, "goal", "win")
        engine.set_environment(b, "goal", "lose")
        engine.set_environment(b, "place", {"x": 1})
        a.agent.state["mine"] = 1
        await engine.connect(a, b)
        assert engine.environment(a) is engine.environment(b)
        assert engine.environment(a)["place"] == {"x": 1}
        assert engine.environment(a)["goal"] in ("win", "lose")
        assert b.agent.state == {}
        await engine.disconnect(a, b)
        engine.set_environment(a, "place", None)
        assert (engine.environment(a).get("place"), engine.environment(b)["place"]) == (None, {"x": 1})


async def test_graphs_that_do_not_fit_are_not_merged() -> None:
    async with Terrarium(llm=says()) as engine:
        a, b, c, d = [await engine.add_creature({"name": name}) for name in "abcd"]
        await engine.add_channel("x", senders=[a], listeners=[b])
        await engine.add_channel("x", senders=[c], listeners=[d], type="queue")
        with pytest.raises(ConfigError, match="of different types"):
            await engine.connect(a, c, channel="y")
        with pytest.raises(ConfigError, match="its type is queue"):
            await engine.add_channel("x", senders=[d], type="broadcast")
        await engine.assign_root(a)
        with pytest.raises(ConfigError, match="has a root already"):
            await engine.assign_root(b)
        await engine.remove_channel("x", of=c)
        await engine.connect(c, d)
        await engine.assign_root(c)
        with pytest.raises(ConfigError, match="both graphs have a root"):
            await engine.wire_output(b, d)
        assert {frozenset(g.members) for g in engine.graphs.values()} == {frozenset("ab"), frozenset("cd")}
        assert not a.graph.wires


async def test_a_message_carries_what_tainted_its_sender() -> None:
    def act(request: Any) -> Any:
        return [("send_message", {"channel": "x", "message": "look"})] if last(request) else "done"

    async with Terrarium(llm=says()) as engine:
        a = await engine.add_creature({"name": "a"}, llm=ScriptedLLM(act))
        b, c = await engine.add_creature({"name": "b"}), await engine.add_creature({"name": "c"})
        await engine.connect(a, b, channel="x")
        await engine.wire_output(b, c)
        a.inject([Text("read this", origin="web mail")])
        await engine.quiet()
        assert b.agent.taint == {"web", "mail"}
        assert c.agent.taint == {"web", "mail"}


async def test_the_end_closes_everything() -> None:
    before = asyncio.all_tasks()
    gate = Gate()
    async with Terrarium(llm=gate) as engine:
        a, b = await engine.add_creature({"name": "a"}), await engine.add_creature({"name": "b"})
        await engine.connect(a, b, channel="x")
        await engine.send("x", "hello", sender="a")
        await until(lambda: gate.asked)
    assert [a.agent.started, b.agent.started] == [False, False]
    assert asyncio.all_tasks() == before


async def test_two_engines_share_a_host() -> None:
    async with Host() as host, Terrarium(host=host, llm=says("one")) as one:
        a = await one.add_creature({"name": "a"})
        async with Terrarium(host=host, llm=says("two")) as two:
            b = await two.add_creature({"name": "a"})
            assert ((await one.run("go")).text, (await two.run("go")).text) == ("one", "two")
            assert a.graph.id != b.graph.id
        assert (await one.run("still there")).text == "one"


async def test_the_prompt_says_who_else_there_is_and_follows_every_change() -> None:
    async with Terrarium(llm=says()) as engine:
        a, b, c = [await engine.add_creature({"name": name, "prompt": f"You are {name}."}) for name in "abc"]
        alone = a.agent.system
        await engine.add_channel("x", senders=[a, c], listeners=[b], description="the news")
        await engine.wire_output(b, c)
        assert "- x (heard by b): the news" in c.agent.system
        assert "You hear: x." in b.agent.system
        for change in (
            engine.connect(a, c, channel="x"), engine.disconnect(a, b, channel="x"), engine.unwire_output(b, c),
            engine.remove_channel("x", of=a),
        ):  # fmt: skip
            await change
            said = [m.agent.system for m in (a, b, c)]
            for member in (a, b, c):
                await member.agent.refresh_prompt()
            assert said == [m.agent.system for m in (a, b, c)]
        assert a.agent.system == alone
        assert "send_message" not in a.agent.tools
