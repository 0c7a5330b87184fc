"""The output file: text, results, events, and a disk that is full."""

import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Status
from kt.errors import ConfigError, ModelError, NotFound
from kt.events import PluginFailed
from kt.testing import EventRecorder, ScriptedLLM

from .conftest import until

pytestmark = pytest.mark.anyio


async def run(folder: Path, steps: Any, **settings: Any) -> str:
    """Run a turn for each step, and return what is in the file then."""
    output = {"name": "file", "path": "out", **settings}
    agent = await Agent.build({}, llm=ScriptedLLM(steps), pwd=folder, outputs=[output])
    async with agent:
        for number, _ in enumerate(steps, 1):
            await agent.run(f"say {number}")
    return (folder / "out").read_text()


async def test_text(tmp_path: Path) -> None:
    assert await run(tmp_path, ["one", "two\n"]) == "one\ntwo\n"
    assert await run(tmp_path, ["three"], prefix="> ") == "one\ntwo\n> three\n"
    assert await run(tmp_path, ["four \x1b"], append=False) == "four \x1b\n"  # a file is no terminal
    absolute = str(tmp_path / "out")
    assert await run(tmp_path, [ModelError("no")], path=absolute, append=False) == "error[E-MODEL]: no\n"
    assert await run(tmp_path, ["one", ModelError("no")], append=False, only=["ok"]) == "one\n"


async def test_a_line_for_each_result(tmp_path: Path) -> None:
    text = await run(tmp_path, ["öne \u2028 \ud800\nnext", ModelError("no")], format="jsonl")
    first, second = map(json.loads, text.split("\n")[:-1])
    assert (first["turn"], first["status"], first["text"]) == (1, "ok", "öne \u2028 \ud800\nnext")
    assert first["usage"]["output"] == 3
    assert (second["turn"], second["status"]) == (2, "failed")
    assert second["error"] == {"code": "E-MODEL", "message": "no", "hint": ""}
    assert first.keys() == second.keys()


async def test_a_line_for_each_event_of_chosen_kinds(tmp_path: Path) -> None:
    text = await run(tmp_path, ["one"], format="jsonl", events=["turn_started", "llm_ended"])
    events = [json.loads(line) for line in text.splitlines()]
    assert [event["type"] for event in events] == ["turn_started", "llm_ended"]


async def test_a_turn_is_in_the_file_soon_after_it(tmp_path: Path) -> None:
    agent = await Agent.build({}, llm=ScriptedLLM(["one"]), pwd=tmp_path, outputs=[{"name": "file", "path": "out"}])
    async with agent:
        await agent.run("go")
        await until(lambda: (tmp_path / "out").read_text() == "one\n")


@pytest.mark.parametrize(
    ("settings", "kind", "said"),
    [
        ({"path": "no/out"}, NotFound, "no folder"),
        ({"path": "."}, ConfigError, "can't write"),
        ({"events": ["turn_ended"]}, ConfigError, "JSON lines"),
        ({"format": "jsonl", "events": ["turn_endet"]}, ConfigError, "no event of kind 'turn_endet'"),
        ({"format": "jsonl", "when": "all"}, ConfigError, "are for text"),
        ({"format": "jsonl", "only": ["ok"], "events": []}, ConfigError, "only chooses turns"),
        ({}, ConfigError, "path"),
    ],
)
async def test_settings_that_do_not_fit_are_errors_at_start(
    tmp_path: Path, settings: dict[str, Any], kind: type[Exception], said: str
) -> None:
    output = {"name": "file", **({"path": "out", **settings} if settings else {})}
    agent = await Agent.build({}, llm=ScriptedLLM([]), pwd=tmp_path, outputs=[output])
    with pytest.raises(kind, match=said):
        await agent.start()
    assert not (tmp_path / "no").exists()


@contextmanager
def small_files() -> Iterator[None]:
    """Let no file of this process grow beyond 1,000 bytes, as on a disk that is nearly full.

    No fixture: pytest writes its own output, which may be a file, before it ends those.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


async def test_a_full_disk_does_not_stop_the_agent(tmp_path: Path) -> None:
    output = {"name": "file", "path": "out"}
    llm = ScriptedLLM(["x" * 400, "y" * 900, "z" * 10])
    agent = await Agent.build({}, llm=llm, pwd=tmp_path, outputs=[output])
    recorder = EventRecorder(agent)
    out = tmp_path / "out"
    with small_files():
        async with agent:
            assert (await agent.run("one")).status is Status.ok
            await until(lambda: out.stat().st_size == 401)
            assert (await agent.run("two")).status is Status.ok
            await until(lambda: recorder.of(PluginFailed))
            assert out.stat().st_size == 1000
            os.truncate(out, 500)
            assert (await agent.run("three")).status is Status.ok
    assert "File too large" in recorder.of(PluginFailed)[0].error
    assert out.read_text() == "x" * 400 + "\n" + "y" * 99 + "\n" + "z" * 10 + "\n"  # the torn line is a line
