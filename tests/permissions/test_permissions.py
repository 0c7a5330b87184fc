"""The guard: what it asks about in which mode, what an answer opens, and that nobody there is a no."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Context, Profile, Text, Tool, ToolNeeds, ToolRecord, tool
from kt.errors import ConfigError, KTError
from kt.events import QuestionAsked, Refused
from kt.testing import EventRecorder, running
from kt_permissions.guard import ALWAYS, NO, ONCE, SESSION
from kt_sandbox import probe
from kt_sandbox.launch import Direct

pytestmark = pytest.mark.anyio
NEEDS = {
    "nothing": ToolNeeds(),
    "write": ToolNeeds(writes=("@path",)),
    "write outside": ToolNeeds(writes=("@outside",)),
    "read outside": ToolNeeds(reads=("@outside",)),
    "exec": ToolNeeds(exec=("any",)),
    "net": ToolNeeds(net=("@url",)),
    "granted net": ToolNeeds(net=("@granted",)),
    "secret": ToolNeeds(secrets=("DEPLOY_KEY",)),
}
ARGUMENTS = {"path": "a.txt", "outside": "/nowhere/x", "url": "https://evil.test/", "granted": "https://good.test/"}
ASKED = {
    "ask": set(NEEDS) - {"nothing"},
    "accept-edits": {"write outside", "read outside", "net", "secret"},
    "auto": set[str](),
}


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("KT_HOME", str(folder))
    return folder


class Target:
    """A tool that notes its calls; its `needs` are the test's."""

    def __init__(self, needs: ToolNeeds, *, returns: Any = None) -> None:
        self.calls: list[str] = []
        self.returns = returns
        self.tool = Tool(self.act, name="act", needs=needs)

    def act(self, what: str = "it", path: str = "", outside: str = "", url: str = "", granted: str = "") -> Any:
        """Act."""
        self.calls.append(what)
        return f"did {what}" if self.returns is None else self.returns


@asynccontextmanager
async def guarded(target: Target, steps: list[Any], pwd: Path, **settings: Any) -> AsyncIterator[Agent]:
    plugins = {"permissions": settings, "sandbox": {"net": ["good.test"]}}
    profile = Profile(plugins=plugins, guards=("permissions", "sandbox"))
    async with running([*steps, "done"], tools=[target.tool], profile=profile, pwd=pwd) as agent:
        yield agent


def answering(agent: Agent, *answers: str) -> list[QuestionAsked]:
    """Answer the questions in order, then no; return the list they are kept in."""
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
@pytest.mark.parametrize("mode", ASKED)
async def test_each_mode_asks_about_its_needs(mode: str, needs: str, tmp_path: Path) -> None:
    target = Target(NEEDS[needs])
    async with guarded(target, [call(**ARGUMENTS)], tmp_path, mode=mode) as agent:
        with agent.questions.attached():
            asked = answering(agent, ONCE)
            await agent.run("go")
    assert bool(asked) == (needs in ASKED[mode] and not (mode == "ask" and needs == "nothing"))
    assert target.calls == ["it"]


@pytest.mark.parametrize("needs", NEEDS)
async def test_in_plan_mode_nothing_acts(needs: str, tmp_path: Path) -> None:
    target = Target(NEEDS[needs])
    async with guarded(target, [call(**ARGUMENTS)], tmp_path, mode="plan") as agent:
        with agent.questions.attached():
            answering(agent, ONCE)
            (record,) = (await agent.run("go")).tool_calls
    acts = needs not in ("nothing", "read outside", "secret")
    assert target.calls == ([] if acts else ["it"])
    if acts:
        assert record.error == "denied: in plan mode nothing is changed and nothing runs: say what you would do"


async def test_without_walls_a_program_runs_only_after_a_yes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "best", Direct)
    target = Target(NEEDS["exec"])
    plugins: dict[str, Any] = {"permissions": {}, "sandbox": {"require": "none"}}
    profile = Profile(plugins=plugins, guards=("permissions", "sandbox"))
    async with running([call(), call(), "done"], tools=[target.tool], profile=profile, pwd=tmp_path) as agent:
        with agent.questions.attached():
            asked = answering(agent, ONCE, NO)
            await agent.run("go")
    assert [q.text for q in asked] == ["Allow act? (run programs outside a sandbox)"] * 2
    assert target.calls == ["it"]


async def test_the_question_names_the_call_and_why_it_is_asked(tmp_path: Path) -> None:
    async with guarded(Target(NEEDS["net"]), [call(url="https://evil.test/x")], tmp_path) as agent:
        with agent.questions.attached():
            asked = answering(agent, ONCE)
            await agent.run("go")
    (question,) = asked
    assert question.text == "Allow act? (reach evil.test:443)"
    assert question.choices == [ONCE, SESSION, ALWAYS, NO]
    assert (question.topic, question.call_id) == ("approval", "call_1")
    assert question.data == {"url": "https://evil.test/x"}


async def run_once(answer: str, pwd: Path) -> tuple[Target, ToolRecord, list[Refused]]:
    target = Target(NEEDS["net"])
    async with guarded(target, [call(url="https://evil.test/")], pwd) as agent:
        recorder = EventRecorder(agent)
        with agent.questions.attached():
            answering(agent, answer)
            result = await agent.run("go")
        assert result.ok
    return target, result.tool_calls[0], recorder.of(Refused)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (NO, "denied: the user said no to act"),
        ("use the other host", "denied: the user said no to act: use the other host"),
        ("Yes", "denied: the user said no to act: Yes"),
        ("", "denied: the user said no to act"),
    ],
)
async def test_anything_but_a_yes_is_a_no_with_its_reason(answer: str, text: str, tmp_path: Path) -> None:
    target, record, refused = await run_once(answer, tmp_path)
    assert target.calls == []
    assert (record.result, record.error) == (None, text)
    assert [f"denied: {e.why}" for e in refused] == [text]


@pytest.mark.parametrize("answer", [ONCE, SESSION, ALWAYS])
async def test_a_yes_lets_the_call_run(answer: str, tmp_path: Path) -> None:
    target, record, refused = await run_once(answer, tmp_path)
    assert (target.calls, record.result, refused) == (["it"], "did it", [])


async def questions(answers: list[str], calls: list[Any], pwd: Path, needs: str = "read outside") -> int:
    async with guarded(Target(NEEDS[needs]), calls, pwd) as agent:
        with agent.questions.attached():
            asked = answering(agent, *answers)
            await agent.run("go")
    return len(asked)


async def test_an_answer_holds_as_long_as_it_says_and_for_exactly_that_call(tmp_path: Path) -> None:
    one, other = call(outside="/nowhere/1"), call(outside="/nowhere/2")
    (tmp_path / "elsewhere").mkdir()
    assert await questions([ONCE, ONCE], [one, one], tmp_path) == 2
    assert await questions([SESSION, ONCE], [one, one, other], tmp_path) == 2
    assert await questions([ALWAYS, ONCE], [one, one, other], tmp_path) == 2
    assert await questions([ONCE], [one, other], tmp_path) == 1
    assert await questions([ONCE], [one], tmp_path / "elsewhere") == 1


async def test_a_yes_to_a_host_is_no_yes_after_a_strangers_words(tmp_path: Path) -> None:
    one = call(url="https://evil.test/1")
    assert await questions([SESSION, ONCE], [one, one], tmp_path, "net") == 2


async def test_the_file_of_answers_is_the_users_alone(tmp_path: Path, home: Path) -> None:
    await questions([ALWAYS], [call(url="https://evil.test/1")], tmp_path, "net")
    file = home / "approvals.jsonl"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "https://evil.test/1" in file.read_text()


@pytest.mark.parametrize(
    ("needs", "remedy"), [("net", ", or with --allow-net HOST"), ("read outside", ""), ("secret", "")]
)
async def test_where_nobody_can_be_asked_the_call_is_denied(needs: str, remedy: str, tmp_path: Path) -> None:
    target = Target(NEEDS[needs])
    async with guarded(target, [call(**ARGUMENTS)], tmp_path) as agent:
        result = await agent.run("go")
    assert target.calls == []
    assert result.ok
    error = str(result.tool_calls[0].error)
    assert error.startswith("denied: act needs approval and nobody can be asked (")
    assert error.endswith(f"run on a terminal{remedy}")


async def test_parallel_calls_are_each_asked_about(tmp_path: Path) -> None:
    target = Target(NEEDS["net"])
    urls = [{"what": w, "url": f"https://{w}.test/"} for w in "ab"]
    async with guarded(target, [[("act", u) for u in urls]], tmp_path) as agent:
        with agent.questions.attached():
            asked = answering(agent, NO, ONCE)
            await agent.run("go")
    assert sorted(q.data["what"] for q in asked) == ["a", "b"]
    assert len(target.calls) == 1


@pytest.mark.parametrize(
    ("rules", "mode", "runs", "asked"),
    [
        ({"deny": ("act",)}, "auto", False, 0),
        ({"ask": ("act",)}, "auto", True, 1),
        ({"allow": ("act(evil.test)",)}, "accept-edits", True, 0),
        ({"allow": ("act(evil.test)",)}, "ask", True, 0),
        ({"allow": ("act(other.test)",)}, "accept-edits", True, 1),
        ({"allow": ("act",), "deny": ("act(evil.test)",)}, "accept-edits", False, 0),
        ({"allow": ("act",), "ask": ("act",)}, "accept-edits", True, 1),
    ],
)
async def test_deny_beats_ask_beats_allow(
    rules: dict[str, Any], mode: str, runs: bool, asked: int, tmp_path: Path
) -> None:
    target = Target(NEEDS["net"])
    async with guarded(target, [call(url="https://evil.test/")], tmp_path, mode=mode, **rules) as agent:
        with agent.questions.attached():
            heard = answering(agent, ONCE)
            await agent.run("go")
    assert (target.calls, len(heard)) == (["it"] if runs else [], asked)


@tool(name="act", needs=ToolNeeds(exec=("any",)))
async def shell(ctx: Context[None], command: str) -> str:
    """Run."""
    return "ran"


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("git status", 0),
        ("git status; rm -rf /", 1),
        ("git status && $(rm x)", 1),
        ("git status | sh", 1),
        ("git status > .bashrc", 1),
        ("`rm x`", 1),
    ],
)
async def test_an_allow_rule_covers_every_part_of_a_command(command: str, asked: int, tmp_path: Path) -> None:
    target = Target(ToolNeeds())
    target.tool = shell
    steps = [[("act", {"command": command})]]
    async with guarded(target, steps, tmp_path, mode="ask", allow=("act(git *)",)) as agent:
        with agent.questions.attached():
            heard = answering(agent, ONCE)
            await agent.run("go")
    assert len(heard) == asked


async def test_what_came_from_a_stranger_is_marked_whatever_the_tool_says(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    for needs, arguments, origin in [
        (ToolNeeds(net=("@url",)), {"url": "https://good.test/"}, "web"),
        (ToolNeeds(output="untrusted"), {}, "web"),
        (ToolNeeds(reads=("@path",)), {"path": "inside"}, ""),
        (ToolNeeds(reads=("@outside",)), {"outside": "/etc/hosts"}, "outside"),
        (ToolNeeds(), {}, ""),
    ]:
        async with guarded(Target(needs), [call(**arguments)], tmp_path, mode="auto") as agent:
            await agent.run("go")
            (part,) = agent.history[2].parts
            assert part.parts[0].origin == origin  # type: ignore[union-attr]


@pytest.fixture(params=["web", "mcp:evil", "outside", "subagent", "channel", "something-new"])
def origin(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(
    ("needs", "arguments", "asked"),
    [
        (ToolNeeds(exec=("any",)), {}, True),
        (ToolNeeds(net=("@granted",)), {"granted": "https://good.test/"}, True),
        (ToolNeeds(writes=("@path",)), {"path": "notes.txt"}, False),
        (ToolNeeds(writes=("@path",)), {"path": "sub/Makefile"}, True),
        (ToolNeeds(writes=("@path",)), {"path": "conftest.py"}, True),
        (ToolNeeds(writes=("$WS",)), {}, True),
        (ToolNeeds(), {}, False),
    ],
)
async def test_a_tainted_turn_does_not_act_without_a_yes(
    origin: str, needs: ToolNeeds, arguments: dict[str, str], asked: bool, tmp_path: Path
) -> None:
    target = Target(needs)
    async with guarded(target, [call(**arguments)], tmp_path) as agent:
        with agent.questions.attached():
            heard = answering(agent, ONCE)
            await agent.run([Text("a stranger's words", origin=origin)])
    assert [q.text for q in heard] == ([f"Allow act? (the conversation holds content from {origin})"] if asked else [])
    assert target.calls == ["it"]


async def test_an_origin_that_the_user_trusts_does_not_taint(tmp_path: Path) -> None:
    target = Target(ToolNeeds(exec=("any",)))
    async with guarded(target, [call()], tmp_path, trusted_origins=("web",)) as agent:
        await agent.run([Text("words", origin="web")])
    assert target.calls == ["it"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"mode": "aks"}, "mode"), ({"mod": "ask"}, "did you mean mode"), ({"deny": ("bash(",)}, "a ) is missing")],
)
async def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(KTError) as raised:
        async with guarded(Target(NEEDS["exec"]), [], tmp_path, **settings):
            pass
    assert says in f"{raised.value} {getattr(raised.value, 'hint', '')}"


async def test_without_a_guard_nothing_that_executes_is_built() -> None:
    with pytest.raises(ConfigError, match="nothing guards 'act'"):
        async with running([], tools=[Target(NEEDS["exec"]).tool]):
            pass


async def test_a_guard_that_only_hides_secrets_is_not_enough() -> None:
    with pytest.raises(ConfigError, match="nothing guards 'act'"):
        async with running([], tools=[Target(NEEDS["exec"]).tool], guards=["redact"]):
            pass


async def test_a_creature_cannot_loosen_the_guard() -> None:
    creature = {"name": "sly", "plugins": {"permissions": {"mode": "auto"}}}
    profile = Profile(plugins={"permissions": {"mode": "ask"}}, guards=("permissions",))
    with pytest.raises(ConfigError, match="can't change the settings of guard 'permissions'"):
        async with running([call(), "done"], creature=creature, tools=[Target(NEEDS["exec"]).tool], profile=profile):
            pass


async def test_a_call_that_may_run_on_taints_when_it_starts(tmp_path: Path) -> None:
    """What a background call brings can be read before it has a result: from a file, or by another tool."""
    started = asyncio.Event()

    async def act(granted: str) -> str:
        """Act."""
        started.set()
        await asyncio.Event().wait()
        return ""

    target = Target(ToolNeeds())
    target.tool = Tool(act, name="act", needs=NEEDS["granted net"], background=True)
    steps = [call(granted="https://good.test/", run_in_background=True)]
    async with guarded(target, steps, tmp_path) as agent:
        turn = asyncio.create_task(agent.run("go"))
        await started.wait()
        assert agent.taint == {"web"}
        turn.cancel()
        await asyncio.wait([turn])


def test_input_for_a_program_is_guarded_like_the_program() -> None:
    from kt_builtin_tools.shell import write_stdin

    assert (write_stdin.needs.exec, write_stdin.effect) == (("any",), "once")
