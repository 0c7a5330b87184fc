"""kt sessions on files with several agents, a journal, or nothing but a journal."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Message, Plugins, SessionReader, Text, Usage, tool
from kt.errors import NotFound, UsageError
from kt.events import Logged
from kt.testing import ScriptedLLM
from kt_sessions.command import cost, sessions
from kt_sessions.journal import Journal, read
from kt_sessions.picking import rows

Run = Callable[..., str]

PLUGINS = Plugins()


@dataclass(slots=True)
class MessageSent(Logged):
    """A message between creatures."""

    id: str
    text: str
    usage: Usage | None = None


def reply(text: str, **options: Any) -> Message:
    return Message("assistant", [Text(text)], model="m", usage=Usage(100, 10, cost=0.5), **options)


async def make_team(path: Path, *, turns: int = 2) -> None:
    """Keep turns of a planner with a part, a coder and a journal, one after the other."""
    async with Host() as host:
        journal = Journal(path)
        await journal.open(host)
        planner, coder = [
            await Agent.build(
                {"name": name}, llm=ScriptedLLM([reply(f"{name} {n}") for n in range(turns)]), host=host, session=path
            )
            for name in ("planner", "coder")
        ]
        async with planner, coder:
            log: Any = planner.log
            part = await Agent.build(
                {"name": "explore"}, llm=ScriptedLLM([reply("seen")]), host=host, session=log.child()
            )
            async with part:
                await part.run("look around")
            for n in range(turns):
                await planner.run(f"plan {n}")
                journal.append(MessageSent(f"m{n}", f"please do {n}", Usage(1000, 1000, cost=9.0)))
                await coder.run(f"please do {n}")
        await journal.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "sessions"


@pytest.fixture
def team(folder: Path) -> Path:
    path = folder / "team.ktlog"
    asyncio.run(make_team(path))
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], folder: Path) -> Run:
    """Return what runs `kt sessions` and returns what it prints."""

    def run(*words: object) -> str:
        capsys.readouterr()
        assert sessions([str(word) for word in words], PLUGINS) == 0
        return capsys.readouterr().out

    return run


def test_a_team_is_listed_as_such(run: Run, team: Path, folder: Path) -> None:
    (line,) = run("list").splitlines()
    assert "2 agents" in line
    assert "4 turns" in line
    assert line.endswith("plan 0")
    (data,) = json.loads(run("list", "--json"))
    assert (data["agents"], data["creature"], data["turns"], data["last_turn"]) == (2, "planner", 4, 2)
    ((_, row),) = rows(PLUGINS.registry, 5)
    assert "2 agents" in row


def test_all_of_a_team_is_shown_in_the_order_it_happened(run: Run, team: Path) -> None:
    text = run("show", "team")
    assert [line for line in text.splitlines() if line.startswith("> ")] == [
        "> plan 0", "> please do 0", "> plan 1", "> please do 1",
    ]  # fmt: skip
    assert [line.split()[1:4] for line in text.splitlines() if line.startswith("turn ")] == [
        ["1", "of", "planner"], ["1", "of", "coder"], ["2", "of", "planner"], ["2", "of", "coder"],
    ]  # fmt: skip
    heads = [line.split(maxsplit=2) for line in text.splitlines()]
    assert [head[:2] for head in heads if head[:1] in (["agent"], ["subagent"], ["graph"])] == [
        ["graph", "graph:"], ["agent", "planner:"], ["agent", "coder:"], ["subagent", "explore:"],
    ]  # fmt: skip
    data = json.loads(run("show", "team", "--json"))
    assert [(turn["agent"], turn["number"]) for turn in data["turns"]] == [
        ("planner", 1), ("coder", 1), ("planner", 2), ("coder", 2),
    ]  # fmt: skip


def test_one_agent_of_a_team_is_shown(run: Run, team: Path) -> None:
    text = run("show", "team", "--agent", "coder")
    assert "> please do 1" in text
    assert "> plan" not in text
    assert "coder 1" in run("show", "team", "--agent", "coder", "--turn", "2")
    assert "> look around" in run("show", "team", "--agent", "explore")
    with pytest.raises(UsageError, match="which of 2 agents") as raised:
        run("show", "team", "--turn", "2")
    assert "planner, coder" in raised.value.hint
    with pytest.raises(NotFound, match="'codr'"):
        run("show", "team", "--agent", "codr")


@pytest.mark.parametrize("format", ["md", "html", "jsonl"])
def test_a_team_or_one_agent_is_exported(run: Run, team: Path, format: str) -> None:
    words = "export", "team", "--format", format
    whole = run(*words)
    assert all(text in whole for text in ("plan 1", "please do 1", "seen", "m1"))
    planner = run(*words, "--agent", "planner")
    assert all(text in planner for text in ("plan 1", "seen"))
    assert "please do" not in planner


def test_what_a_team_used_is_summed_once(run: Run, team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cost(["--by", "creature", "--json"], PLUGINS) == 0
    costs = json.loads(capsys.readouterr().out)
    assert {row["creature"]: row["cost"] for row in costs["rows"]} == {"planner": 1.0, "coder": 1.0, "explore": 0.5}
    assert json.loads(run("stats", "team", "--json"))["total"]["cost"] == 2.5
    alone = json.loads(run("stats", "team", "--agent", "planner", "--json"))
    assert (alone["total"]["cost"], sorted(alone["creatures"])) == (1.5, ["explore", "planner"])
    assert "message_sent" not in alone["events"]


def test_a_fork_ends_with_a_turn_of_one_agent(
    run: Run, team: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="which of 2 agents"):
        run("fork", "team", "--at", "1")
    with pytest.raises(UsageError, match="whose turn"):
        run("fork", "team", "--agent", "coder")
    assert sessions(["fork", "team", "--at", "1", "--agent", "coder", "--to", str(folder / "f.ktlog")], PLUGINS) == 0
    assert "planner is after its turn 1" in capsys.readouterr().err
    with SessionReader(folder / "f.ktlog") as reader:
        assert [turn.user_text for turn in reader.turns("coder")] == ["please do 0"]
        assert [turn.user_text for turn in reader.turns("planner")] == ["plan 0"]
        assert next(reader.events(after=reader.last - 1)).kind == "session_forked"
    run("fork", "team", "--to", folder / "whole.ktlog")
    for name in ("f", "whole"):
        assert "no problem" in run("check", name)
    assert read(PLUGINS, folder / "whole.ktlog") == read(PLUGINS, team)
    assert [entry.body["id"] for entry in read(PLUGINS, folder / "f.ktlog")] == ["m0"]


def test_a_fork_says_who_is_in_the_middle_of_a_turn(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "team.ktlog"

    async def keep() -> None:
        async with Host() as host:
            coder = await Agent.build({"name": "coder"}, llm=ScriptedLLM(["done", "done"]), host=host, session=path)

            @tool(effect="once")
            async def delegate() -> str:
                return (await coder.run("do it")).text

            llm = ScriptedLLM([[("delegate", {})], [("delegate", {})], "all done"])
            async with (
                coder,
                await Agent.build({"name": "planner"}, llm=llm, tools=[delegate], host=host, session=path) as planner,
            ):
                await planner.run("plan it")

    asyncio.run(keep())
    target = folder / "f.ktlog"
    assert sessions(["fork", "team", "--at", "1", "--agent", "coder", "--to", str(target)], PLUGINS) == 0
    assert "planner is in its turn 1" in capsys.readouterr().err
    with SessionReader(target) as reader:
        assert [turn.status for turn in reader.turns("coder")] == ["ok"]
        assert [turn.status for turn in reader.turns("planner")] == ["running"]


def test_one_agent_of_a_team_goes_back(run: Run, team: Path) -> None:
    with pytest.raises(UsageError, match="which of 2 agents"):
        run("rewind", "team", "1")
    assert run("rewind", "team", "1", "--agent", "coder").startswith("coder went back to the end of turn 1; ")
    with SessionReader(team) as reader:
        assert [len(list(reader.turns(name))) for name in ("planner", "coder")] == [2, 1]
    assert "left      turns 2" in run("show", "team", "--agent", "coder")
    assert "no problem" in run("check", "team")


def test_a_team_is_repaired_and_removed(run: Run, team: Path, folder: Path) -> None:
    team.write_bytes(team.read_bytes().replace(b"coder 1", b"coder 9"))
    assert sessions(["check", "team"], PLUGINS) == 65
    run("repair", "team")
    assert "no problem" in run("check", "team-repaired")
    with SessionReader(folder / "team-repaired.ktlog") as reader:
        assert [turn.user_text for turn in reader.turns("coder")][:1] == ["please do 0"]
    assert len(read(PLUGINS, folder / "team-repaired.ktlog")) == 2
    run("rm", "--yes", "team", "team-repaired")
    assert list(folder.iterdir()) == []


def test_a_journal_alone_is_a_session_without_agents(run: Run, folder: Path) -> None:
    path = folder / "alone.ktlog"

    async def keep() -> None:
        async with Host() as host:
            journal = Journal(path)
            await journal.open(host)
            journal.append(MessageSent("m1", "hello"))
            await journal.close()

    asyncio.run(keep())
    (data,) = json.loads(run("list", "--json"))
    assert (data["state"], data["agents"], data["creature"]) == ("ended", 0, "")
    assert "graph: 1 event" in run("show", "alone")
    assert "hello" in run("export", "alone")
    assert run("pending") == ""
    run("stats", "alone")
    run("fork", "alone", "--to", folder / "f.ktlog")
    assert read(PLUGINS, folder / "f.ktlog") == read(PLUGINS, path)
    for words in (["fork", "alone", "--at", "1"], ["rewind", "alone", "1"]):
        with pytest.raises(NotFound, match="no agent"):
            run(*words)
    with pytest.raises(NotFound, match="no agent"):
        asyncio.run(Agent.resume(path))
