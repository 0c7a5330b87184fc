"""Run one hook program: as the user, for a bounded time, keeping a bounded part of what it prints."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MAX_OUTPUT = 1 << 20
"""Bytes that are kept of each stream; an answer may hold the whole of a file that is to be written."""
DRAIN = 0.5
"""Seconds in which the streams must end once the program has; what it left running may hold them open."""


@dataclass(slots=True)
class Ended:
    """How a program ended; `problem` says why it has no exit code, or that its output was cut."""

    code: int | None
    stdout: str = ""
    stderr: str = ""
    problem: str = ""
    cut: bool = False


class _Kept(asyncio.Protocol):
    """The first bytes of a stream; the rest is read and dropped, so that its writer is not held up."""

    def __init__(self) -> None:
        self.data, self.cut, self.ended = bytearray(), False, asyncio.Event()

    def data_received(self, data: bytes) -> None:
        room = MAX_OUTPUT - len(self.data)
        self.data += data[:room]
        self.cut = self.cut or len(data) > room

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set()

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


class _Stream:
    """A pipe whose inner end is kept by a `_Kept`; `inlet` is the end for the program."""

    def __init__(self) -> None:
        outlet, self.inlet = os.pipe()
        self._outlet: IO[bytes] = os.fdopen(outlet, "rb", 0)
        self.kept = _Kept()
        self._transport: asyncio.ReadTransport | None = None

    async def listen(self) -> None:
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: self.kept, self._outlet)

    def close(self) -> None:
        if self._transport is None:
            self._outlet.close()
        else:
            self._transport.close()


async def run(command: str, *, stdin: bytes, cwd: Path, env: Mapping[str, str], timeout: float) -> Ended:
    """Run a shell command to its end, or for `timeout` seconds, and then end its process group."""
    out, err = _Stream(), _Stream()
    try:
        try:
            process = await _start(command, stdin, cwd, env, out.inlet, err.inlet)
        except (OSError, ValueError) as error:
            return Ended(None, problem=f"does not start: {error}")
        finally:
            os.close(out.inlet)
            os.close(err.inlet)
        timed_out = await _wait(process, timeout, out, err)
    finally:
        out.close()
        err.close()
    if timed_out:
        return Ended(None, problem=f"took longer than {timeout:g} s and was ended")
    cut = out.kept.cut or err.kept.cut
    problem = f"printed more than {MAX_OUTPUT:,} bytes, of which the rest is dropped" if cut else ""
    return Ended(process.returncode, out.kept.text, err.kept.text, problem, out.kept.cut)


async def _start(
    command: str, stdin: bytes, cwd: Path, env: Mapping[str, str], out: int, err: int
) -> asyncio.subprocess.Process:
    # A file, unlike a pipe, needs nobody to feed it, and no reader at the other end.
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        shell = shutil.which("bash") or "/bin/sh"
        return await asyncio.create_subprocess_exec(
            *(shell, "-c", command), cwd=cwd, env=env, stdin=given, stdout=out, stderr=err, start_new_session=True
        )


async def _wait(process: asyncio.subprocess.Process, timeout: float, *streams: _Stream) -> bool:
    """Wait for the end of a process, ending its group where that takes longer; return whether it did."""
    try:
        for stream in streams:
            await stream.listen()
        try:
            async with asyncio.timeout(timeout):
                await process.wait()
        except TimeoutError:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN):
                await asyncio.gather(*(stream.kept.ended.wait() for stream in streams))
        return False
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
