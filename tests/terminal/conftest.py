"""`kt` on a terminal, with a home and a working folder of its own, and models that play scripts."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .driver import Terminal

PROGRAM = str(Path(sys.executable).with_name("kt"))
PLAYED = '''
"""A provider that plays the steps of a Python file, and writes down what it is sent.

A step is one of ScriptedLLM, or a function `request -> async iterator` of deltas and the final Message.
"""

import asyncio
import inspect
import json
import runpy
from pathlib import Path

from kt import Message, Text, Usage, hookimpl
from kt.errors import ModelError
from kt.testing import ScriptedLLM


class Played:
    model = "played"

    def __init__(self, steps):
        self.steps = iter(steps)
        self.step = None
        self.plain = ScriptedLLM(lambda request: self.step)

    async def stream(self, request):
        told = [[m.role, m.text, [getattr(p, "text", p.kind) for p in m.parts]] for m in request.messages]
        with Path("requests.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\\n")
        self.step = next(self.steps, ModelError("the script is at its end"))
        items = self.step(request) if inspect.isasyncgenfunction(self.step) else self.plain.stream(request)
        async for item in items:
            yield item


def said(text, *parts):
    return Message("assistant", [*parts, Text(text)], model="played", finish="stop", usage=Usage(1, 1))


async def until(name):
    while not Path(name).exists():
        await asyncio.sleep(0.01)


def provider(model, options, host):
    return Played(runpy.run_path(model)["steps"])


@hookimpl
def kt_register(registry):
    registry.provider("played", "kt_played:provider", help="plays a Python file")
'''
NEEDS = {"reads": ["*"], "writes": ["*"], "net": ["*"], "exec": ["any"], "secrets": ["*"], "listen": ["*"]}


class Place:
    """A folder with the creature c.yaml; `start` runs `kt` there on a terminal, `asked` is what its model was sent."""

    def __init__(self, root: Path) -> None:
        self.folder, self.home, self._site = root / "work", root / "home", root / "site"
        self.folder.mkdir()
        foreign = ("KT_", "PYTHON", "TMUX", "LC_", "COLUMNS", "LINES")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign) and not k.endswith("_API_KEY")}
        self.env = {
            **kept, "KT_HOME": str(self.home), "HOME": str(root), "PYTHONWARNINGS": "error", "LC_ALL": "C.UTF-8",
            "SHELL": "/bin/sh",
        }  # fmt: skip
        self.env.pop("NO_COLOR", None)
        self.write("c.yaml", "name: tester\ntools: [read, write, edit, bash, ask_user]\n")
        self._open: list[Terminal] = []

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        return file

    def plugin(self, name: str, source: str) -> None:
        """Put a distribution on the import path, as an installer would, and approve it."""
        info = self._site / f"kt_{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (self._site / f"kt_{name}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: kt-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[kt]\n{name} = kt_{name}\n")
        self.env["PYTHONPATH"] = str(self._site)
        file = self.home / "approved.json"
        file.parent.mkdir(exist_ok=True)
        approved = json.loads(file.read_text()) if file.is_file() else {}
        file.write_text(json.dumps({**approved, f"kt-{name}": {"copy": "1.0", "needs": NEEDS}}))

    def words(self, *more: str, steps: Any = None, script: str | None = None) -> list[str]:
        """Return a command line: `steps` play from a file of JSON, a `script` is Python (see PLAYED)."""
        words = [PROGRAM, "run", "./c.yaml", "--allow-unsandboxed", *more]
        if script is not None:
            if not self._site.exists():
                self.plugin("played", PLAYED)
            self.write("script.py", f"from kt import Thinking, ToolCall, errors\nfrom kt_played import *\n{script}")
            return [*words, "--model", "played/script.py"]
        self.write("script.json", json.dumps(["Hello there."] if steps is None else steps))
        return [*words, "--scripted", "script.json"]

    def open(self, words: list[str], *, size: tuple[int, int] = (100, 30), **env: str) -> Terminal:
        """Run a command line on a terminal."""
        terminal = Terminal(words, cwd=self.folder, env={**self.env, **env}, size=size)
        self._open.append(terminal)
        return terminal

    def start(
        self, *more: str, steps: Any = None, script: str | None = None, size: tuple[int, int] = (100, 30), **env: str
    ) -> Terminal:
        """Run `kt` on a terminal, and wait until it is ready."""
        terminal = self.open(self.words(*more, steps=steps, script=script), size=size, **env)
        terminal.ready()
        return terminal

    def run(self, *more: str, stdin: bytes | None = None, **given: Any) -> "subprocess.CompletedProcess[bytes]":
        """Run `kt run` with pipes to its end."""
        return self.finish(self.words(*more, **given), stdin=stdin)

    def command(self, *words: str) -> "subprocess.CompletedProcess[bytes]":
        """Run another command of `kt` with pipes to its end."""
        return self.finish([PROGRAM, *words])

    def finish(self, words: list[str], *, stdin: bytes | None = None) -> "subprocess.CompletedProcess[bytes]":
        """Run a command line with pipes to its end."""
        return subprocess.run(
            words, cwd=self.folder, env=self.env, input=stdin, capture_output=True, timeout=60, check=False
        )

    @property
    def asked(self) -> list[list[list[Any]]]:
        """Return each request that a script of Python got: the (role, text, parts) of its messages."""
        file = self.folder / "requests.jsonl"
        whole = file.read_text("utf-8").rpartition("\n")[0] if file.exists() else ""  # the last line may be half there
        return [json.loads(line) for line in whole.split("\n") if line]

    def close(self) -> None:
        for terminal in self._open:
            terminal.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    there = Place(tmp_path)
    yield there
    there.close()


@pytest.fixture
def start(place: Place) -> Callable[..., Terminal]:
    """Run `kt` on a terminal, and wait until it is ready; see Place.start."""
    return place.start
