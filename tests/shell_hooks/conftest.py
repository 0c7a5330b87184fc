"""What the tests of shell hooks share: a home folder of its own, a host that knows the plugin, and real programs."""

import asyncio
import json
import shlex
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Plugins
from kt.events import Advice
from kt.testing import EventRecorder, running

Hooked = Callable[..., Any]


def at(event: str, *commands: str, matcher: str = "", **more: Any) -> dict[str, Any]:
    """Return a `hooks` table with commands at one event."""
    return {event: [{"matcher": matcher, "hooks": [{"type": "command", "command": c, **more} for c in commands]}]}


def says(answer: object) -> str:
    """Return a command that prints an answer as JSON."""
    return f"printf %s {shlex.quote(json.dumps(answer))}"


def specific(event: str, **said: Any) -> str:
    return says({"hookSpecificOutput": {"hookEventName": event, **said}})


class Seen:
    """What programs were given, in the order they ran; `keep` is a command that adds to it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.keep = f"cat >> {file}; echo >> {file}"

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    @property
    def events(self) -> list[str]:
        return [given["hook_event_name"] for given in self.all]


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    return Seen(tmp_path / "seen.jsonl")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's home folder; the settings of whoever runs the tests are kept out."""
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("KT_HOME", str(tmp_path / "kt"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Return the root of a repository."""
    root = tmp_path / "repo"
    (root / ".git").mkdir(parents=True)
    return root


@pytest.fixture
def write_settings() -> Callable[..., Path]:
    """Return a function that writes FOLDER/.claude/settings.json with a `hooks` table."""

    def write(folder: Path, hooks: object, name: str = "settings.json", **more: Any) -> Path:
        file = folder / ".claude" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"hooks": hooks, **more}))
        return file

    return write


@pytest.fixture
def plugins() -> Plugins:
    """Return what is installed."""
    return Plugins()


@pytest.fixture
def hooked(plugins: Plugins, repo: Path) -> Hooked:
    """Return `running` with the plugin, its own hooks as the first argument, in the repository."""

    @asynccontextmanager
    async def run(hooks: dict[str, Any], steps: Any = ("hello",), **options: Any) -> AsyncIterator[Agent]:
        more = options.pop("plugins", [])
        options.setdefault("pwd", repo)
        async with Host(plugins) as host:
            uses = [{"shell_hooks": {"hooks": hooks}}, *more]
            async with running(steps, plugins=uses, host=host, **options) as agent:
                yield agent

    return run


async def told(agent: Agent, text: str) -> None:
    """Wait until a remark with this text is told: then its program has ended, and what it wants was done."""
    heard = asyncio.Event()
    off = agent.bus.on(Advice, lambda event: heard.set() if text in event.text else None)
    try:
        await asyncio.wait_for(heard.wait(), 60)
    finally:
        off()


def advice(recorder: EventRecorder) -> list[str]:
    return [event.text for event in recorder.of(Advice)]
