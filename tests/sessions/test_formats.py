"""What a session file holds comes back as it was, from files of each format, and what is no session is refused."""

import json
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Message, Opaque, SessionReader, Text, encode
from kt.errors import DataError, KTError, NotFound
from kt.events import Logged
from kt.testing import ScriptedLLM
from kt_sessions.check import check
from kt_sessions.filesystem import refuse_network

pytestmark = pytest.mark.anyio

GOLDEN = Path(__file__).with_name("golden")


def as_read(path: Path) -> dict[str, Any]:
    """Return what must be read of a golden file, as JSON data."""
    with SessionReader(path) as reader:
        turns = [
            [t.number, t.user_text, t.assistant_text, t.status, t.usage.total, [encode(c) for c in t.tool_calls]]
            for t in reader.turns()
        ]
        return {
            "uid": reader.uid,
            "streams": [[s.id, s.uid, s.name, s.kind, s.parent, s.last] for s in reader.streams],
            "events": [[e.id, e.stream, e.seq, e.time, e.turn, e.kind, e.version] for e in reader.events()],
            "bodies": json.loads(json.dumps([encode(e.body) for e in reader.events()])),
            "turns": turns,
            "conversations": {str(s.id): [encode(m) for m in reader.conversation(s.id)] for s in reader.streams},
            "state": reader.rebuilt().state,
        }


@pytest.mark.parametrize("version", [1])
async def test_a_file_of_an_older_format_is_read_and_gone_on_with(version: int, tmp_path: Path) -> None:
    path = Path(shutil.copy(GOLDEN / f"format-{version}.ktlog", tmp_path / "old.ktlog"))
    wanted = json.loads((GOLDEN / f"format-{version}.json").read_text())
    assert json.loads(json.dumps(as_read(path))) == wanted
    assert check(path).problems == []
    async with await Agent.resume(path, llm=ScriptedLLM(["And on."]), pwd=tmp_path) as agent:
        assert json.loads(json.dumps([encode(m) for m in agent.history])) == wanted["conversations"]["1"]
        assert agent.state == wanted["state"]
        assert (await agent.run("go on")).text == "And on."
    after = as_read(path)
    assert json.loads(json.dumps(after["events"]))[: len(wanted["events"])] == wanted["events"]
    assert after["conversations"]["1"][-1]["parts"][0]["text"] == "And on."
    assert check(path).problems == []


async def write(path: Path, *texts: str) -> None:
    async with await Agent.build({"name": "test"}, llm=ScriptedLLM(lambda request: "yes"), session=path) as agent:
        for text in texts:
            await agent.run(text)


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


async def test_a_newer_file_is_refused_with_both_versions_named(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    await write(path, "hello")
    change(path, "pragma user_version = 99")
    before = path.read_bytes()
    for use in (lambda: SessionReader(path).close(), lambda: check(path)):
        with pytest.raises(DataError, match=r"99.*\b1\b"):
            use()
    with pytest.raises(DataError, match=r"99.*\b1\b") as refused:
        await write(path, "more")
    assert refused.value.exit_code == 65
    assert path.read_bytes() == before
    assert not path.with_name("s.ktlog-head").exists()


@pytest.mark.parametrize("version", [0, -1])
async def test_a_version_that_never_was_is_refused(tmp_path: Path, version: int) -> None:
    path = tmp_path / "s.ktlog"
    await write(path, "hello")
    change(path, f"pragma user_version = {version}")
    with pytest.raises(DataError):
        SessionReader(path).close()
    with pytest.raises(DataError):
        await write(path, "more")


def no_session(kind: str, path: Path) -> None:
    """Make something that is no session."""
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("this is not a database\n" * 100)
    elif kind == "another database":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("create table event(id integer primary key)")
    elif kind == "only a head":
        path.write_bytes(b"SQLite format 3\0")
    elif kind == "one byte":
        path.write_bytes(b"x")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["folder", "text", "another database", "only a head", "one byte"])
async def test_what_is_no_session_is_refused_and_left_as_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "s.ktlog"
    no_session(kind, path)
    before = None if path.is_dir() else path.read_bytes()
    with pytest.raises((DataError, NotFound)) as refused:
        SessionReader(path).close()
    assert "s.ktlog" in str(refused.value)
    with pytest.raises(KTError) as refused:
        await write(path, "hello")
    assert refused.value.exit_code in (65, 73)
    assert before is None or path.read_bytes() == before
    assert names_in(tmp_path) == ["s.ktlog"]


async def test_an_empty_file_is_no_session_to_read_and_a_new_one_to_write(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    path.touch()
    with pytest.raises(DataError):
        SessionReader(path).close()
    await write(path, "hello")
    with SessionReader(path) as reader:
        assert reader.conversation()[0].text == "hello"


def test_a_missing_file_is_not_found_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        SessionReader(tmp_path / "s.ktlog")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
async def imported(tmp_path: Path) -> None:
    """Import all that a session needs; a plain user may not read where root keeps it."""
    await write(tmp_path / "s.ktlog", "hello")
    as_read(tmp_path / "s.ktlog")


async def test_a_file_that_may_not_be_read_is_named(imported: None, plain_user: Path) -> None:
    path = plain_user / "s.ktlog"
    await write(path, "hello")
    path.chmod(0)
    with pytest.raises(KTError, match=r"s\.ktlog"):
        SessionReader(path).close()
    with pytest.raises(KTError, match=r"s\.ktlog"):
        await write(path, "more")


async def test_a_session_is_read_in_a_folder_that_may_not_be_written(imported: None, plain_user: Path) -> None:
    path = plain_user / "own" / "s.ktlog"
    await write(path, "hello")
    path.parent.chmod(0o555)
    with SessionReader(path) as reader:
        assert reader.conversation()[0].text == "hello"
    path.parent.chmod(0o700)


async def test_a_network_file_system_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n"
        "2 1 0:5 / /home/ann/my\\040files rw shared:1 - nfs4 server:/files rw\n"
        "3 2 8:2 / /home/ann/my\\040files/local rw - ext4 /dev/sdb rw\n"
    )
    monkeypatch.setattr("kt_sessions.filesystem.MOUNTS", mounts)
    with pytest.raises(KTError, match="nfs4") as refused:
        refuse_network(Path("/home/ann/my files/s.ktlog"))
    assert refused.value.exit_code == 78
    refuse_network(Path("/home/ann/my files/local/s.ktlog"))
    refuse_network(Path("/home/ann/my files else/s.ktlog"))


async def test_unknown_events_and_parts_are_kept(tmp_path: Path) -> None:
    @dataclass(slots=True)
    class FromTheFuture(Logged):
        what: dict[str, object]

    path = tmp_path / "s.ktlog"
    part = Opaque("hologram", {"kind": "hologram", "$ref": 1, "beams": [1, 2.5, None]})
    async with await Agent.build({"name": "test"}, llm=ScriptedLLM(["a", "b"]), session=path) as agent:
        agent.record(FromTheFuture({"$bytes": "no reference", "n": 1}))
        await agent.run([Text("look"), part])
    with SessionReader(path) as reader:
        (event,) = reader.events(kinds=["from_the_future"])
        assert event.body == {"what": {"$bytes": "no reference", "n": 1}}
        assert reader.conversation()[0].parts[1] == part
    async with await Agent.build({"name": "test"}, llm=ScriptedLLM(["b"]), session=path) as agent:
        assert agent.history[0].parts[1] == part
        await agent.run("and")
    assert check(path).problems == []


async def test_a_part_of_a_kind_that_this_kt_does_not_know_is_passed_on(tmp_path: Path) -> None:
    path, data = tmp_path / "s.ktlog", {"kind": "hologram", "beams": [1, {"parts": []}]}
    from kt_sessions.messages import part_of

    part = part_of(data)
    async with await Agent.build({"name": "test"}, llm=ScriptedLLM(["a"]), session=path) as agent:
        agent.add(Message("user", [part]))
    with SessionReader(path) as reader:
        assert reader.conversation()[0].parts == [Opaque("hologram", data)]


class Unwritable:
    """What can't be written down at all."""

    def __str__(self) -> str:
        raise RuntimeError("no text of me")


@pytest.mark.parametrize("what", ["endless", "deep", "unwritable"])
async def test_a_value_that_cannot_be_kept_does_not_end_the_session(tmp_path: Path, what: str) -> None:
    endless: list[Any] = []
    endless.append(endless)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    path = tmp_path / "s.ktlog"
    async with await Agent.build({"name": "test"}, llm=ScriptedLLM(lambda request: "yes"), session=path) as agent:
        await agent.run("before")
        agent.state["bad"] = {"endless": endless, "deep": deep, "unwritable": Unwritable()}[what]
        with suppress(Exception):
            await agent.run("with it")
        agent.state["bad"] = None
        await agent.run("after")
    with SessionReader(path) as reader:
        assert [m.text for m in reader.conversation() if m.role == "user"][-1] == "after"
        assert [e.seq for e in reader.events()] == list(range(1, reader.last + 1))


async def test_each_origin_of_a_part_taints_what_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with await Agent.build({"name": "test"}, llm=ScriptedLLM(["a"]), session=path) as agent:
        await agent.run([Text("seen", origin="web file")])
    async with await Agent.resume(path, llm=ScriptedLLM(["b"])) as agent:
        assert agent.taint == {"web", "file"}
