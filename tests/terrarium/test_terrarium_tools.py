"""The tools of a place in a graph, who has them, and the hooks around them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Terrarium, Vetoed, hookimpl
from kt.testing import ScriptedLLM
from kt_terrarium.engine import Member
from kt_terrarium.hooks import Spawn
from kt_terrarium.post import Post

from .conftest import results, says, told

pytestmark = pytest.mark.anyio

GROUP = [
    "group_status", "group_add_node", "group_spawn", "group_remove", "group_start", "group_stop", "group_channel",
    "group_wire", "group_send",
]  # fmt: skip


def calls(*wanted: tuple[str, dict[str, Any]]) -> ScriptedLLM:
    """Return a model that makes one call after the other, a reply each, whatever it is told first."""
    steps: list[Any] = [[call] for call in wanted]
    return ScriptedLLM(lambda request: steps.pop(0) if steps else "done")


async def test_a_tool_comes_and_goes_with_the_place() -> None:
    async with Terrarium(llm=says()) as engine:
        a, b = await engine.add_creature({"name": "a"}), await engine.add_creature({"name": "b"})
        assert (list(a.agent.tools), list(b.agent.tools)) == ([], [])
        await engine.connect(a, b, channel="x")
        assert (list(a.agent.tools), list(b.agent.tools)) == (["send_message"], [])
        await engine.assign_root(b)
        assert list(b.agent.tools) == ["send_message", *GROUP]
        assert list(a.agent.tools) == ["send_message"]
        await engine.remove_channel("report_to_root", of=b)
        await engine.remove_channel("x", of=a)
        assert list(a.agent.tools) == []


async def test_who_is_not_privileged_is_refused() -> None:
    tools = [(name, {"name": "b", "action": "remove", "channel": "x", "source": "a", "target": "b", "creature": "@p/c",
                     "task": "t", "message": "m"}) for name in GROUP]  # fmt: skip
    async with Terrarium(llm=says()) as engine:
        boss = await engine.add_creature({"name": "boss"}, is_privileged=True)
        b = await engine.add_creature({"name": "b"})
        a = await engine.add_creature({"name": "a"}, llm=calls(*tools))
        await engine.connect(a, b, channel="x")
        a.agent.set_tools(boss.agent.tool_list)  # as if a plugin handed them on
        wanted = {t.name: set(t.parameters["properties"]) for t in a.agent.tool_list}
        for call in tools:
            for key in [k for k in call[1] if k not in wanted[call[0]]]:
                del call[1][key]
        await a.run("go")
        assert len(results(a.agent)) == len(GROUP)
        assert all("a is not privileged" in text for text in results(a.agent)), results(a.agent)
        assert set(engine.members) == {"boss", "a", "b"}


async def test_a_privileged_creature_manages_its_group_and_no_other() -> None:
    llm = calls(
        ("group_channel", {"action": "join", "channel": "y", "senders": ["b"], "listeners": ["c"]}),
        ("group_wire", {"action": "add", "source": "b", "target": "c", "prompt": "{source}: {content}"}),
        ("group_stop", {"name": "c"}),
        ("group_send", {"name": "b", "message": "work"}),
        ("group_status", {}),
        ("group_start", {"name": "c"}),
        ("group_send", {"name": "stranger", "message": "hello"}),
        ("group_channel", {"action": "leave", "channel": "y", "senders": ["b"], "listeners": ["c"]}),
        ("group_wire", {"action": "remove", "source": "b", "target": "c"}),
        ("group_remove", {"name": "c"}),
        ("group_remove", {"name": "boss"}),
        ("group_stop", {"name": "boss"}),
    )
    async with Terrarium(llm=says("done it")) as engine:
        boss = await engine.add_creature({"name": "boss"}, llm=llm, is_privileged=True)
        b = await engine.add_creature({"name": "b"}, graph=boss)
        await engine.add_creature({"name": "c"}, graph=boss)
        await engine.add_creature({"name": "stranger"})
        await boss.run("go")
        await engine.quiet()
        said = results(boss.agent)
        assert said[:4] == ["y: b -> c", "what b answers goes to c", "c is stopped", "b has it"]
        assert "boss (you): running" in said[4]
        assert "c: stopped" in said[4]
        assert "channel y (broadcast): b -> c" in said[4]
        assert "wire: b -> c" in said[4]
        assert said[5] == "c is started"
        assert "no creature 'stranger' in your group" in said[6]
        assert said[7:10] == ["c left y", "b is not wired to c any more", "c is gone"]
        assert "can't remove yourself" in said[10]
        assert "can't stop yourself" in said[11]
        assert told(b.agent) == ["[boss] work"]
        assert set(engine.members) == {"boss", "b", "stranger"}


async def test_only_creatures_of_packs_can_be_added(tmp_path: Path) -> None:
    file = tmp_path / "evil.yaml"
    file.write_text("name: evil\n")
    named = [str(file), "./evil.yaml", "evil", "../evil.yaml"]
    wanted = [("group_add_node", {"creature": name}) for name in named]
    wanted += [("group_spawn", {"creature": name, "task": "x"}) for name in named]
    async with Terrarium(llm=says(), pwd=tmp_path) as engine:
        boss = await engine.add_creature({"name": "boss"}, llm=calls(*wanted), is_privileged=True)
        await boss.run("go")
        assert len(results(boss.agent)) == 8
        assert all("only creatures of installed packs" in text for text in results(boss.agent))
        assert list(engine.members) == ["boss"]


class Censor:
    """A plugin that changes, refuses and swallows messages, and has its say about new creatures."""

    name = "censor"

    @hookimpl
    async def kt_around_message(self, agent: Agent, message: Post, next: Callable[[Post], Any]) -> str:
        if "secret" in message.text:
            raise Vetoed("no secrets")
        if "spam" in message.text:
            return "sent, as far as you know"
        assert message.message.text.endswith(message.text)
        said: str = await next(replace(message, text=message.text.upper()))
        return said + ", politely"

    @hookimpl
    async def kt_around_spawn(self, agent: Agent, spawn: Spawn, next: Callable[[Spawn], Any]) -> Member:
        if spawn.name == "evil":
            raise Vetoed("not that one")
        made: Member = await next(replace(spawn, name="kind"))
        return made


async def test_a_plugin_stands_between_creatures() -> None:
    words = ("a secret", "spam", "hello")
    llm = calls(*[("send_message", {"channel": "x", "message": text}) for text in words])
    async with Terrarium(llm=says()) as engine:
        a = await engine.add_creature({"name": "a"}, llm=llm, plugins=[Censor()])
        b = await engine.add_creature({"name": "b"})
        await engine.connect(a, b, channel="x")
        await a.run("go")
        await engine.quiet()
        assert "no secrets" in results(a.agent)[0]
        assert results(a.agent)[1:] == ["sent, as far as you know", "sent to b, politely"]
        assert told(b.agent) == ["[#x] a: HELLO"]


async def test_a_plugin_has_its_say_about_new_creatures(tmp_path: Path) -> None:
    llm = calls(
        ("group_add_node", {"creature": "@kt-biome/creatures/general", "name": "evil"}),
        ("group_spawn", {"creature": "@kt-biome/creatures/general", "task": "look"}),
    )
    async with Terrarium(llm=says("seen"), pwd=tmp_path) as engine:
        boss = await engine.add_creature({"name": "boss"}, llm=llm, is_privileged=True, plugins=[Censor()])
        await boss.run("go")
        await engine.quiet()
        assert "not that one" in results(boss.agent)[0]
        assert results(boss.agent)[1] == "kind works on it"
        assert set(engine.members) == {"boss", "kind"}
        assert told(engine.member("kind").agent) == ["[boss] LOOK"]
        assert told(boss.agent)[-1] == "[kind] seen"


async def test_one_may_send_only_where_one_has_a_channel() -> None:
    llm = calls(("send_message", {"channel": "y", "message": "hello"}))
    async with Terrarium(llm=says()) as engine:
        a, b = await engine.add_creature({"name": "a"}, llm=llm), await engine.add_creature({"name": "b"})
        await engine.connect(a, b, channel="x")
        await engine.connect(b, a, channel="y")
        await a.run("go")
        assert "you can't send on a channel 'y'" in results(a.agent)[0]
        assert told(b.agent) == []
