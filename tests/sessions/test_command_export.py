"""What is told of a conversation where it is exported, and the files that are written."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kt
import pytest
from kt import Message, SessionReader, Text, ToolCall, Usage
from kt.testing import running
from kt_sessions.errors import CannotCreate, SessionDamaged
from kt_sessions.export import shown_turns
from kt_sessions.rewind import rewind


@kt.tool(effect="read")
def echo(text: str) -> str:
    return text


def keep(path: Path, steps: list[Any], *says: Any, **options: Any) -> None:
    """Keep a session of turns."""

    async def talk() -> None:
        async with running(steps, session=path, tools=[echo], **options) as agent:
            for content in says:
                await agent.run(content)

    asyncio.run(talk())


def reply(*parts: Any) -> Message:
    calls = any(isinstance(part, ToolCall) for part in parts)
    return Message("assistant", list(parts), model="m", finish="tool_calls" if calls else "stop", usage=Usage(5, 3))


# What is told of a conversation


def pieces(path: Path) -> list[tuple[int | None, list[tuple[str, str]]]]:
    """Return the turns with the kinds and texts in them."""
    with SessionReader(path) as reader:
        return [(t.number, [(p.kind, p.text) for p in t.pieces]) for t in shown_turns(reader.path_events())]


def test_each_thing_is_told_once_and_in_order(path: Path) -> None:
    class Steers:
        @kt.hookimpl
        async def kt_around_tool_call(self, agent: Any, call: Any, next: Any) -> Any:
            agent.send("hurry", steer=True)
            return await next(call)

    keep(
        path,
        [reply(Text("I look."), ToolCall("c", "echo", '{"text":"hi"}')), "ok", "ok"],
        "go",
        "go",
        plugins=[Steers()],
    )
    call = '{\n  "text": "hi"\n}'
    assert pieces(path) == [
        (1, [("user", "go"), ("agent", "I look."), ("call", call), ("user", "hurry"), ("agent", "ok")]),
        (2, [("user", "go"), ("agent", "ok")]),
    ]


def test_a_call_that_was_refused_has_its_reason_as_result(path: Path) -> None:
    class No:
        @kt.hookimpl
        async def kt_around_tool_call(self, agent: Any, call: Any, next: Any) -> Any:
            raise kt.Vetoed("not today")

    keep(path, [[("echo", {"text": "hi"})], "ok"], "go", plugins=[No()])
    with SessionReader(path) as reader:
        (turn,) = shown_turns(reader.path_events())
    (call,) = [piece for piece in turn.pieces if piece.kind == "call"]
    assert (call.failed, call.result) == (True, "denied: not today")


def test_a_summary_is_told_where_it_took_the_place_of_messages(path: Path) -> None:
    async def talk() -> None:
        async with running(["one", "two"], session=path) as agent:
            await agent.run("first")
            agent.edit_history(0, 2, [Message("user", [Text("all before")])], by="compaction")
            await agent.run("second")

    asyncio.run(talk())
    told = "2 messages of the context were replaced by compaction by 1 message.\n\nall before"
    assert [texts for _, texts in pieces(path)] == [
        [("user", "first"), ("agent", "one")],
        [("note", told)],
        [("user", "second"), ("agent", "two")],
    ]


def test_what_was_left_behind_is_not_in_a_page(path: Path, export: Callable[..., str]) -> None:
    keep(path, ["1", "2"], "kept", "left out")
    rewind(path, 1)
    for format in ("md", "html"):
        text = export(format)
        assert "kept" in text
        assert "left out" not in text
        assert "went back to the end of turn 1" in text


# Files


def test_a_file_is_written_whole_or_not_at_all(path: Path, export: Callable[..., str], tmp_path: Path) -> None:
    keep(path, ["first", "second", "third"], "a", "b", "c")
    for format in ("md", "html", "jsonl"):
        assert export(format, "-o", str(tmp_path / format)) == ""
        assert (tmp_path / format).read_text() == export(format)
    with pytest.raises(CannotCreate, match="nowhere"):
        export("md", "-o", str(tmp_path / "nowhere" / "x.md"))
    path.write_bytes(path.read_bytes().replace(b"second", b"tenths"))
    (tmp_path / "md").write_text("an older one")
    with pytest.raises(SessionDamaged):
        export("md", "-o", str(tmp_path / "md"))
    assert (tmp_path / "md").read_text() == "an older one"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "html", "jsonl", "md"]
