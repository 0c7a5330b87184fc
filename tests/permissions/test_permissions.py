"""The guard: which needs it asks about in which mode, what an answer does, and that nobody there is a no."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kt import Agent, Profile, Tool, ToolRecord
from kt.errors import ConfigError, PluginError
from kt.events import QuestionAsked, Refused
from kt.testing import EventRecorder, running
from kt_permissions.guard import ALWAYS, NO, YES

pytestmark = pytest.mark.anyio
NEEDS = {"nothing": (), "write": ("write",), "exec": ("exec",), "net": ("net",), "write and exec": ("write", "exec"),
         "exec and net": ("exec", "net"), "something new": ("camera",)}  # fmt: skip
ASKED = {
    "ask": {"write", "exec", "net", "write and exec", "exec and net", "something new"},
    "accept-edits": {"exec", "net", "write and exec", "exec and net", "something new"},
    "auto": set(),
}
ASKED_UNSANDBOXED = {
    "ask": {"write", "net", "exec and net", "something new"},
    "accept-edits": {"net", "exec and net", "something new"},
    "auto": set(),
}


class Target:
    """A tool that notes its calls; its `needs` are the test's."""

    def __init__(self, needs: Iterable[str]) -> None:
        self.calls: list[str] = []
        self.tool = Tool(self.act, name="act", needs=needs)

    def act(self, what: str = "it") -> str:
        """Act."""
        self.calls.append(what)
        return f"did {what}"


@asynccontextmanager
async def guarded(target: Target, steps: list[Any], **settings: Any) -> AsyncIterator[Agent]:
    profile = Profile(plugins={"permissions": settings}, guards=("permissions",))
    async with running([*steps, "done"], tools=[target.tool], profile=profile) as agent:
        yield agent


def answering(agent: Agent, *answers: str) -> list[QuestionAsked]:
    """Answer the questions in order; return the list they are kept in."""
    asked: list[QuestionAsked] = []
    left = list(answers)

    def put(question: QuestionAsked) -> None:
        asked.append(question)
        answer = left.pop(0) if left else NO
        asyncio.get_running_loop().call_soon(lambda: agent.questions.answer(question.id, answer))

    agent.bus.on(QuestionAsked, put)
    return asked


def call(**arguments: Any) -> list[tuple[str, dict[str, Any]]]:
    return [("act", arguments)]


@pytest.mark.parametrize("needs", NEEDS)
@pytest.mark.parametrize("unsandboxed", [False, True])
@pytest.mark.parametrize("mode", ASKED)
async def test_each_mode_asks_about_its_needs(mode: str, unsandboxed: bool, needs: str) -> None:
    target = Target(NEEDS[needs])
    async with guarded(target, [call()], mode=mode, allow_unsandboxed=unsandboxed) as agent:
        with agent.questions.attached():
            asked = answering(agent, YES)
            await agent.run("go")
    table = ASKED_UNSANDBOXED if unsandboxed else ASKED
    assert bool(asked) == (needs in table[mode])
    assert target.calls == ["it"]


async def test_the_question_names_the_tool_its_needs_and_its_arguments() -> None:
    target = Target(["exec", "write"])
    async with guarded(target, [call(what="x")]) as agent:
        with agent.questions.attached():
            asked = answering(agent, YES)
            await agent.run("go")
    (question,) = asked
    assert question.text == "Allow act (exec, write)?"
    assert question.choices == [YES, ALWAYS, NO] == ["yes", "always in this session", "no"]
    assert (question.topic, question.call_id, question.data) == ("approval", "call_1", {"what": "x"})


async def run_once(answer: str) -> tuple[Target, ToolRecord, list[Refused]]:
    target = Target(["exec"])
    async with guarded(target, [call()]) as agent:
        recorder = EventRecorder(agent)
        with agent.questions.attached():
            answering(agent, answer)
            result = await agent.run("go")
        assert result.ok
    return target, result.tool_calls[0], recorder.of(Refused)


async def test_yes_lets_the_call_run() -> None:
    target, record, refused = await run_once(YES)
    assert (target.calls, record.result, refused) == (["it"], "did it", [])


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (NO, "denied: the user said no to act"),
        ("use the other folder", "denied: the user said no to act: use the other folder"),
        ("Yes", "denied: the user said no to act: Yes"),
        ("", "denied: the user said no to act"),
    ],
)
async def test_anything_else_is_a_no_with_its_reason(answer: str, text: str) -> None:
    target, record, refused = await run_once(answer)
    assert target.calls == []
    assert (record.result, record.error) == (None, text)
    assert [f"denied: {e.why}" for e in refused] == [text]


async def test_always_holds_for_exactly_these_arguments() -> None:
    target = Target(["exec"])
    steps = [call(what="a"), call(what="a"), call(what="b"), call(what="a"), call()]
    async with guarded(target, steps) as agent:
        with agent.questions.attached():
            asked = answering(agent, ALWAYS, YES, YES)
            await agent.run("go")
    assert [q.data for q in asked] == [{"what": "a"}, {"what": "b"}, {}]
    assert target.calls == ["a", "a", "b", "a", "it"]


async def test_always_does_not_mind_the_order_of_the_arguments() -> None:
    def act(a: int, b: int) -> str:
        """Act."""
        return "did"

    target = Target(["exec"])
    target.tool = Tool(act, needs=["exec"])
    steps = [[("act", '{"a": 1, "b": 2}')], [("act", '{"b": 2, "a": 1}')]]
    async with guarded(target, steps) as agent:
        with agent.questions.attached():
            asked = answering(agent, ALWAYS)
            await agent.run("go")
    assert len(asked) == 1


async def test_always_ends_with_the_agent_and_is_no_other_agents() -> None:
    target = Target(["exec"])
    for _ in range(2):
        async with guarded(target, [call()]) as agent:
            with agent.questions.attached():
                asked = answering(agent, ALWAYS)
                await agent.run("go")
                assert len(asked) == 1


async def test_a_yes_is_for_one_call() -> None:
    target = Target(["exec"])
    async with guarded(target, [call(), call()]) as agent:
        with agent.questions.attached():
            asked = answering(agent, YES, NO)
            await agent.run("go")
    assert len(asked) == 2
    assert target.calls == ["it"]


@pytest.mark.parametrize(("needs", "flag"), [(["exec"], True), (["net"], False), (["exec", "net"], True)])
async def test_where_nobody_can_be_asked_the_call_is_denied(needs: list[str], flag: bool) -> None:
    target = Target(needs)
    async with guarded(target, [call()]) as agent:
        result = await agent.run("go")
    assert target.calls == []
    assert result.ok
    error = str(result.tool_calls[0].error)
    assert error.startswith("denied: act needs approval and nobody can be asked; run on a terminal")
    assert ("--allow-unsandboxed" in error) == flag


async def test_parallel_calls_are_each_asked_about() -> None:
    target = Target(["exec"])
    steps = [[("act", {"what": "a"}), ("act", {"what": "b"})]]
    async with guarded(target, steps) as agent:
        with agent.questions.attached():
            asked = answering(agent, NO, YES)
            await agent.run("go")
    assert sorted(str(q.data["what"]) for q in asked) == ["a", "b"]
    assert len(target.calls) == 1


@pytest.mark.parametrize(("settings", "says"), [({"mode": "aks"}, "mode"), ({"mod": "ask"}, "did you mean mode")])
async def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(PluginError) as raised:
        async with guarded(Target(["exec"]), [], **settings):
            pass
    assert says in f"{raised.value} {raised.value.hint}"


async def test_without_a_guard_nothing_that_executes_is_built() -> None:
    with pytest.raises(ConfigError, match="nothing guards 'act'"):
        async with running([], tools=[Target(["exec"]).tool]):
            pass


async def test_a_creature_cannot_loosen_the_guard() -> None:
    target = Target(["exec"])
    creature = {"name": "sly", "plugins": {"permissions": {"mode": "auto"}}}
    profile = Profile(plugins={"permissions": {"mode": "ask"}}, guards=("permissions",))
    with pytest.raises(ConfigError, match="can't change the settings of guard 'permissions'"):
        async with running([call(), "done"], creature=creature, tools=[target.tool], profile=profile):
            pass
