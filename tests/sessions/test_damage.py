"""Damage to the files of a session is seen and named, or changes nothing; it is never silent."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from kt import Agent, Media, Text, tool
from kt.errors import DataError, KTError
from kt.testing import ScriptedLLM
from kt_sessions.check import check
from kt_sessions.rewind import rewind

Damage: TypeAlias = Callable[[Path, random.Random], str]
"""Does something to the files of a session; returns what, or "" where there was nothing to do it to."""

PAGE = 1024


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def some_file(path: Path, chance: random.Random) -> Path:
    """Return the main file or the -wal, by their sizes."""
    files = [f for f in (path, beside(path, "-wal")) if f.exists() and f.stat().st_size]
    return chance.choices(files, [f.stat().st_size for f in files])[0]


def write_at(file: Path, at: int, data: bytes) -> None:
    with file.open("r+b") as stream:
        stream.seek(at)
        stream.write(data)


def flip(path: Path, chance: random.Random) -> str:
    file = some_file(path, chance)
    at, bit = chance.randrange(file.stat().st_size), chance.randrange(8)
    write_at(file, at, bytes([file.read_bytes()[at] ^ 1 << bit]))
    return f"bit {bit} of byte {at} of {file.name}"


def flip_in_head_of_page(path: Path, chance: random.Random) -> str:
    """Flip a bit where SQLite keeps the structure of a page: its head, and the places of its cells."""
    pages = path.stat().st_size // PAGE
    page = chance.randrange(pages)
    at, bit = page * PAGE + (100 if page == 0 else 0) + chance.randrange(24), chance.randrange(8)
    write_at(path, at, bytes([path.read_bytes()[at] ^ 1 << bit]))
    return f"bit {bit} of byte {at} of {path.name}"


def flip_in_mark(path: Path, chance: random.Random) -> str:
    file = beside(path, "-head")
    if not file.exists():
        return ""
    at, bit = chance.randrange(len(file.read_bytes().rstrip())), chance.randrange(8)
    write_at(file, at, bytes([file.read_bytes()[at] ^ 1 << bit]))
    return f"bit {bit} of byte {at} of {file.name}"


def overwrite(path: Path, chance: random.Random) -> str:
    file = some_file(path, chance)
    size = file.stat().st_size
    at, length = chance.randrange(size), chance.choice((1, 2, 4, 16, 300))
    data = chance.randbytes(min(length, size - at))
    write_at(file, at, data)
    return f"bytes {at} + {len(data)} of {file.name} are {data[:16].hex()}"


def truncate(path: Path, chance: random.Random) -> str:
    file = some_file(path, chance)
    size = chance.randrange(file.stat().st_size)
    with file.open("r+b") as stream:
        stream.truncate(size)
    return f"{file.name} has {size} bytes left"


def zero_page(path: Path, chance: random.Random) -> str:
    page = chance.randrange(path.stat().st_size // PAGE)
    write_at(path, page * PAGE, bytes(PAGE))
    return f"page {page + 1} of {path.name} is zeros"


def older_page(path: Path, chance: random.Random) -> str:
    """Put one page in the place of another: a write that went astray."""
    pages = path.stat().st_size // PAGE
    source, target = chance.randrange(pages), chance.randrange(pages)
    data = path.read_bytes()
    write_at(path, target * PAGE, data[source * PAGE : (source + 1) * PAGE])
    return f"page {target + 1} of {path.name} is page {source + 1}"


def delete(*suffixes: str) -> Damage:
    def without(path: Path, chance: random.Random) -> str:
        there = [beside(path, suffix) for suffix in suffixes if beside(path, suffix).exists()]
        for file in there:
            file.unlink()
        return f"without {', '.join(file.name for file in there)}" if there else ""

    return without


RANDOM = (flip, flip, flip, flip_in_head_of_page, flip_in_mark, overwrite, truncate, zero_page, older_page)
DELETED = (delete("-wal"), delete("-head"), delete("-wal", "-head"))


async def write_session(path: Path) -> None:
    """Write a session with all that a session can hold: blobs, state, a snapshot, an edited history, a part,
    and turns that were left."""

    @tool(effect="read")
    def look(size: int) -> list[Any]:
        """Return text and an image."""
        return [Text("Müller 東京 " * size, origin="file"), Media("image/png", data=bytes(range(256)) * size)]

    steps = [s for n in (1, 2, 900) for s in ([("look", {"size": n})], "It is done. " * n)] * 4
    agent = await Agent.build({"name": "damaged"}, llm=ScriptedLLM(steps), tools=[look], session=path)
    async with agent:
        for number in range(12):
            await agent.run(f"question {number} " + "x" * 700)
            agent.state["number"] = {"is": number}
            if number == 6:
                agent.edit_history(0, 4, agent.history[:1], by="test")
        log = agent.log.child()  # type: ignore[attr-defined]
        child = await Agent.build({"name": "part"}, llm=ScriptedLLM(["yes"]), host=agent.host, session=log)
        async with child:
            await child.run("a part of it")
    rewind(path, 10)
    async with await Agent.build({"name": "damaged"}, llm=ScriptedLLM(["and on"]), session=path) as agent:
        await agent.run("from turn 10")


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("closed") / "s.ktlog"
    asyncio.run(write_session(path))
    return path


@pytest.fixture
def left(start: Any, tmp_path: Path) -> Path:
    """Return the session that a crash left while it was in its first process."""
    path = tmp_path / "left.ktlog"
    assert start("left", path, tmp_path / "effects", 3).ended() == -9
    return path


@pytest.fixture
def left_again(start: Any, closed: Path, copied: Any, tmp_path: Path) -> Path:
    """Return a session that was closed once, and left by a crash of its second process."""
    path = copied(closed, tmp_path / "again.ktlog")
    victim = start("left", path, tmp_path / "effects", 4)
    assert victim.ended() == -9
    return path


def outcome(path: Path, before: Any, everything: Callable[[Path], Any]) -> str:
    """Return "seen", "same", or what is wrong with how a damaged session was read."""
    try:
        same = everything(path) == before
    except DataError:
        return "seen"
    except KTError as error:
        return f"not called damaged, but {error.line()}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if same:
        return "same"
    try:
        return "seen" if check(path).problems else "SILENT"
    except DataError:
        return "seen"


def damage_many(
    source: Path, kinds: tuple[Damage, ...], cases: int, seed: int, everything: Any, copied: Any, folder: Path
) -> list[str]:
    """Damage copies of a session; return each case that was not seen, though something is not as before."""
    before, bad, outcomes = everything(copied(source, folder / "whole.ktlog")), [], set()
    for case in range(cases):
        chance = random.Random(seed * 100_000 + case)
        path = copied(source, folder / f"{case}.ktlog")
        done = kinds[case % len(kinds)](path, chance)
        if not done:
            continue
        found = outcome(path, before, everything)
        outcomes.add(found)
        if found not in ("seen", "same"):
            bad.append(f"seed {seed} case {case}: {done}: {found}")
        for suffix in ("", "-wal", "-head", "-shm"):
            beside(path, suffix).unlink(missing_ok=True)
    assert "seen" in outcomes
    return bad


@pytest.mark.parametrize("name", ["closed", "left", "left_again"])
def test_damage_is_seen_or_changes_nothing(
    request: pytest.FixtureRequest, name: str, everything: Any, copied: Any, tmp_path: Path
) -> None:
    source = request.getfixturevalue(name)
    assert damage_many(source, RANDOM, 54, 1, everything, copied, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 7))
@pytest.mark.parametrize("name", ["closed", "left", "left_again"])
def test_much_damage_is_seen_or_changes_nothing(
    request: pytest.FixtureRequest, name: str, seed: int, everything: Any, copied: Any, tmp_path: Path
) -> None:
    source = request.getfixturevalue(name)
    assert damage_many(source, RANDOM, 450, seed, everything, copied, tmp_path) == []


@pytest.mark.parametrize("name", ["left", "left_again"])
def test_a_missing_file_beside_a_session_is_seen(
    request: pytest.FixtureRequest, name: str, everything: Any, copied: Any, tmp_path: Path
) -> None:
    source = request.getfixturevalue(name)
    assert damage_many(source, DELETED, len(DELETED), 1, everything, copied, tmp_path) == []


@pytest.mark.parametrize("name", ["closed", "left", "left_again"])
def test_the_wal_of_another_session_is_seen(
    request: pytest.FixtureRequest, start: Any, name: str, everything: Any, copied: Any, tmp_path: Path
) -> None:
    source, other = request.getfixturevalue(name), tmp_path / "other.ktlog"
    assert start("left", other, tmp_path / "others", 9).ended() == -9

    def swap(path: Path, chance: random.Random) -> str:
        beside(path, "-wal").write_bytes(beside(other, "-wal").read_bytes())
        return "another wal"

    assert damage_many(source, (swap,), 1, 1, everything, copied, tmp_path) == []


@pytest.fixture
def small(tmp_path: Path, copied: Any) -> Path:
    """Return a session of one turn as a kill leaves it, with all its pages in the main file."""
    path, small = tmp_path / "s.ktlog", tmp_path / "small.ktlog"

    async def write() -> None:
        async with await Agent.build({"name": "small"}, llm=ScriptedLLM(["hi"]), session=path) as agent:
            await agent.run("hello")
            copied(path, small)

    asyncio.run(write())
    with closing(sqlite3.connect(small)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return small


def replace_once(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new, 1))


def uid_of(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("select value from meta where key = 'uid'").fetchone()[0]).encode()


@pytest.mark.parametrize("byte", [b"z", b"\xe9"])
def test_another_uid_in_a_session_left_by_a_crash_is_seen(small: Path, everything: Any, byte: bytes) -> None:
    uid, before = uid_of(small), everything(small)
    replace_once(small, uid, uid[:-1] + byte)
    assert outcome(small, before, everything) == "seen"


def test_a_schema_that_is_no_text_is_seen(small: Path, everything: Any) -> None:
    before = everything(small)
    replace_once(small, b"seq integer not null, parent integer", b"seq integer not null\xe9 parent integer")
    assert outcome(small, before, everything) == "seen"


def test_a_number_that_is_missing_in_the_index_is_seen(small: Path, everything: Any) -> None:
    before = everything(small)
    with closing(sqlite3.connect(small)) as connection:
        root = connection.execute("select rootpage from sqlite_master where name like '%autoindex_event_1'").fetchone()
    data = small.read_bytes()
    at = data.index(b"\x04\x09\x01\x01", (root[0] - 1) * PAGE)  # the head of an entry: (1, seq, id), a byte each
    write_at(small, at + 2, b"\x00")
    assert outcome(small, before, everything) == "seen"


def test_a_partial_answer_that_nobody_gave_is_seen(small: Path, everything: Any) -> None:
    before = everything(small)
    with closing(sqlite3.connect(small)) as connection:
        columns = len(connection.execute("select * from partial").description)
        values = (1, *["made up"] * (columns - 1))
        connection.execute(f"insert into partial values({', '.join('?' * columns)})", values)
        connection.commit()
        connection.execute("pragma wal_checkpoint(truncate)")
    assert outcome(small, before, everything) in ("seen", "same")
