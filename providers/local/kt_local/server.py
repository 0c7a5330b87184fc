"""llama.cpp's own HTTP server in a child process of ours: `python -m kt_local.server MODEL CONTEXT THREADS`.

Prints its address as its first line and ends when its standard input does, so that it never outlives its parent.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from kt.errors import ModelError

PR_SET_PDEATHSIG = 1


class LocalServer:
    """One server process a host and model, started at the first request and closed with the host."""

    def __init__(self) -> None:
        self._processes: dict[Path, tuple[asyncio.subprocess.Process, str]] = {}
        self._starting = asyncio.Lock()

    async def address(self, model: Path, *, context: int, threads: int) -> str:
        """Return the base address of a server for `model`, starting it if needed. Raises ModelError."""
        async with self._starting:
            known = self._processes.get(model)
            if known is not None and known[0].returncode is None:
                return known[1]
            self._processes[model] = await self._start([str(model), str(context), str(threads)])
            return self._processes[model][1]

    async def _start(self, words: Sequence[str]) -> tuple[asyncio.subprocess.Process, str]:
        noisy = bool(os.environ.get("KT_DEBUG"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kt_local.server", *words,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=None if noisy else asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode().strip()
        if not line.startswith("http://"):
            await process.wait()
            raise ModelError(
                f"the local model's server ended at its start (code {process.returncode})",
                hint="KT_DEBUG=1 shows what it says; kt doctor checks the weights",
            )
        return process, line

    async def aclose(self) -> None:
        """End the servers and wait for them."""
        processes, self._processes = self._processes, {}
        for process, _ in processes.values():
            if process.returncode is None:
                process.kill()
            await process.communicate()


def main(argv: Sequence[str]) -> None:
    """Serve until standard input ends."""
    import xllamacpp

    path, context, threads = argv
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    stdout = os.dup(1)
    os.dup2(2, 1)  # llama.cpp writes to both; only the address may stand in the pipe
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.port, params.n_ctx, params.n_parallel = 0, int(context), 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(threads)
    params.use_jinja, params.warmup = True, False
    server = xllamacpp.Server(params)
    os.write(stdout, f"{server.listening_address}\n".encode())
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
