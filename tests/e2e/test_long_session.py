"""A long session by a real run with real tools (10,000 events in the slow set): all that can be done, on that one."""

import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Message, Plugins, Request, SessionReader, Text, ToolCall, Usage
from kt.testing import ScriptedLLM
from kt_replay import replay
from kt_sessions.command import sessions

pytestmark = pytest.mark.anyio
TURNS = 70
TOOLS = ["read", "write", "edit", "grep", "bash", "todo", "scratchpad"]
WORDS = ("the parser reads tokens", "检查数据库连接是否正常", "def resume_session(path: Path) -> Agent:")
WALLS = {"sandbox": {"backend": "none", "require": "none"}}


def steps(rounds: int) -> Any:
    """Yield the model's answers: in each turn it writes, reads, edits, searches, runs and notes."""
    for turn in range(1, TURNS + 1):
        name = f"file{turn % 7}.txt"
        for at in range(rounds):
            yield [
                ("write", {"path": f"made/{turn}-{at}.txt", "content": f"{WORDS[at % 3]} {turn}.{at}\n"}),
                ("write", {"path": name, "content": f"turn {turn}, round {at}\n"}),
                ("read", {"path": name}),
            ]
            look = ("grep", {"pattern": "turn", "path": name}) if at == 0 else ("read", {"path": name})
            yield [("edit", {"path": name, "old": "round", "new": "step"}), look]
        yield [("todo", {"items": [{"text": f"step {turn}", "status": "active"}]})]
        yield [
            ("scratchpad", {"action": "append", "text": f"note of turn {turn}"}),
            ("bash", {"command": f"echo {turn}"}),
        ]
        yield f"{WORDS[turn % 3]}: turn {turn} is done."


async def build(path: Path, pwd: Path, llm: Any) -> Agent:
    agent: Agent = await Agent.build(
        {"name": "worker", "prompt": "Work.", "tools": TOOLS},
        llm=llm,
        pwd=pwd,
        plugins=[WALLS, "checkpoints", "search"],
        unguarded=True,
        session=path,
    )
    return agent


def tree(folder: Path) -> dict[str, str]:
    return {str(f.relative_to(folder)): f.read_text() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.fixture(scope="module", params=[4, pytest.param(16, marks=pytest.mark.slow)])
def rounds(request: Any) -> Any:
    """Return how often a turn writes, reads and edits."""
    return request.param


@pytest.fixture(scope="module")
async def long(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str, rounds: int) -> Any:
    """Return (session, folder, the folder's files at the end of each turn)."""
    home = tmp_path_factory.mktemp("long")
    path, pwd = home / "long.ktlog", home / "work"
    pwd.mkdir()
    files: dict[int, dict[str, str]] = {}
    async with await build(path, pwd, Model(steps(rounds))) as agent:
        for turn in range(1, TURNS + 1):
            (await agent.run(f"Do step {turn}: {WORDS[turn % 3]}")).unwrap()
            files[turn] = tree(pwd)
    return path, pwd, files


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


class Model:
    """Give one answer after the other, without counting the words of so long a conversation each time."""

    model = "scripted"

    def __init__(self, steps: Iterable[Any]) -> None:
        self._steps, self._calls = iter(steps), 0

    async def stream(self, request: Request) -> AsyncIterator[Message]:
        step, usage = next(self._steps), Usage(100, 10)
        if isinstance(step, str):
            yield Message("assistant", [Text(step)], model=self.model, finish="stop", usage=usage)
            return
        parts: list[Any] = []
        for name, arguments in step:
            self._calls += 1
            parts.append(ToolCall(f"c{self._calls}", name, json.dumps(arguments, ensure_ascii=False)))
        yield Message("assistant", parts, model=self.model, finish="tool_calls", usage=usage)


def run(*words: str) -> int:
    return sessions(list(words), Plugins())


async def test_it_has_thousands_of_events_and_goes_on(long: Any, rounds: int, tmp_path: Path) -> None:
    path, _, _ = long
    with SessionReader(path) as reader:
        assert reader.last > TURNS * 9 * rounds
        said = reader.conversation()
    copy = tmp_path / "copy.ktlog"
    copy.write_bytes(path.read_bytes())
    async with await Agent.resume(copy, llm=ScriptedLLM(["I know."]), unguarded=True, plugins=[WALLS]) as agent:
        assert len(agent.history) == len(said) > TURNS * 4 * rounds
        assert agent.state["todo"] == [{"text": f"step {TURNS}", "status": "active"}]
        assert agent.state["scratchpad"].count("note of turn") == TURNS
        assert (await agent.run("What do you know?")).text == "I know."
        assert agent.turns == TURNS + 1


def test_it_is_forked_at_turn_50(long: Any, tmp_path: Path, capsys: Any) -> None:
    path, _, _ = long
    target = tmp_path / "fork.ktlog"
    assert run("fork", str(path), "--at", "50", "--to", str(target)) == 0
    with SessionReader(target) as reader:
        turns = list(reader.turns())
        assert [t.number for t in turns] == list(range(1, 51))
        assert turns[-1].assistant_text == f"{WORDS[50 % 3]}: turn 50 is done."
    assert run("check", str(target)) == 0
    capsys.readouterr()


def test_it_is_exported_whole(long: Any, tmp_path: Path) -> None:
    path, _, _ = long
    for kind in ("md", "html", "jsonl"):
        target = tmp_path / f"out.{kind}"
        assert run("export", str(path), "--format", kind, "-o", str(target)) == 0
        text = target.read_text()
        if kind == "jsonl":
            with SessionReader(path) as reader:
                assert [json.loads(line)["id"] for line in text.splitlines()] == list(range(1, reader.last + 1))
        else:
            assert f"turn {TURNS} is done" in text
            assert "检查数据库连接是否正常" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("数据库", "检查数据库"),
        ("检查数据库连接", "检查数据库"),
        ("parser tokens", "parser"),
        ("resume_session(path", "resume_session"),
    ],
)
async def test_it_is_searched_in_chinese_english_and_code(long: Any, query: str, found: str) -> None:
    from kt_search.search import Query, find

    path, _, _ = long
    async with Host(Plugins()) as host:
        hits = (await find(host, [path], Query(query))).hits
    assert len(hits) == 10
    with SessionReader(path) as reader:
        assert all(found in json.dumps(reader.event(hit.event).body, ensure_ascii=False) for hit in hits)


async def test_it_is_replayed_without_a_difference(long: Any, rounds: int) -> None:
    path, _, _ = long
    report = await replay(path)
    assert (report.differences, report.turns) == ([], TURNS)
    assert report.model_calls == TURNS * (2 * rounds + 3)


def test_it_is_rewound_with_its_files(long: Any, tmp_path: Path, capsys: Any) -> None:
    path, pwd, files = long
    copy = tmp_path / "copy.ktlog"
    copy.write_bytes(path.read_bytes())
    assert tree(pwd) == files[TURNS] != files[50]
    assert run("rewind", str(copy), "50", "--files") == 0
    assert tree(pwd) == files[50]
    with SessionReader(copy) as reader:
        assert [t.number for t in reader.turns()][-1] == 50
    assert "restored" in capsys.readouterr().out
