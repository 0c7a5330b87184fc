"""What the plugin learns, shares and leaves alone."""

from collections.abc import Callable
from typing import Any

import kt
import pytest
from kt.events import Advice, LLMEnded, ToolEnded, ToolStarted
from kt.testing import EventRecorder, ScriptedLLM
from kt_redact.plugin import Redact
from kt_redact.secrets import Secrets

pytestmark = pytest.mark.anyio


def said(part: kt.Part) -> kt.Message:
    return kt.Message("assistant", [part], finish="stop")


async def test_without_a_secret_everything_is_the_same_object(watched: Any, cut: Any) -> None:
    asked: list[Any] = []

    class Inside:
        @kt.hookimpl
        async def kt_around_tool_call(self, call: kt.ToolCall, next: Callable[..., Any]) -> Any:
            asked.append(await next(call))
            return asked[-1]

    @kt.tool
    def plain() -> str:
        """Answer."""
        return "nothing to hide"

    llm = cut(said(kt.ToolCall("c1", "plain", "{}")), said(kt.Text("done")))
    answers = list(llm.replies)
    async with watched(llm, tools=[plain], plugins=[Inside()]) as (agent, _, recorder):
        await agent.run("go")
        first, second = recorder.of(LLMEnded)
        ended, started = recorder.of(ToolEnded)[0], recorder.of(ToolStarted)[0]
        assert [first.message, second.message] == answers
        assert first.message is agent.history[1] is answers[0]
        assert ended.result is asked[0]
        assert ended.call is started.call
        assert all(a is b for a, b in zip(llm.requests[1].messages, agent.history, strict=False))


async def test_what_is_sent_keeps_its_copies_so_that_wires_keep_their_bytes(
    monkeypatch: pytest.MonkeyPatch, watched: Any, cut: Any
) -> None:
    monkeypatch.setenv("MY_KEY", "my-own-password")
    llm = cut(said(kt.Text("one")), said(kt.Text("two")), said(kt.Text("three")))
    async with watched(llm) as (agent, _, _):
        agent.history.append(kt.Message("user", [kt.Text("my-own-password")]))
        await agent.run("a")
        await agent.run("another secret")
        agent.host.get(Secrets).add("another secret", "LATE")
        await agent.run("c")
    first, second, third = (r.messages for r in llm.requests)
    assert first[0] is second[0]
    assert (second[0].text, second[-1].text) == ("[redacted MY_KEY]", "another secret")
    assert [m.text for m in third if m.role == "user"] == ["[redacted MY_KEY]", "a", "[redacted LATE]", "c"]


async def test_a_plugin_can_add_secrets_and_a_tool_can_declare_them(
    monkeypatch: pytest.MonkeyPatch, watched: Any
) -> None:
    monkeypatch.setenv("PLAIN_NAME", "declared-by-a-tool")
    monkeypatch.setenv("NAMED", "named-in-the-settings")

    async def login() -> str:
        return "declared-by-a-tool named-in-the-settings added-by-hand"

    tool = kt.Tool(login, needs=kt.ToolNeeds(secrets=("PLAIN_NAME",)))
    guard = Redact(Redact.Config(env=["NAMED"], tokens=False))
    async with watched(
        ScriptedLLM([[("login", {})], "ok sk-A1b2A1b2A1b2A1b2A1b2A1"]), tools=[tool], guards=[guard]
    ) as (
        agent,
        *_,
    ):
        agent.host.get(Secrets).add("added-by-hand", "HAND")
        result = await agent.run("go")
    assert result.tool_calls[0].result == "[redacted PLAIN_NAME] [redacted NAMED] [redacted HAND]"
    assert result.text == "ok sk-A1b2A1b2A1b2A1b2A1b2A1"


async def test_agents_of_a_host_share_what_is_known_and_an_agent_may_start_again() -> None:
    async with kt.Host() as host:
        agents = [
            await kt.Agent.build({}, llm=ScriptedLLM(["safe-word-1"] * 2), host=host, guards=[Redact()]) for _ in "ab"
        ]
        async with agents[0], agents[1]:
            host.get(Secrets).add("safe-word-1", "WORD")
            assert [(await a.run("x")).text for a in agents] == ["[redacted WORD]"] * 2
    alone = await kt.Agent.build({}, llm=ScriptedLLM(["safe-word-1"] * 2), guards=[Redact()])
    for _ in range(2):
        async with alone:
            alone.host.get(Secrets).add("safe-word-1", "WORD")
            events = EventRecorder(alone)
            assert (await alone.run("safe-word-1")).text == "[redacted WORD]"
            assert "safe-word-1" not in str(events.events)
            events.off()


async def test_a_place_of_keys_that_cannot_be_read_is_told_and_does_not_stop_the_agent() -> None:
    class Locked:
        def names(self) -> list[str]:
            raise OSError("the keyring is locked")

    plugins = kt.Plugins()
    plugins.registry.add("keys", "locked", Locked)
    async with kt.Host(plugins) as host:
        agent = await kt.Agent.build({}, llm=ScriptedLLM(["hi"]), host=host, guards=[Redact()])
        events = EventRecorder(agent)
        async with agent:
            assert (await agent.run("x")).ok
    assert any("the keyring is locked" in e.text for e in events.of(Advice))
