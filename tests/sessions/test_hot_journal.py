"""A session whose writer was killed while SQLite changed the file itself: the next one who reads it ends that."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from kt import SessionReader
from kt.testing import running

pytestmark = pytest.mark.anyio


async def test_a_journal_that_is_left_is_rolled_back_by_who_reads(tmp_path: Path) -> None:
    path, copy = tmp_path / "s.ktlog", tmp_path / "copy.ktlog"
    async with running(["hello"], session=path) as agent:
        await agent.run("hi")
    shutil.copy(path, tmp_path / "whole.ktlog")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = delete")
    connection.execute("pragma cache_size = 1")
    connection.execute("begin immediate")
    connection.execute("create table spilled(x)")
    connection.executemany("insert into spilled values(?)", [("x" * 1000,)] * 500)
    shutil.copy(path, copy)
    shutil.copy(f"{path}-journal", f"{copy}-journal")
    connection.execute("rollback")
    connection.close()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True).execute("select * from event")
    with SessionReader(copy) as reader:
        assert [turn.assistant_text for turn in reader.turns()] == ["hello"]
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith("-journal")] == []  # noqa: ASYNC240
