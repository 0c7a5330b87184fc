"""Lines of standard input: who asked last gets the next one, and who is cancelled takes none."""

import asyncio
import os
from collections.abc import Iterator

import pytest
from kt.errors import DataError
from kt_cli.lines import Lines

pytestmark = pytest.mark.anyio


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Make a pipe the standard input; return its writing end."""
    reading, writing = os.pipe()
    with open(reading) as stdin:  # noqa: PTH123
        monkeypatch.setattr("sys.stdin", stdin)
        yield writing
        os.close(writing)


async def waiting(lines: Lines) -> "asyncio.Task[str | None]":
    """Start to read a line; return once it is waited for."""
    task = asyncio.create_task(lines.next())
    await asyncio.sleep(0)
    return task


async def test_lines_come_one_by_one_however_they_were_written(pipe: int) -> None:
    lines = Lines()
    os.write(pipe, b"one\ntwo\nthr")
    assert [await lines.next(), await lines.next()] == ["one", "two"]
    third = await waiting(lines)
    os.write(pipe, "ée\n".encode())
    assert await third == "thrée"


async def test_a_question_is_answered_before_the_one_who_waited_longer(pipe: int) -> None:
    lines = Lines()
    conversation = await waiting(lines)
    question = await waiting(lines)
    os.write(pipe, b"yes\nnext prompt\n")
    assert await question == "yes"
    assert await conversation == "next prompt"


async def test_who_is_cancelled_takes_no_line(pipe: int) -> None:
    lines = Lines()
    conversation = await waiting(lines)
    question = await waiting(lines)
    question.cancel()
    await asyncio.wait([question])
    os.write(pipe, b"still here\n")
    assert await conversation == "still here"


async def test_the_end_of_input_is_the_end_after_its_last_line(pipe: int) -> None:
    lines = Lines()
    os.write(pipe, b"one\nlast")
    os.dup2(os.open(os.devnull, os.O_WRONLY), pipe)
    assert [await lines.next(), await lines.next(), await lines.next(), await lines.next()] == [
        "one",
        "last",
        None,
        None,
    ]


async def test_a_line_that_is_no_text_is_refused_and_the_next_one_read(pipe: int) -> None:
    lines = Lines()
    os.write(pipe, b"\xff\nfine\n")
    with pytest.raises(DataError, match="not UTF-8"):
        await lines.next()
    assert await lines.next() == "fine"
