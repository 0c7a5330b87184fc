"""What a later version will do with these files: steps of tables with a copy before, steps of bodies at read."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, SessionReader
from kt.errors import DataError
from kt.testing import ScriptedLLM
from kt_sessions import bodies, schema, stored

pytestmark = pytest.mark.anyio


async def say(path: Path, text: str) -> Agent:
    agent = await Agent.build({"name": "a"}, llm=ScriptedLLM(lambda request: "yes"), session=path)
    async with agent:
        (await agent.run(text)).unwrap()
    return agent


def add_a_table(connection: sqlite3.Connection) -> None:
    connection.execute("create table later(id integer primary key)")


async def test_an_older_format_is_brought_up_in_one_step_and_a_copy_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.ktlog"
    await say(path, "by the old one")
    monkeypatch.setattr(schema, "FORMAT", 2)
    monkeypatch.setattr(schema, "STEPS", {1: add_a_table})
    agent = await say(path, "by the new one")
    assert len(agent.history) == 4
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma user_version").fetchone() == (2,)
        assert connection.execute("select count(*) from later").fetchone() == (0,)
    monkeypatch.undo()
    with SessionReader(tmp_path / "s.ktlog.v1") as reader:
        assert [turn.user_text for turn in reader.turns()] == ["by the old one"]
    with pytest.raises(DataError, match="format 2, and only formats up to 1"):
        SessionReader(path)
    with pytest.raises(DataError, match="format 2, and only formats up to 1"):
        await say(path, "by the old one again")


async def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.ktlog"
    await say(path, "hello")

    def breaks(connection: sqlite3.Connection) -> None:
        add_a_table(connection)
        raise sqlite3.OperationalError("no")

    monkeypatch.setattr(schema, "FORMAT", 2)
    monkeypatch.setattr(schema, "STEPS", {1: breaks})
    with pytest.raises(Exception, match="no"):
        await say(path, "again")
    monkeypatch.undo()
    assert len((await say(path, "still here")).history) == 4


async def test_bodies_of_an_older_version_are_brought_up_when_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.ktlog"
    await say(path, "hello")

    def renamed(body: dict[str, Any]) -> dict[str, Any]:
        return {**{k: v for k, v in body.items() if k != "cwd"}, "folder": body["cwd"]}

    monkeypatch.setattr(stored, "STEPS", {("agent_started", 1): renamed, ("agent_started", 2): lambda b: {**b, "n": 3}})
    monkeypatch.setattr(bodies, "VERSIONS", {"agent_started": 3})
    await say(path, "again")
    with SessionReader(path) as reader:
        old, new = reader.events(kinds=["agent_started"])
    assert (old.version, old.body["folder"], old.body["n"]) == (1, str(Path.cwd()), 3)
    assert (new.version, new.body["cwd"]) == (3, str(Path.cwd()))
