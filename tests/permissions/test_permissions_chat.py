"""/permissions: the mode, the rules and the approvals of a running agent, seen and changed by a person."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Agent, Profile, Tool, ToolNeeds
from kt.errors import DataError, UsageError
from kt.events import QuestionAsked
from kt.testing import running
from kt_permissions.approvals import Approvals
from kt_permissions.chat import permissions, words
from kt_permissions.guard import ALWAYS, NO, SESSION

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("KT_HOME", str(folder))
    return folder


class Acting:
    """A tool that reaches the network, and notes what it did."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.tool = Tool(self.act, name="act", needs=ToolNeeds(net=("@url",)))

    def act(self, url: str) -> str:
        """Act."""
        self.done.append(url)
        return "done"


def call(host: str) -> list[tuple[str, dict[str, Any]]]:
    return [("act", {"url": f"https://{host}.test/"})]


@asynccontextmanager
async def guarded(pwd: Path, *steps: Any, acting: Acting | None = None, **options: Any) -> AsyncIterator[Agent]:
    settings = options.pop("settings", {})
    profile = Profile(plugins={"permissions": settings, "sandbox": {}}, guards=("permissions", "sandbox"))
    tools = [(acting or Acting()).tool]
    async with running(list(steps), tools=tools, profile=profile, pwd=pwd, **options) as agent:
        yield agent


@asynccontextmanager
async def somebody(agent: Agent, *answers: str) -> AsyncIterator[list[QuestionAsked]]:
    """Answer questions in order, then no, as a surface does; yield what was asked."""
    asked: list[QuestionAsked] = []
    left = list(answers)

    def put(question: QuestionAsked) -> None:
        asked.append(question)
        answer = left.pop(0) if left else NO
        asyncio.get_running_loop().call_soon(lambda: agent.questions.answer(question.id, answer))

    off = agent.bus.on(QuestionAsked, put)
    with agent.questions.attached():
        yield asked
    off()


async def test_mode_and_rules_are_shown(tmp_path: Path) -> None:
    settings = {"deny": ["bash(rm *)"], "allow": ["bash(git *)", "act"], "trusted_origins": ["intra"]}
    async with guarded(tmp_path, settings=settings) as agent:
        assert (await permissions(agent, "")).splitlines() == [
            "mode   accept-edits: what is granted passes, beyond it you are asked",
            "deny   bash(rm *)",
            "ask    -",
            "allow  bash(git *), act",
            "trust  content from intra",
            "/permissions mode plan|ask|accept-edits|auto, /permissions forget N|all",
        ]
        assert "mode auto" in words(agent)


async def test_a_mode_is_in_force_at_once(tmp_path: Path) -> None:
    acting = Acting()
    async with guarded(tmp_path, call("a"), "1", call("b"), "2", acting=acting, settings={"allow": ["act"]}) as agent:
        assert "the mode is plan" in await permissions(agent, "mode plan")
        assert (await permissions(agent, "")).startswith(
            "mode   plan: nothing is changed and nothing runs (in this conversation; else accept-edits)\n"
        )
        (refused,) = (await agent.run("go")).tool_calls
        assert "in plan mode nothing is changed" in str(refused.error)
        await permissions(agent, "mode accept-edits")
        assert "(in this" not in await permissions(agent, "")
        (done,) = (await agent.run("go")).tool_calls
    assert (done.error, acting.done) == (None, ["https://b.test/"])


async def test_the_mode_is_that_of_sub_agents_too(tmp_path: Path) -> None:
    acting = Acting()
    helper = {"name": "helper", "description": "It helps.", "prompt": "You help.", "tools": ["act"]}
    task = [("task", {"agent": "helper", "prompt": "act", "wait": True})]
    steps = [task, call("a"), "I could not", "it could not"]
    settings = {"allow": ["act"]}
    async with guarded(tmp_path, *steps, acting=acting, subagents=[helper], settings=settings) as agent:
        await permissions(agent, "mode plan")
        assert (await agent.run("go")).text == "it could not"
    assert acting.done == []


@pytest.mark.parametrize(("answer", "mode"), [("yes", "auto"), ("no", "accept-edits")])
async def test_auto_is_asked_about_once_more(tmp_path: Path, answer: str, mode: str) -> None:
    async with guarded(tmp_path) as agent:
        for _ in range(2):
            await permissions(agent, "mode accept-edits")
            async with somebody(agent, answer) as asked:
                said = await permissions(agent, "mode auto")
            assert len(asked) == 1
            assert f"the mode {'is' if mode == 'auto' else 'stays'} {mode}" in said
            assert agent.plugin("permissions").mode == mode


async def test_where_nobody_answers_it_does_not_become_auto(tmp_path: Path) -> None:
    async with guarded(tmp_path) as agent:
        assert await permissions(agent, "mode auto") == "the mode stays accept-edits"


async def test_approvals_are_listed_and_taken_back(tmp_path: Path) -> None:
    acting = Acting()
    steps = [call("a"), "1", call("b"), "2", call("a"), "3", call("b"), "4"]
    async with guarded(tmp_path, *steps, acting=acting) as agent:
        async with somebody(agent, SESSION, ALWAYS):
            await agent.run("go")
            await agent.run("go")
        shown = (await permissions(agent, "")).splitlines()[4:-1]
        assert shown[0] == "approved, for exactly these calls in this folder:"
        assert shown[1].startswith('  1  in this session  act {"url": "https://a.test/"} (')
        assert shown[2].startswith('  2  always           act {"url": "https://b.test/"} (')
        assert "a.test" in await permissions(agent, "forget 1")
        assert await permissions(agent, "forget all") == "1 approval of this folder taken back"
        assert "approved" not in await permissions(agent, "")
        async with somebody(agent) as asked:
            await agent.run("go")
            await agent.run("go")
        assert len(asked) == 2
    assert acting.done == ["https://a.test/", "https://b.test/"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("dance", "can't 'dance'"), ("mode", "which mode"), ("mode wild", "'wild' is no mode"),
        ("forget", "no approval ''"), ("forget 1", "no approval '1'"), ("forget 0", "no approval '0'"),
    ],
)  # fmt: skip
async def test_what_can_not_be_done_says_why(tmp_path: Path, given: str, said: str) -> None:
    async with guarded(tmp_path) as agent:
        with pytest.raises(UsageError, match=said) as raised:
            await permissions(agent, given)
        assert raised.value.hint


async def test_without_a_guard_it_says_so(tmp_path: Path) -> None:
    async with running(pwd=tmp_path) as agent:
        with pytest.raises(UsageError, match="nothing asks for permission"):
            await permissions(agent, "")


# Approvals taken back


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["session", "always"]))), st.sets(st.integers(0, 9)))
def test_what_is_forgotten_is_gone_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, given: list[tuple[int, Any]], gone: set[int]
) -> None:
    file, folder = tmp_path_factory.mktemp("approvals") / "a.jsonl", Path("/project")
    approvals = Approvals(file)
    for number, scope in given:
        approvals.remember("t", {"n": number}, [], folder, scope=scope)
    approvals.remember("t", {}, [], Path("/elsewhere"), scope="always")
    listed = approvals.listed(folder)
    approvals.forget([each for at, each in enumerate(listed) if at in gone])
    kept = [each for at, each in enumerate(listed) if at not in gone]
    assert approvals.listed(folder) == kept
    assert [n for n in range(5) if approvals.knows("t", {"n": n}, [], folder)] == sorted(
        {each.arguments["n"] for each in kept}
    )
    assert Approvals(file).listed(folder) == [each for each in kept if each.scope == "always"]
    assert Approvals(file).knows("t", {}, [], Path("/elsewhere"))


def test_a_file_that_was_changed_is_not_written(tmp_path: Path) -> None:
    approvals = Approvals(tmp_path / "a.jsonl")
    approvals.remember("t", {}, [], tmp_path, scope="always")
    (found,) = approvals.listed(tmp_path)
    with approvals.file.open("a") as out:
        out.write("nonsense\n")
    before = approvals.file.read_bytes()
    with pytest.raises(DataError, match="was changed"):
        approvals.forget([found])
    assert approvals.file.read_bytes() == before
