"""Agents whose log is kept in memory, a reader of it, and a folder to work in."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Plugins, encode
from kt.events import Logged
from kt.testing import running
from kt_checkpoints.plugin import Checkpoints
from kt_checkpoints.restore import Restored, restore
from kt_checkpoints.settings import Settings

OPEN = {"sandbox": {"backend": "none", "require": "none"}}
"""These tests are about what is kept; tests/sandbox is about the walls."""


@dataclass(slots=True)
class StreamOfLog:
    id: int
    uid: str
    name: str
    parent: int | None


@dataclass(slots=True)
class StoredInLog:
    id: int
    stream: int
    kind: str
    body: dict[str, Any]


@dataclass(slots=True)
class Book:
    """A session in memory: events of several logs in one order, as a reader gives them."""

    streams: list[StreamOfLog] = field(default_factory=list)
    stored: list[StoredInLog] = field(default_factory=list)

    def log(self, name: str = "main", parent: int | None = None) -> "BookLog":
        self.streams.append(StreamOfLog(len(self.streams) + 1, f"uid-{name}", name, parent))
        return BookLog(self, len(self.streams))

    def events(
        self, after: int = 0, *, kinds: Collection[str] | None = None, stream: int | str | None = None
    ) -> Iterator[StoredInLog]:
        for event in self.stored[after:]:
            if (kinds is None or event.kind in kinds) and stream in (None, event.stream):
                yield event

    def event(self, id: int) -> StoredInLog:
        return self.stored[id - 1]

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        return [event.body for event in self.events(kinds=[kind])]


class BookLog:
    """The log of one agent in a book; events are written down as they are when they are appended."""

    lasting = True

    def __init__(self, book: Book, stream: int) -> None:
        self.book, self.stream = book, stream

    async def open(self, agent: Agent) -> None: ...

    def append(self, record: Logged) -> int:
        body = encode(record)
        kind = body.pop("type")
        self.book.stored.append(StoredInLog(len(self.book.stored) + 1, self.stream, kind, body))
        return len(self.book.stored)

    async def durable(self) -> None: ...

    async def close(self) -> None: ...


Step = tuple[str, dict[str, Any]] | Callable[[], object]


class Work:
    """Play turns of calls in a folder, and bring the folder back; `book` has what was told of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.book = folder, Book()
        self.log = self.book.log()
        self.settings: dict[str, Any] = {}
        self.results: list[Any] = []

    async def turns(self, *turns: list[Step], tools: list[Any] | None = None, **options: Any) -> None:
        """Run each list of calls as a turn; a function in it runs before the call that follows."""
        pending = iter([])

        def answer(request: object) -> Any:
            for step in pending:
                if not callable(step):
                    return [step]
                step()
            return "done"

        given = options.pop("plugins", [])
        used = tools or ["read", "write", "edit", "apply_patch", "bash"]
        checkpoints = Checkpoints(Settings(**self.settings))
        defaults = {"pwd": self.folder, "unguarded": True, "plugins": [OPEN, checkpoints, *given]}
        plugins = Plugins()
        plugins.registry.build_option("log", lambda plan, log: setattr(plan, "log", log))
        host = Host(plugins)
        async with host, running(answer, tools=used, host=host, log=self.log, **(defaults | options)) as agent:
            for steps in turns:
                pending = iter(steps)
                result = await agent.run("go")
                assert result.ok, result.error
                self.results += result.tool_calls

    def restore(self, after_turn: int, **options: Any) -> Restored:
        return restore(self.book, after_turn=after_turn, pwd=self.folder, **options)

    def tree(self) -> dict[str, tuple[int, bytes] | None]:
        """Return what is in the folder: mode and content of files, None for folders."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            found[name] = (path.stat().st_mode & 0o777, path.read_bytes()) if path.is_file() else None
        return found


@pytest.fixture
def work(tmp_path: Path) -> Work:
    folder = tmp_path / "work"
    folder.mkdir()
    return Work(folder)


@pytest.fixture
def make_work() -> Callable[[Path], Work]:
    return Work
