"""Run a process to its end: in a group of its own that ends with its call, its output bounded, its disk use watched."""

import asyncio
import os
import shutil
import signal
import tempfile
import weakref
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterable, Callable, Coroutine
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, TypeAlias

from anyio import CancelScope
from kt import ExecResult
from kt.errors import DataError, KTError, NotFound

from .disk import Watch
from .launch import Launch
from .output import Output, Pipe

Stdin: TypeAlias = bytes | AsyncIterable[bytes] | None
LAST_SIGNAL = 64
GRACE = 1.0
"""Seconds between the request to end and the kill."""
DRAIN = 0.5
"""Seconds to wait for output that somebody outside the group can still write."""


class Processes:
    """Run processes inside the walls of a backend, for the tools of one agent.

    Whatever is left of a process' group when it ends is ended too. Long output is kept in `spills`, a folder that is
    private to this user and goes away with the agent.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._spilled = 0

    @property
    def spills(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="kt-")).resolve()
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    @property
    def spilled(self) -> tuple[Path, ...]:
        """Return the folder of long outputs, if there is any yet."""
        return () if self._folder is None else (self._folder,)

    def _spill(self) -> Path:
        self._spilled += 1
        return self.spills / f"output-{self._spilled}.txt"

    async def run(
        self,
        launch: Launch,
        cwd: Path,
        *,
        name: str,
        stdin: Stdin = None,
        timeout: float | None = None,
        max_output: int = 30_000,
        on_output: Callable[[str], None] | None = None,
        watch: Watch | None = None,
    ) -> ExecResult:
        """Run a process to its end; without `stdin` there is none.

        After `timeout` seconds, when cancelled, or when `watch` sees too much, the whole group gets
        SIGTERM and a second later SIGKILL. `max_output` is in characters; 0 is for callers that take all by
        `on_output`. `name` is what errors call it. Raises NotFound, DataError, KTError.
        """
        output = Output(max_output, self._spill, on_output)
        pipe = Pipe(output.feed)
        starting = asyncio.ensure_future(_start(launch, cwd, name, stdin, pipe))
        limit = asyncio.timeout(timeout)
        watch = watch or Watch((), None)
        feeding: asyncio.Task[None] | None = None
        try:
            try:
                async with limit:
                    process = await asyncio.shield(starting)
                    if process.stdin is not None and isinstance(stdin, AsyncIterable):
                        feeding = asyncio.ensure_future(_feed(process.stdin, stdin))
                    await watch.until(process.wait())
            finally:
                try:
                    await _finished(_end(starting, launch, pipe, feeding))
                finally:
                    launch.close()
        except BaseException as error:
            if not (isinstance(error, TimeoutError) and limit.expired()):
                output.discard()
                raise
        if pipe.error is not None:
            output.discard()
            raise pipe.error
        code = starting.result().returncode
        assert code is not None
        if launch.wrapped and 128 < code <= 128 + LAST_SIGNAL:
            code = 128 - code
        return ExecResult(code, output.text(), limit.expired(), output.path, output.size, watch.stopped)


def shell() -> list[str]:
    """Return the words before the text of a shell command: bash, or sh where there is none."""
    return [shutil.which("bash") or "/bin/sh", "-c"]


async def _feed(writer: asyncio.StreamWriter, chunks: AsyncIterable[bytes]) -> None:
    """Write what comes to the process' standard input; one that reads no more is no error."""
    with suppress(OSError):
        async for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


async def _start(launch: Launch, cwd: Path, name: str, stdin: Stdin, pipe: Pipe) -> Process:
    """Start a process whose output, both streams in order, goes into the pipe. Raises NotFound, DataError, KTError."""
    with ExitStack() as stack:
        stack.callback(os.close, pipe.inlet)
        stack.callback(launch.close_fds)
        source: int | IO[bytes] = PIPE if isinstance(stdin, AsyncIterable) else DEVNULL
        if isinstance(stdin, bytes):
            # A file, unlike a pipe, needs nobody to feed it and no reader at the other end.
            file = stack.enter_context(tempfile.TemporaryFile())
            file.write(stdin)
            file.seek(0)
            source = file
        try:
            return await asyncio.create_subprocess_exec(
                *launch.argv,
                cwd=cwd,
                env=dict(launch.env),
                stdin=source,
                stdout=pipe.inlet,
                stderr=pipe.inlet,
                pass_fds=launch.fds,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            folder = str(error.filename) == str(cwd)
            missing = f"working folder {str(cwd)!r}" if folder else f"program {name!r}"
            raise NotFound(f"there is no {missing}") from error
        except OSError as error:
            raise KTError(f"{name!r} does not start: {error.strerror}") from error
        except ValueError as error:
            raise DataError(f"{name!r} does not start: {error}") from error


async def _end(
    starting: "asyncio.Future[Process]", launch: Launch, pipe: Pipe, feeding: "asyncio.Task[None] | None"
) -> None:
    """End what is left of the group, reap the process, and take the rest of its output."""
    await asyncio.wait([starting])
    if feeding is not None:
        feeding.cancel()
        await asyncio.wait([feeding])
    if not starting.cancelled() and starting.exception() is None:
        process = starting.result()
        if launch.namespaced and process.returncode is None:
            _end_namespace(process)
        elif _signal(process, signal.SIGTERM):
            await _within(GRACE, process.wait(), pipe.ended.wait())
            _signal(process, signal.SIGKILL)
        if not await _within(GRACE, process.wait()):
            pipe.error = KTError(f"process {process.pid} does not end", hint="it may run as another user")
        await _within(DRAIN, pipe.ended.wait())
    pipe.close()


def _end_namespace(process: Process) -> None:
    """Kill the first process of the namespace, and with it all others.

    Killing its parent is not enough: until the first process has asked to die with it, that would leave it behind. A
    parent that is stopped starts no more.
    """
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGSTOP)
        for child in _children(process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        os.killpg(process.pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


async def _within(seconds: float, *waits: Coroutine[Any, Any, object]) -> bool:
    """Wait for all of `waits`; return False where that takes longer."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*waits)
    except TimeoutError:
        return False
    return True


def _signal(process: Process, number: int) -> bool:
    """Signal the process' group; return False where nobody is left in it."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Some systems answer so for a group of nothing but zombies; else it now runs as somebody else.
        return False
    return True


async def _finished(work: Coroutine[Any, Any, None]) -> None:
    """Wait for `work` to its end, even when cancelled meanwhile; the cancellation is passed on afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    with CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()
