"""Processes with the rights of this one, each in a group of its own that ends with its call."""

import asyncio
import os
import shutil
import signal
import tempfile
import weakref
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from anyio import CancelScope
from kt import ExecResult
from kt.errors import DataError, KTError, NotFound

from .direct_files import DirectFiles
from .direct_output import Output, Pipe

GRACE = 1.0
"""Seconds between the request to end and the kill."""
DRAIN = 0.5
"""Seconds to wait for output that somebody outside the group can still write."""


class DirectExec:
    """Run processes in their own session and process group, beneath the working folder.

    Whatever is left of the group when the main process ends is ended too. A process that leaves the group (setsid)
    escapes this: only a real sandbox holds it.
    """

    def __init__(self, files: DirectFiles) -> None:
        self._files = files
        self._folder: Path | None = None
        self._spills = 0

    async def run(
        self,
        command: str | Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        timeout: float | None = None,
        max_output: int = 30_000,
        on_output: Callable[[str], None] | None = None,
    ) -> ExecResult:
        """Run a shell command (str; bash, or sh without it) or a program (sequence) to its end.

        `cwd` lies beneath the working folder; `env` is added to this process' own; without `stdin` there is none.
        After `timeout` seconds, or when cancelled, the whole group gets SIGTERM and a second later SIGKILL.
        `max_output` is in characters; 0 is for callers that take all by `on_output`. Raises NotFound, Vetoed, KTError.
        """
        argv = [*_shell(), command] if isinstance(command, str) else list(command)
        folder = self._cwd(cwd)
        output = Output(max_output, self._spill, on_output)
        pipe = Pipe(output.feed)
        starting = asyncio.ensure_future(_start(argv, folder, env, stdin, pipe))
        limit = asyncio.timeout(timeout)
        try:
            try:
                async with limit:
                    process = await asyncio.shield(starting)
                    await process.wait()
            finally:
                await _finished(_end(starting, pipe))
        except BaseException as error:
            if not (isinstance(error, TimeoutError) and limit.expired()):
                output.discard()
                raise
        if pipe.error is not None:
            output.discard()
            raise pipe.error
        code = starting.result().returncode
        assert code is not None
        return ExecResult(code, output.text(), limit.expired(), output.path, output.size)

    def _cwd(self, cwd: Path | None) -> Path:
        if cwd is None:
            return self._files.root
        folder = self._files.root / self._files.relative(str(cwd))
        if not folder.is_dir():
            raise NotFound(f"there is no folder {str(cwd)!r}")
        return folder

    def _spill(self) -> Path:
        """Return a new path in a folder that is private to this user and goes away with the agent."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="kt-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._spills += 1
        return self._folder / f"output-{self._spills}.txt"


def _shell() -> list[str]:
    return [shutil.which("bash") or "/bin/sh", "-c"]


async def _start(
    argv: Sequence[str], folder: Path, env: Mapping[str, str] | None, stdin: bytes | None, pipe: Pipe
) -> Process:
    """Start a process whose output, both streams in order, goes into the pipe. Raises NotFound and KTError."""
    with ExitStack() as stack:
        stack.callback(os.close, pipe.inlet)
        source: int | IO[bytes] = DEVNULL
        if stdin is not None:
            # A file, unlike a pipe, needs nobody to feed it and no reader at the other end.
            file = stack.enter_context(tempfile.TemporaryFile())
            file.write(stdin)
            file.seek(0)
            source = file
        try:
            return await asyncio.create_subprocess_exec(
                *argv,
                cwd=folder,
                env=None if env is None else {**os.environ, **env},
                stdin=source,
                stdout=pipe.inlet,
                stderr=pipe.inlet,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise NotFound(f"there is no program {argv[0]!r}") from error
        except OSError as error:
            raise KTError(f"{argv[0]!r} does not start: {error.strerror}") from error
        except ValueError as error:
            raise DataError(f"{argv[0]!r} does not start: {error}") from error


async def _end(starting: "asyncio.Future[Process]", pipe: Pipe) -> None:
    """End what is left of the group, reap the process, and take the rest of its output."""
    await asyncio.wait([starting])
    if not starting.cancelled() and starting.exception() is None:
        process = starting.result()
        if _signal(process, signal.SIGTERM):
            await _within(GRACE, process.wait(), pipe.ended.wait())
            _signal(process, signal.SIGKILL)
        if not await _within(GRACE, process.wait()):
            pipe.error = KTError(f"process {process.pid} does not end", hint="it may run as another user")
        await _within(DRAIN, pipe.ended.wait())
    pipe.close()


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
