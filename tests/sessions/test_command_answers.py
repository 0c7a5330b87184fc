"""kt sessions pending and answer: a question outlives its process, and its answer lets the turn go on."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Plugins, SessionReader
from kt.errors import NotFound, UsageError
from kt.testing import running
from kt_sessions.command import sessions
from kt_sessions.errors import SessionLocked

Run = Callable[..., tuple[int, str, str]]

TOOLS = """
from kt import Context, tool

@tool(effect="idempotent")
async def ask(ctx: Context[None], text: str = "sure?") -> str:
    answer = await ctx.ask(text, ["Yes, do it", "no"], topic="permission", data={"command": "make \\x1b[2J"})
    return f"the answer is {answer}"

@tool(effect="idempotent")
async def name(ctx: Context[None]) -> str:
    return f"hello {await ctx.ask('your name?')}"

@tool
async def pay(ctx: Context[None]) -> str:
    return f"paid: {await ctx.ask('pay 4 euros?')}"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    (tmp_path / "tools.py").write_text(TOOLS)
    return tmp_path / "home" / "sessions"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], folder: Path) -> Run:
    """Return what runs `kt sessions` and returns its code and what it prints."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = sessions(list(words), Plugins())
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def waiting(tmp_path: Path, folder: Path) -> Callable[..., Path]:
    """Return what keeps a session whose turn waits for calls, and will go on with `then` when it is resumed."""

    def make(*calls: tuple[str, dict[str, Any]], then: Any = ("Done.",), name: str = "w") -> Path:
        script = tmp_path / f"{name}.json"
        script.write_text(json.dumps([[{"tool": tool, "args": args} for tool, args in calls]]))

        async def talk() -> None:
            tools = [f"{tmp_path / 'tools.py'}:{tool}" for tool in ("ask", "name", "pay")]
            llm, path = f"scripted/{script}", folder / f"{name}.ktlog"
            async with await Agent.build({"name": "asker"}, llm=llm, tools=tools, session=path, pwd=tmp_path) as agent:
                agent.questions.wait = True
                assert (await agent.run("go")).status == "waiting"

        asyncio.run(talk())
        script.write_text(json.dumps(list(then)))
        return folder / f"{name}.ktlog"

    return make


def asked(run: Run, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("pending", "--json", *words)[1])
    return found


def results(path: Path) -> list[str | None]:
    """Return the results that the conversation has."""
    with SessionReader(path) as reader:
        return [part.text for m in reader.conversation() if m.role == "tool" for part in m.parts]  # type: ignore[union-attr]


def test_a_question_is_listed_with_all_that_helps_to_answer(run: Run, waiting: Any) -> None:
    path = waiting(("ask", {"text": "run it?"}))
    (question,) = asked(run)
    assert question == {
        "session": "w", "path": str(path), "agent": "asker", "id": "call_1.1", "text": "run it?",
        "choices": ["Yes, do it", "no"], "topic": "permission", "data": {"command": "make \x1b[2J"},
    }  # fmt: skip
    assert run("pending")[1].splitlines() == [
        "w  call_1.1  (asker)",
        "  run it?",
        "  command: make \\x1b[2J",
        "  answer with one of: Yes, do it, no",
    ]


def test_an_answer_lets_the_turn_go_on(run: Run, waiting: Any) -> None:
    path = waiting(("ask", {}))
    assert run("answer", "w", "call_1.1", "yes, DO it") == (0, "Done.\n", "")
    assert results(path) == ["the answer is Yes, do it"]
    assert asked(run) == []
    assert run("pending")[1:] == ("", "no session waits for an answer\n")


def test_an_answer_without_choices_is_taken_as_it_is(run: Run, waiting: Any) -> None:
    path = waiting(("name", {}))
    assert run("answer", "w", "call_1.1", " Ada ")[0] == 0
    assert results(path) == ["hello  Ada "]


def test_a_call_that_must_run_once_and_asked_is_no_interrupted_one(run: Run, waiting: Any) -> None:
    path = waiting(("pay", {}))
    assert run("answer", "w", "call_1.1", "yes")[0] == 0
    assert results(path) == ["paid: yes"]


def test_the_turn_waits_until_all_are_answered(run: Run, waiting: Any) -> None:
    path = waiting(("ask", {"text": "first?"}), ("ask", {"text": "second?"}))
    assert [question["text"] for question in asked(run, "w")] == ["first?", "second?"]
    code, out, err = run("answer", "w", "call_1.1", "no")
    assert (code, out) == (0, "")
    assert "1 question still open" in err
    assert [question["text"] for question in asked(run)] == ["second?"]
    assert run("answer", "w", "call_2.1", "no")[:2] == (0, "Done.\n")
    assert results(path) == ["the answer is no", "the answer is no"]


def test_a_turn_that_asks_again_waits_again(run: Run, waiting: Any) -> None:
    waiting(("ask", {}), then=([{"tool": "name", "args": {}}],))
    code, out, err = run("answer", "w", "call_1.1", "no")
    assert (code, out) == (77, "")
    assert err.startswith("error[E-WAITING]: ")
    assert [question["text"] for question in asked(run)] == ["your name?"]


def test_a_turn_that_fails_says_so_with_its_code(run: Run, waiting: Any) -> None:
    waiting(("ask", {}), then=())
    code, out, err = run("answer", "w", "call_1.1", "no")
    assert (code, out) == (1, "")
    assert err.startswith("error[E-MODEL]: the script ended")


@pytest.mark.parametrize(("id", "answer", "error"), [("call_9.1", "no", NotFound), ("call_1.1", "perhaps", UsageError)])
def test_what_can_be_no_answer_resumes_nothing(run: Run, waiting: Any, id: str, answer: str, error: Any) -> None:
    path = waiting(("ask", {}))
    before = path.read_bytes()
    with pytest.raises(error) as raised:
        run("answer", "w", id, answer)
    assert ("call_1.1" if error is NotFound else "Yes, do it, no") in raised.value.hint
    assert path.read_bytes() == before


def test_only_those_that_wait_are_listed_and_a_damaged_one_is_named(run: Run, waiting: Any, folder: Path) -> None:
    waiting(("ask", {"text": "mine?"}), name="a")
    waiting(("ask", {"text": "yours?"}), name="b")

    async def talk() -> None:
        async with running(["x"], session=folder / "c.ktlog") as agent:
            await agent.run("hello")

    asyncio.run(talk())
    (folder / "d.ktlog").write_bytes(b"nothing good")
    assert sorted(question["text"] for question in asked(run)) == ["mine?", "yours?"]
    assert [question["text"] for question in asked(run, "b", "c")] == ["yours?"]
    assert run("pending")[2].startswith("! d: ")


def test_a_session_that_runs_elsewhere_is_not_answered(run: Run, waiting: Any, folder: Path) -> None:
    path = waiting(("ask", {}))
    from kt_sessions.lock import SessionLock

    lock = SessionLock(path)
    try:
        assert asked(run) == []
        with pytest.raises(SessionLocked):
            run("answer", "w", "call_1.1", "no")
    finally:
        lock.release(clean=True)
    assert len(asked(run)) == 1
