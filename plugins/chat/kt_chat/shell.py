"""A command that the person runs in the working folder, by their own rights; the model is told what came of it."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

MOST = 30_000
"""Characters of output that the model is told."""
GRACE = 1.0


async def run(command: str, cwd: Path, said: Callable[[str], None]) -> tuple[int, str]:
    """Return (exit code, output) of a command in the person's shell; `said` gets the output as it comes.

    Its end, or a cancellation, ends all that it started in its group.
    """
    shell = os.environ.get("SHELL") or "/bin/sh"
    process = await asyncio.create_subprocess_exec(
        *(shell, "-c", command),
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    output = ""
    try:
        assert process.stdout is not None
        while chunk := await process.stdout.read(1 << 16):
            text = chunk.decode("utf-8", "replace")
            output = (output + text)[-MOST:]
            said(text)
        return await process.wait(), output
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        if process.returncode is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await process.wait()
