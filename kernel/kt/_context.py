"""What a tool gets: its call, the agent, the caller's dependencies, and the only ways to the machine."""

from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from ._messages import Json, ToolCall
from .events import QuestionAsked, ToolProgress

if TYPE_CHECKING:
    from ._agent import Agent

D = TypeVar("D")


@dataclass(slots=True)
class ExecResult:
    """The end of a process: `code` (negative: the signal), `output` (stdout and stderr as they came, capped).

    `spill` is the file that holds the whole output when `output` was cut; `timed_out` says the time limit killed it,
    `stopped` what else did ("the working folder grew by 600 MB").
    """

    code: int
    output: str
    timed_out: bool = False
    spill: Path | None = None
    size: int = 0
    stopped: str = ""


class Exec(Protocol):
    """Run processes, below the working folder, ended with all their children."""

    async def run(
        self,
        command: str | Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | AsyncIterable[bytes] | None = None,
        timeout: float | None = None,
        max_output: int = 30_000,
        on_output: Callable[[str], None] | None = None,
    ) -> ExecResult:
        """Run a shell command (str) or a program (sequence) to its end. Raises NotFound where it does not exist.

        `env` is added to the environment there is; `on_output` hears everything, whatever `max_output` keeps.
        """


@dataclass(slots=True)
class FileInfo:
    """What is known of a path: `mtime` in nanoseconds, `size` in bytes."""

    path: str
    is_dir: bool
    size: int
    mtime: int


class Files(Protocol):
    """Read and write files within reach; a path is relative to the working folder. Raises Vetoed for one outside."""

    def read(self, path: str, *, limit: int | None = None) -> bytes: ...

    def write(self, path: str, data: bytes) -> None: ...

    def remove(self, path: str) -> None: ...

    def info(self, path: str) -> FileInfo | None: ...

    def listing(self, path: str) -> list[FileInfo]: ...

    def relative(self, path: str) -> str:
        """Return the path relative to the working folder, with / between names; an absolute one elsewhere."""


@dataclass(slots=True)
class HttpResponse:
    """What a server answered; `url` is where the answer came from, after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""


class Http(Protocol):
    """Make requests on behalf of a tool."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 30.0,
        max_bytes: int = 5_000_000,
    ) -> HttpResponse: ...


class Sandbox(Protocol):
    """The walls around an agent's tools; made by a `sandbox` target called with the agent.

    `level` is full, partial or none. `within(call)` are the walls for one call: what its tool needs and the user
    grants, nothing else.
    """

    @property
    def level(self) -> str: ...

    def within(self, call: ToolCall) -> "Sandbox": ...

    @property
    def exec(self) -> Exec: ...

    @property
    def files(self) -> Files: ...

    @property
    def http(self) -> Http: ...


class Questions(Protocol):
    """The open questions of an agent; made by a `questions` target called with the agent.

    A surface that can answer says so with `attached()`. With none attached a question is a denial (None), or, where
    `wait` is set, it is parked: the turn ends with status waiting, and the call runs again once it is answered.
    """

    wait: bool

    @property
    def pending(self) -> list[QuestionAsked]: ...

    @property
    def parked(self) -> list[QuestionAsked]:
        """Return the questions that nobody awaits: a waiting turn left them."""

    def reopen(self, question: QuestionAsked, answer: str | None = None) -> None:
        """Take up a question that an earlier process asked, with its answer where it had one."""

    def attached(self) -> AbstractContextManager[None]: ...

    async def ask(self, question: QuestionAsked) -> str | None: ...

    def answer(self, id: str, answer: str, *, by: str = "") -> bool:
        """Answer an open question; return False where another surface was first. Raises NotFound for an unknown id."""


@dataclass(slots=True)
class Context(Generic[D]):
    """The first argument of a tool that wants one: `def f(ctx: kt.Context[MyDeps], ...)`."""

    agent: "Agent"
    call: ToolCall

    @property
    def deps(self) -> D:
        """Return what the caller gave as `Agent.build(deps=...)`."""
        return self.agent.deps  # type: ignore[no-any-return]

    @property
    def pwd(self) -> Path:
        return self.agent.pwd

    @property
    def sandbox(self) -> Sandbox:
        return self.agent.sandbox.within(self.call)

    @property
    def exec(self) -> Exec:
        return self.sandbox.exec

    @property
    def files(self) -> Files:
        return self.sandbox.files

    @property
    def http(self) -> Http:
        return self.sandbox.http

    def progress(self, text: str, fraction: float | None = None) -> None:
        """Tell the surfaces how far the call is; `fraction` from 0 to 1."""
        self.agent.bus.publish(ToolProgress(self.call.id, text, fraction))

    async def ask(
        self, text: str, choices: Sequence[str] = (), *, topic: str = "input", data: Json = None
    ) -> str | None:
        """Ask the user; return the answer, or None where nobody can be asked."""
        question = QuestionAsked("", text, list(choices), topic, self.call.id, data)
        return await self.agent.ask(question)
