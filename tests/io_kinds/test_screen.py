"""The outputs stdout and stderr: what is written, when, and that it commands no terminal."""

import asyncio
import io
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Agent, Message, Text, hookimpl, tool
from kt.errors import ConfigError, ModelError
from kt.events import PluginFailed
from kt.testing import EventRecorder, ScriptedLLM
from kt_io.screen import inert

pytestmark = pytest.mark.anyio


@tool
def look() -> str:
    """Look around."""
    return "an owl"


def both(_: Any) -> Message:
    """Say something beside a call."""
    from kt import ToolCall

    return Message("assistant", [Text("I look."), ToolCall("c1", "look", "{}")], finish="tool_calls")


async def written(steps: Any, output: Any, capsys: pytest.CaptureFixture[str], **options: Any) -> tuple[str, str]:
    """Return what one turn leaves on stdout and stderr."""
    agent = await Agent.build({}, llm=ScriptedLLM(steps), outputs=[output], tools=[look], **options)
    async with agent:
        await agent.run("go")
    found = capsys.readouterr()
    return found.out, found.err


async def test_an_answer_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert await written(["an owl"], "stdout", capsys) == ("an owl\n", "")
    assert await written(["an owl\n"], {"name": "stdout", "prefix": "> "}, capsys) == ("> an owl\n", "")
    assert await written(["an owl"], {"name": "stderr", "stream": False}, capsys) == ("", "an owl\n")


@pytest.mark.parametrize("stream", [True, False])
async def test_all_that_is_said_or_only_the_answer(capsys: pytest.CaptureFixture[str], stream: bool) -> None:
    every = {"name": "stdout", "stream": stream, "prefix": "> "}
    assert (await written([both, "an owl"], every, capsys))[0] == "> I look.\n> an owl\n"
    final = {"name": "stdout", "when": "final", "prefix": "> "}
    assert (await written([both, "an owl"], final, capsys))[0] == "> an owl\n"


async def test_pieces_come_before_the_answer_is_complete(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    go = asyncio.Event()

    class Slow:
        model = "slow"

        async def stream(self, request: Any) -> Any:
            yield "first "
            await go.wait()
            yield "second"
            yield Message("assistant", [Text("first second")], finish="stop")

    with os.fdopen(theirs, "w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        agent = await Agent.build({}, llm=Slow(), outputs=["stdout"])
        async with agent:
            turn = asyncio.create_task(agent.run("go"))
            assert await asyncio.to_thread(os.read, ours, 100) == b"first "
            go.set()
            await turn
    with os.fdopen(ours) as rest:
        assert rest.read() == "second\n"


async def test_how_a_turn_fails_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    line = "error[E-MODEL]: no model. hint: wait\n"
    for stream in (True, False):
        output = {"name": "stdout", "stream": stream}
        assert (await written([ModelError("no model", hint="wait")], output, capsys))[0] == line


async def test_statuses_choose_turns(capsys: pytest.CaptureFixture[str]) -> None:
    outputs = [{"name": "stdout", "only": ["ok"]}, {"name": "stderr", "only": ["failed", "timeout"]}]
    agent = await Agent.build({}, llm=ScriptedLLM(["fine", ModelError("no model")]), outputs=outputs)
    async with agent:
        await agent.run("one")
        await agent.run("two")
    found = capsys.readouterr()
    assert (found.out, found.err) == ("fine\n", "error[E-MODEL]: no model\n")


class Again:
    """Ask the model once more after its first reply, as a plugin that retries does."""

    @hookimpl
    async def kt_around_llm_call(self, request: Any, next: Any) -> Any:
        await next(request)
        return await next(request)


async def test_an_answer_that_starts_again_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = await written(["bad words", "good words"], "stdout", capsys, plugins=[Again()])
    assert out == "bad words\n(the model starts its answer again)\ngood words\n"
    final = {"name": "stdout", "when": "final"}
    assert (await written(["bad", "good"], final, capsys, plugins=[Again()]))[0] == "good\n"


async def test_no_answer_commands_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;title\x07 \x1b[2J \x9b31m \r\b\u202egnp.exe\u200b\ttab\nline"
    for output in ("stdout", {"name": "stdout", "when": "final", "prefix": "\x1b[1m"}):
        out, _ = await written([evil], output, capsys)
        assert all(c.isprintable() or c in "\n\t" for c in out)
        assert "\\x1b]0;title\\x07" in out
        assert "\ttab\nline\n" in out
    out, _ = await written([ModelError("\x1b[2J")], "stdout", capsys)
    assert "\x1b" not in out


@given(st.text())
def test_nothing_that_is_written_is_a_command(text: str) -> None:
    shown = inert(text)
    assert not any((ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 for c in shown)
    assert inert(shown) == shown


async def test_what_can_not_be_encoded_is_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    agent = await Agent.build({}, llm=ScriptedLLM(["an öwl \ud800"]), outputs=["stdout"])
    async with agent:
        await agent.run("go")
    assert raw.getvalue() == b"an \\xf6wl \\ud800\n"


async def test_a_reader_that_has_gone_does_not_stop_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    stream = os.fdopen(theirs, "w")
    monkeypatch.setattr(sys, "stdout", stream)
    agent = await Agent.build({}, llm=ScriptedLLM(["one", "two"]), outputs=["stdout"])
    recorder = EventRecorder(agent)
    async with agent:
        assert [(await agent.run("go")).ok, (await agent.run("go")).ok] == [True, True]
    failed = recorder.of(PluginFailed)
    assert [event.plugin for event in failed] == ["output stdout"]
    assert "Broken pipe" in failed[0].error
    with pytest.raises(BrokenPipeError):
        stream.close()


async def test_a_reader_that_does_not_read_does_not_stop_the_agent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("kt_io.writer.STOP_SECONDS", 0.05)
    monkeypatch.setattr("kt_io.writer.MAX_WAITING", 1_000_000)
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        llm = ScriptedLLM(lambda request: "x" * 300_000)
        agent = await Agent.build({}, llm=llm, outputs=["stdout"])
        recorder = EventRecorder(agent)
        async with agent:
            for _ in range(6):
                assert (await agent.run("go")).ok
        reading = Thread(target=_drain, args=(ours,))
        reading.start()
    reading.join()
    assert [event.error for event in recorder.of(PluginFailed)] == [
        "nobody reads what is written: some of it is dropped",
        "the last of it was not written: nobody reads it",
    ]


def _drain(fd: int) -> None:
    with os.fdopen(fd, "rb") as file:
        file.read()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"stream": True, "when": "final"}, "before it is known"),
        ({"stream": True, "only": ["ok"]}, "before it is known"),
        ({"only": ["fine"]}, "only"),
        ({"when": "never"}, "when"),
        ({"prefx": "> "}, "did you mean prefix"),
    ],
)
async def test_settings_that_do_not_fit_are_errors_at_start(settings: dict[str, Any], said: str) -> None:
    agent = await Agent.build({}, llm=ScriptedLLM([]), outputs=[{"name": "stdout", **settings}])
    with pytest.raises(ConfigError) as raised:
        await agent.start()
    assert said in raised.value.line()


def test_a_process_without_it_says_so() -> None:
    script = """
import asyncio, sys
from kt import Agent
from kt.testing import ScriptedLLM
async def main():
    await (await Agent.build({}, llm=ScriptedLLM([]), outputs=["stdout"])).start()
try:
    asyncio.run(main())
except Exception as error:
    print(error, file=sys.stderr)
"""
    command = f"exec \"{sys.executable}\" -c '{script}' >&-"
    done = subprocess.run(["bash", "-c", command], stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert "this process has no such stream" in done.stderr
