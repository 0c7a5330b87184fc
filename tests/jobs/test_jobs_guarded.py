"""A guard asks about a job as about any call, and a no is a denial, not a failure."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from kt import Agent, Message, ToolCall, ToolResult, Vetoed, hookimpl
from kt.events import PluginFailed, QuestionAsked, Refused
from kt.testing import EventRecorder, ScriptedLLM, running

pytestmark = pytest.mark.anyio
BACK = {"run_in_background": True}


def said(message: Message) -> str:
    """Return what a message tells the model, results included."""
    return "".join(p.text for p in message.parts if isinstance(p, ToolResult)) or message.text


def call(**arguments: Any) -> list[tuple[str, dict[str, Any]]]:
    return [("work", arguments)]


class Asks:
    """A guard that asks before each call."""

    @hookimpl
    async def kt_around_tool_call(
        self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        answer = await agent.ask(QuestionAsked("", "May it?", ["yes", "no"], "approval", call.id, call.arguments))
        if answer != "yes":
            raise Vetoed(f"the user said {answer}")
        return await next(call)


def answering(agent: Agent, answer: str) -> None:
    """Answer every question, once the agent waits for it."""

    def asked(question: QuestionAsked) -> None:
        asyncio.get_running_loop().call_soon(lambda: agent.questions.answer(question.id, answer))

    agent.bus.on(QuestionAsked, asked)


@pytest.mark.parametrize("arguments", [{}, BACK], ids=["foreground", "background"])
async def test_a_guard_asks_about_a_job_as_about_any_call(work: Any, arguments: dict[str, Any]) -> None:
    work.may_end.set()
    async with running([call(**arguments), "a", "b"], tools=[work.tool], guards=[Asks]) as agent:
        recorder = EventRecorder(agent)
        with agent.questions.attached():
            answering(agent, "yes")
            assert (await agent.run("go")).ok
    assert work.seen == [{"what": "it"}]
    # The guard sees what will run: not how it is run.
    assert [q.data for q in recorder.of(QuestionAsked)] == [{}]


async def test_a_denied_call_is_denied_and_nothing_failed(work: Any) -> None:
    async with running([call(), "I see."], tools=[work.tool], guards=[Asks]) as agent:
        recorder = EventRecorder(agent)
        with agent.questions.attached():
            answering(agent, "no")
            result = await agent.run("go")
    assert result.tool_calls[0].error == "denied: the user said no"
    assert [e.why for e in recorder.of(Refused)] == ["the user said no"]
    assert recorder.of(PluginFailed) == []
    assert work.seen == []


async def test_a_denied_job_is_refused_when_its_answer_comes(work: Any) -> None:
    llm = ScriptedLLM([call(**BACK), "It runs.", "I see."])
    async with running(llm, tools=[work.tool], guards=[Asks]) as agent:
        recorder = EventRecorder(agent)
        with agent.questions.attached():
            answering(agent, "no")
            assert (await agent.run("go")).text == "I see."
    assert said(llm.requests[-1].messages[-1]) == "[work (j1) failed]\ndenied: the user said no"
    assert [e.why for e in recorder.of(Refused)] == ["the user said no"]
    assert recorder.of(PluginFailed) == []
    assert work.seen == []


async def test_where_nobody_can_be_asked_a_job_is_denied(work: Any) -> None:
    async with running([call(**BACK), "It runs.", "I see."], tools=[work.tool], guards=[Asks]) as agent:
        assert (await agent.run("go")).text == "I see."
    assert work.seen == []
