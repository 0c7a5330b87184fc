"""The input stdin: of a real process, and its parts on real pipes and files."""

import asyncio
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Agent
from kt.errors import ConfigError, DataError
from kt.testing import ScriptedLLM
from kt_io.lines import MAX_TEXT, Lines
from kt_io.stdin import lines, read_some, whole

pytestmark = pytest.mark.anyio
SCRIPT = """
import asyncio, sys
from kt import Agent
from kt.testing import ScriptedLLM
from kt_io.events import InputEnded

async def main():
    llm = ScriptedLLM(lambda request: f"<{request.messages[-1].text}>")
    input = {"name": "stdin", "whole": "whole" in sys.argv, "prefix": "in: "}
    agent = await Agent.build({"name": "owl"}, llm=llm, input=input, outputs=["stdout"])
    async with agent, agent.bus.stream(InputEnded) as ended:
        print("ready", file=sys.stderr, flush=True)
        if "stop" not in sys.argv:
            await anext(ended)
    print("ended", len(asyncio.all_tasks()), len(agent.history), file=sys.stderr)

asyncio.run(main())
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "script.py"
    file.write_text(SCRIPT)
    return file


def run(script: Path, *arguments: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, **streams)


def test_each_line_of_a_pipe_is_a_turn(script: Path) -> None:
    done = run(script, input="one\n\n  \ntwo\nthree without an end")
    assert done.stdout == "<in: one>\n<in: two>\n<in: three without an end>\n"
    assert "ended 1 6" in done.stderr


def test_a_pipe_that_is_never_closed_does_not_keep_the_agent(script: Path) -> None:
    ours, theirs = os.pipe()
    try:
        done = run(script, "stop", stdin=ours)
    finally:
        os.close(ours)
        os.close(theirs)
    assert "ended 1 0" in done.stderr


def test_a_file_is_read_like_a_pipe(script: Path, tmp_path: Path) -> None:
    (tmp_path / "input").write_text("one\ntwo\n")
    with (tmp_path / "input").open() as file:
        assert run(script, stdin=file).stdout == "<in: one>\n<in: two>\n"
    assert run(script, stdin=subprocess.DEVNULL).stdout == ""


def test_the_whole_is_one_turn(script: Path) -> None:
    assert run(script, "whole", input="one\ntwo\n").stdout == "<in: one\ntwo\n>\n"


def test_a_terminal_is_read_as_it_is_typed(script: Path) -> None:
    import pexpect

    with pexpect.spawn(sys.executable, [str(script)], encoding="utf-8", timeout=30) as terminal:
        terminal.expect("ready")
        terminal.sendline("one")
        terminal.expect("<in: one>")
        terminal.sendline("two")
        terminal.expect("<in: two>")
        terminal.sendeof()
        terminal.expect("ended 1 4")
        terminal.expect(pexpect.EOF)


def test_an_interrupt_ends_it(script: Path) -> None:
    ours, theirs = os.pipe()
    process = subprocess.Popen([sys.executable, str(script)], stdin=ours, stderr=subprocess.PIPE)
    assert process.stderr is not None
    with process:
        assert process.stderr.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in process.stderr.read()
    os.close(ours)
    os.close(theirs)
    assert process.returncode != 0


async def collected(texts: Any) -> list[str]:
    return [text async for text in texts]


async def test_what_comes_in_pieces_is_whole(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    reading = asyncio.create_task(collected(lines(ours)))
    for piece in (b"on", b"e\ntw\xc3", b"\xb6\r\n", b"\n", b"end"):
        os.write(theirs, piece)
        await asyncio.sleep(0)
    os.close(theirs)
    assert await reading == ["one", "twö", "", "end"]
    os.close(ours)


async def test_a_wait_that_is_cancelled_takes_nothing(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    waiting = asyncio.create_task(read_some(ours))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    os.write(theirs, b"still here")
    assert os.get_blocking(ours)
    assert await read_some(ours) == b"still here"
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize("read", [lines, whole])
async def test_what_never_ends_is_refused(read: Any) -> None:
    fd = os.open("/dev/zero", os.O_RDONLY)
    with pytest.raises(DataError, match="longer than"):
        await collected(read(fd))
    os.close(fd)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_lines_are_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    found, got = Lines(), list[str]()
    for start, stop in pairwise(places):
        got += found.feed(data[start:stop])
    got.append(found.rest())
    assert got == [line.removesuffix(b"\r").decode("utf-8", "replace") for line in data.split(b"\n")]


def test_a_line_has_a_largest_size() -> None:
    assert [*Lines().feed(b"x" * MAX_TEXT + b"\n")] == ["x" * MAX_TEXT]
    with pytest.raises(DataError):
        [*Lines().feed(b"x" * (MAX_TEXT + 1))]


async def test_two_agents_do_not_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    with os.fdopen(ours) as file, os.fdopen(theirs, "w"):
        monkeypatch.setattr(sys, "stdin", file)
        first = await Agent.build({"name": "first"}, llm=ScriptedLLM([]), input="stdin")
        second = await Agent.build({"name": "second"}, llm=ScriptedLLM([]), input="stdin")
        async with first:
            with pytest.raises(ConfigError, match="read by agent 'first'"):
                await second.start()
        async with second:
            pass


async def test_a_process_without_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    agent = await Agent.build({}, llm=ScriptedLLM([]), input="stdin")
    with pytest.raises(ConfigError, match="no standard input"):
        await agent.start()
