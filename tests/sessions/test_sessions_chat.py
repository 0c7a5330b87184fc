"""/sessions, /resume, /fork, /clear, /rewind, /undo, /export and /cost: sessions in a conversation."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, KTError, Message, SessionReader, Text, Usage, tool
from kt.errors import NotFound, UsageError
from kt.testing import ScriptedLLM, running
from kt_chat.reply import ChatReply
from kt_sessions.chat_open import clear, fork, names, resume, sessions
from kt_sessions.chat_report import cost, export
from kt_sessions.chat_rewind import rewind, turns, undo
from kt_sessions.errors import CannotCreate, SessionLocked

pytestmark = pytest.mark.anyio
OPEN = {"sandbox": {"backend": "none", "require": "none"}}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the user's sessions."""
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "sessions"


@pytest.fixture
def pwd(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@asynccontextmanager
async def talk(session: Path, pwd: Path, *says: str, **options: Any) -> AsyncIterator[Agent]:
    """Yield an agent that was told some things, one a turn."""
    async with running([f"re: {text}" for text in says], session=session, pwd=pwd, **options) as agent:
        for text in says:
            assert (await agent.run(text)).ok
        yield agent


async def keep(session: Path, pwd: Path, *says: str) -> None:
    async with talk(session, pwd, *says):
        pass


@asynccontextmanager
async def writing(
    session: Path, pwd: Path, *texts: str, plugins: tuple[Any, ...] = ("checkpoints",)
) -> AsyncIterator[Agent]:
    """Yield an agent that wrote texts into the file `a`, one a turn."""
    steps = [step for text in texts for step in ([("write", {"path": "a", "content": text})], "done")]
    async with running(
        steps, tools=["write"], session=session, pwd=pwd, plugins=[OPEN, *plugins], unguarded=True
    ) as agent:
        for text in texts:
            assert (await agent.run(f"write {text}")).ok
        yield agent


def files_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


# Other sessions


async def test_the_sessions_of_the_folder_are_listed(home: Path, pwd: Path, tmp_path: Path) -> None:
    await keep(home / "old.ktlog", pwd, "plant a tree", "water it")
    await keep(home / "elsewhere.ktlog", tmp_path, "not here")
    async with talk(home / "mine.ktlog", pwd, "count the leaves") as agent:
        first, second, last = (await sessions(agent, "")).splitlines()
        assert (first.split()[0], second.split()[0]) == ("mine", "old")
        assert "1 turn  this one  count the leaves" in first
        assert second.endswith("2 turns            plant a tree")
        assert last == "go on with one: /resume NAME"
        assert [line.split()[0] for line in (await sessions(agent, "TREE")).splitlines()] == ["old", "go"]
        assert await sessions(agent, "stone") == "no session of this folder has 'stone' in it"
        assert names(agent) == ["old"]


async def test_the_newest_other_session_is_gone_on_with(home: Path, pwd: Path, tmp_path: Path) -> None:
    await keep(home / "older.ktlog", pwd, "x")
    await keep(home / "newer.ktlog", pwd, "x")
    await keep(home / "elsewhere.ktlog", tmp_path, "x")
    async with talk(home / "mine.ktlog", pwd, "x") as agent, talk(home / "busy.ktlog", pwd, "x"):
        assert await resume(agent, "") == ChatReply("back to newer", open=str(home / "newer.ktlog"))
        assert (await resume(agent, "old")).open == str(home / "older.ktlog")
        with pytest.raises(SessionLocked, match="busy is running elsewhere"):
            await resume(agent, "busy")
        with pytest.raises(UsageError, match="is this conversation"):
            await resume(agent, "mine")
        with pytest.raises(NotFound):
            await resume(agent, "nowhere")


async def test_alone_there_is_nothing_to_go_on_with(home: Path, pwd: Path) -> None:
    async with talk(home / "mine.ktlog", pwd, "x") as agent:
        with pytest.raises(NotFound, match="no other session"):
            await resume(agent, "")


async def test_a_fork_is_gone_on_with_and_the_old_one_stays(home: Path, pwd: Path) -> None:
    async with talk(home / "mine.ktlog", pwd, "one", "two") as agent:
        whole, part = await fork(agent, ""), await fork(agent, "1")
        assert "up to the end of turn 1; the other stays: /resume mine" in part.text
        with pytest.raises(NotFound, match="no turn 7"):
            await fork(agent, "7")
        with pytest.raises(UsageError, match="'here' is no turn"):
            await fork(agent, "here")
    found = {}
    for reply in (whole, part):
        assert reply.open is not None
        async with await Agent.resume(reply.open, llm=ScriptedLLM(["on"])) as agent:
            assert (await agent.run("on")).ok
        with SessionReader(reply.open) as reader:
            found[reply.open] = [turn.user_text for turn in reader.turns()]
    assert [*found.values()] == [["one", "two", "on"], ["one", "on"]]


async def test_a_fresh_session_leaves_the_old_one(home: Path, pwd: Path) -> None:
    async with talk(home / "mine.ktlog", pwd, "x") as agent:
        assert await clear(agent, "") == ChatReply("a fresh conversation; the other stays: /resume mine", open="")
        with pytest.raises(UsageError, match="takes no words"):
            await clear(agent, "all")
    async with running() as agent:
        assert await clear(agent, "") == ChatReply("a fresh conversation", open="")


# Back


async def test_turns_are_listed_gone_back_to_and_taken_up_again(home: Path, pwd: Path) -> None:
    async with talk(home / "mine.ktlog", pwd, "one", "two", "three") as agent:
        assert (await rewind(agent, "")).splitlines()[:-1] == ["1  one", "2  two", "3  three"]
        assert turns(agent) == ["2", "1", "0"]
        assert await rewind(agent, "1") == "the conversation is at the end of turn 1; 2 turns left behind"
        assert [message.text for message in agent.history] == ["one", "re: one"]
        assert (await rewind(agent, "")).splitlines()[:-1] == ["1  one", "left behind, to go there again: 2, 3"]
        said = await rewind(agent, "3")
        assert said == "the conversation is at the end of turn 3; 0 turns left behind, 2 turns taken up again"
        assert len(agent.history) == 6
        await rewind(agent, "0")
        assert agent.history == []
        with pytest.raises(NotFound, match="no turn 9"):
            await rewind(agent, "9")
        with pytest.raises(UsageError, match="can't 'hard'"):
            await rewind(agent, "1 hard")


async def test_files_come_back_where_they_are_asked_for(home: Path, pwd: Path) -> None:
    async with writing(home / "mine.ktlog", pwd, "1", "2", "3") as agent:
        await rewind(agent, "2")
        assert (pwd / "a").read_text() == "3"
        said = await rewind(agent, "1 files")
        assert said.splitlines() == [
            "the conversation is at the end of turn 1; 1 turn left behind", "  a  restored",
        ]  # fmt: skip
        assert (pwd / "a").read_text() == "1"
        assert (await rewind(agent, "0 files")).splitlines()[1:] == ["  a  removed"]
        assert files_in(pwd) == []


async def test_what_somebody_else_changed_is_overwritten_by_force_only(home: Path, pwd: Path) -> None:
    async with writing(home / "mine.ktlog", pwd, "1", "2") as agent:
        (pwd / "a").write_text("mine")
        assert "(/rewind 1 files force overwrites it)" in await rewind(agent, "1 files")
        assert (pwd / "a").read_text() == "mine"
        assert "a  restored" in await rewind(agent, "1 files force")
        assert (pwd / "a").read_text() == "1"


async def test_the_last_turn_is_taken_back_with_its_files(home: Path, pwd: Path) -> None:
    async with writing(home / "mine.ktlog", pwd, "1", "2") as agent:
        assert (await undo(agent, "")).splitlines() == [
            "turn 2 was taken back (/rewind 2 has it again): write 2", "  a  restored",
        ]  # fmt: skip
        assert (pwd / "a").read_text() == "1"
        assert "a  removed" in await undo(agent, "")
        assert (files_in(pwd), agent.history) == ([], [])
        with pytest.raises(UsageError, match="no turn to take back"):
            await undo(agent, "")


async def test_a_turn_after_one_that_was_left_is_taken_back(home: Path, pwd: Path) -> None:
    async with running(["re: one", "re: two", "re: three"], session=home / "mine.ktlog", pwd=pwd) as agent:
        await agent.run("one")
        await agent.run("two")
        await rewind(agent, "1")
        await agent.run("three")
        assert "turn 3 was taken back" in await undo(agent, "")
        assert [message.text for message in agent.history] == ["one", "re: one"]


async def test_without_checkpoints_undo_says_that_files_stay(home: Path, pwd: Path) -> None:
    async with writing(home / "mine.ktlog", pwd, "1", plugins=()) as agent:
        assert "files stay as they are: the plugin checkpoints is off" in await undo(agent, "")
        assert (pwd / "a").read_text() == "1"


async def test_nothing_is_taken_back_while_a_turn_runs(home: Path, pwd: Path) -> None:
    refused: list[str] = []

    @tool
    async def try_it() -> str:
        """Try."""
        for command, words in ((rewind, "1"), (undo, ""), (fork, "")):
            with pytest.raises(UsageError) as raised:
                await command(agent, words)  # type: ignore[operator]
            refused.append(raised.value.what)
        return "tried"

    steps = ["one", [("try_it", {})], "two"]
    async with running(steps, tools=[try_it], session=home / "mine.ktlog", pwd=pwd, unguarded=True) as agent:
        await agent.run("x")
        assert (await agent.run("y")).ok
    assert refused == ["a turn is running"] * 3


# Reports


async def test_a_session_is_written_for_others(home: Path, pwd: Path) -> None:
    async with talk(home / "mine.ktlog", pwd, "one") as agent:
        assert await export(agent, "") == f"the session is in {pwd / 'mine.md'}"
        assert "re: one" in (pwd / "mine.md").read_text()
        await export(agent, "json")
        lines = (pwd / "mine.jsonl").read_text().splitlines()
        assert "turn_ended" in {json.loads(line)["type"] for line in lines}
        await export(agent, "html out of here.html")
        assert "<html" in (pwd / "out of here.html").read_text()
        await export(agent, "page.html")
        assert "<html" in (pwd / "page.html").read_text()


async def test_an_export_overwrites_nothing(home: Path, pwd: Path) -> None:
    (pwd / "mine.md").write_text("dear")
    async with talk(home / "mine.ktlog", pwd, "one") as agent:
        with pytest.raises(CannotCreate, match="is there already"):
            await export(agent, "md")
        with pytest.raises(NotFound, match="there is no folder"):
            await export(agent, "md no/where.md")
        with pytest.raises(UsageError, match="no format 'pdf'"):
            await export(agent, "pdf")
    assert files_in(pwd) == ["mine.md"]
    assert (pwd / "mine.md").read_text() == "dear"


def priced(cost: float | None, model: str) -> Message:
    return Message("assistant", [Text("ok")], model=model, usage=Usage(1_000, 10, cost=cost))


async def test_costs_are_told_by_model_and_what_has_no_price_is_unknown(home: Path, pwd: Path) -> None:
    steps = [priced(0.25, "big"), priced(0.25, "big"), priced(None, "new")]
    async with running(steps, session=home / "mine.ktlog", pwd=pwd) as agent:
        for _ in steps:
            await agent.run("go")
        assert (await cost(agent, "")).splitlines() == [
            "model  calls  input  cached  output                              cost",
            "big        2  2,000       0      20                           $0.5000",
            "new        1  1,000       0      10                           unknown",
            "total      3  3,000       0      30  $0.5000 + unknown (1 of 3 calls)",
        ]


async def test_what_sub_agents_used_is_told_too(home: Path, pwd: Path) -> None:
    helper = {"name": "helper", "description": "It helps.", "prompt": "You are a helper."}
    task = [("task", {"agent": "helper", "prompt": "help", "wait": True})]
    steps = [task, priced(0.1, "m"), priced(0.2, "m")]
    async with running(steps, subagents=[helper], session=home / "mine.ktlog", pwd=pwd, unguarded=True) as agent:
        assert (await agent.run("go")).ok
        lines = (await cost(agent, "")).splitlines()
    agents = {line.split()[0]: line.split()[-1] for line in lines[lines.index("") + 2 :]}
    assert agents["helper"] == "$0.1000"
    assert agents.keys() == {"helper", "test"}


async def test_nothing_used_costs_nothing(home: Path, pwd: Path) -> None:
    async with talk(home / "mine.ktlog", pwd) as agent:
        assert await cost(agent, "") == "nothing was used yet"


@pytest.mark.parametrize("command", [rewind, undo, fork, export, cost])
async def test_without_a_session_it_says_so(command: Callable[[Agent, str], Any]) -> None:
    async with running() as agent:
        with pytest.raises(KTError, match="nothing is kept of this conversation") as raised:
            await command(agent, "")
        assert raised.value.hint
        assert turns(agent) == []
