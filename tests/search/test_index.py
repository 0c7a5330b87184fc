"""The index beside a session: it follows, it says things once, and it never stands in the way."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from kt.errors import StoreError
from kt_search.index import BATCH, Index, index_file, with_index
from kt_search.session import open_session
from kt_sessions.file import SessionFile

from .conftest import Write, answered, append, asked, ran, said


def rows(index: Index) -> list[int]:
    return [row[0] for row in index.db.execute("select rowid from fts order by rowid")]


def looked(path: Path, word: str = "") -> tuple[int, list[int], bool]:
    """Return (events that were indexed now, events with the word, is the index temporary)."""

    def work(index: Index) -> tuple[int, list[int], bool]:
        found = index.db.execute("select rowid from fts where fts match ?", (f'"{word}"',)).fetchall() if word else []
        return index.added, [row[0] for row in found], index.temporary

    with open_session(path) as session:
        return with_index(session, work)


def test_it_follows_the_session(write: Write) -> None:
    path = write(asked("the red owl"))
    assert looked(path, "owl") == (1, [1], False)
    assert looked(path, "owl") == (0, [1], False)
    write(answered("an owl, yes"), ran("bash", '{"command": "ls"}', "owl.py"))
    assert looked(path, "owl") == (2, [1, 2, 3], False)


def test_it_takes_more_than_one_transaction(write: Write) -> None:
    path = write(*(asked(f"number {n}", n) for n in range(BATCH + 10)))
    assert looked(path, "number")[:2] == (BATCH + 10, list(range(1, BATCH + 11)))


def test_an_event_that_repeats_says_nothing(write: Write) -> None:
    call = ran("bash", '{"command": "hoot"}', "done hooting")
    path = write(
        asked("hoot please"),
        (1, "message_added", said("user", "hoot please")),
        (1, "message_added", said("assistant", "I hoot")),
        answered("I hoot"),
        call,
        (1, "message_added", {"message": {"role": "tool", "parts": [call[2]["result"]]}}),
        (1, "message_added", said("assistant", "a plugin says hoot")),
        (1, "turn_ended", {"turn": 1, "result": {"status": "completed", "text": "I hoot"}}),
        asked("hoot please", 2),
    )
    assert looked(path, "hoot")[1] == [1, 4, 5, 7, 9]


def test_what_repeats_is_known_across_two_searches(write: Write) -> None:
    path = write(asked("hoot please"))
    assert looked(path, "hoot")[1] == [1]
    write((1, "message_added", said("user", "hoot please")))
    assert looked(path, "hoot") == (1, [1], False)


def test_the_events_of_plugins_are_found_and_bytes_are_not(write: Write) -> None:
    path = write(
        (None, "owl_seen", {"where": {"tree": ["oak", {"height": 7}]}, "picture": b"oak"}),
        (1, "user_said", {"parts": [{"kind": "media", "mime": "image/png", "data": "b2Fr", "name": "oak.png"}]}),
    )
    assert looked(path, "oak")[1] == [1, 2]
    assert looked(path, "b2Fr")[1] == []


def test_the_index_is_private_and_can_be_deleted(write: Write) -> None:
    path = write(asked("the red owl"))
    looked(path)
    assert index_file(path).stat().st_mode & 0o777 == 0o600
    index_file(path).unlink()
    assert looked(path, "owl") == (1, [1], False)
    assert list(path.parent.glob("*-search*")) == [index_file(path)]


@pytest.mark.parametrize("spoil", ["garbage", "cut", "hole", "other tables", "newer", "empty"])
def test_what_is_no_index_is_made_anew(write: Write, spoil: str) -> None:
    path = write(*(asked(f"the red owl {n} " + "feather " * 50, n) for n in range(200)))
    looked(path)
    file = index_file(path)
    data = file.read_bytes()
    if spoil == "other tables":
        file.unlink()
        with sqlite3.connect(file) as db:
            db.execute("create table owls(name)")
        db.close()
    elif spoil == "newer":
        with sqlite3.connect(file) as db:
            db.execute("pragma user_version = 99")
        db.close()
    else:
        changed = {"garbage": b"x" * 5000, "cut": data[: len(data) // 2], "hole": data[:4096] + bytes(len(data) - 4096)}
        file.write_bytes(changed.get(spoil, b""))
    assert looked(path, "owl") == (200, list(range(1, 201)), False)
    assert looked(path, "owl") == (0, list(range(1, 201)), False)


def test_the_index_of_another_session_is_made_anew(write: Write) -> None:
    one, two = write(asked("the red owl"), name="one"), write(asked("a blue owl"), asked("and more"), name="two")
    looked(one)
    index_file(one).replace(index_file(two))
    assert looked(two, "red") == (2, [], False)
    index_file(two).replace(index_file(one))
    assert looked(one, "red") == (1, [1], False)


def test_a_session_that_was_written_anew_is_indexed_anew(write: Write) -> None:
    path = write(asked("the red owl"), asked("more"))
    looked(path)
    path.unlink()
    write(asked("a blue owl"), asked("more"), asked("still more"))
    assert looked(path, "red") == (3, [], False)


def test_where_it_cannot_be_kept_it_is_made_for_the_search(write: Write) -> None:
    path = write(asked("the red owl"))
    index_file(path).mkdir()
    assert looked(path, "owl") == (1, [1], True)
    assert list(index_file(path).iterdir()) == []


def test_a_link_in_its_place_is_not_followed(write: Write, tmp_path: Path) -> None:
    path, other = write(asked("the red owl")), tmp_path / "other"
    other.write_bytes(b"mine")
    index_file(path).symlink_to(other)
    assert looked(path, "owl") == (1, [1], True)
    assert other.read_bytes() == b"mine"


def test_a_session_that_is_open_for_writing_is_searched(write: Write) -> None:
    path = write(asked("the red owl"))
    file = SessionFile(path)
    connection = file.open()
    try:
        stream = file.streams[0]
        for n in (2, 3):
            body = asked(f"owl number {n}")[2]
            file.commit(connection, [(stream.id, n, None, 1_800_000_000_000_000, n, "turn_started", 1, body)])
            assert looked(path, "owl")[1] == list(range(1, n + 1))
    finally:
        file.close(connection)


def test_two_processes_index_one_session(write: Write) -> None:
    path = write(*(asked(f"the red owl number {n}", n) for n in range(3 * BATCH)))
    program = (
        "import sys; from pathlib import Path; from kt_search.index import with_index; "
        "from kt_search.session import open_session\n"
        "with open_session(Path(sys.argv[1])) as s: print(with_index(s, lambda i: i.added))"
    )
    argv = [sys.executable, "-c", program, str(path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    both = [subprocess.Popen(argv, stdout=subprocess.PIPE, env=env, text=True) for _ in range(2)]
    added = [int(process.communicate(timeout=100)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(added) == 3 * BATCH
    with open_session(path) as session:
        assert with_index(session, rows) == list(range(1, 3 * BATCH + 1))


def test_a_full_disk_is_said(write: Write) -> None:
    path = write(asked("the red owl"))

    def work(index: Index) -> None:
        index.db.execute("pragma max_page_count = 1")
        with index.writing():
            index.db.execute("create table more(text)")

    with open_session(path) as session, pytest.raises(StoreError, match="full"):
        with_index(session, work)


def test_two_agents_of_a_session_do_not_hide_each_other(write: Write) -> None:
    path = write(asked("hoot"))
    append(path, [(1, "message_added", said("user", "hoot"))], agent="helper")
    assert looked(path, "hoot")[1] == [1, 2]
