"""Programs whose store fails: the disk is full, the mark can't be written, the process ends at a call into SQLite."""

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from kt import SessionReader
from kt.testing import ScriptedLLM
from victims import Witness, busy, opened, say


def held(path: Path) -> int:
    """Return how many events a reader finds in a file."""
    with SessionReader(path) as reader:
        return reader.last


def keep(path: Path, out: Path) -> None:
    """Copy a session, with what is beside it, to another disk."""
    for suffix in ("", "-wal", "-head"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            (out / file.name).write_bytes(file.read_bytes())


async def fill(disk: str, out: str, end: str = "freed") -> None:
    """Run turns until the disk is full, make some space and go on; keep copies of the session in `out`."""
    path, ballast = Path(disk) / "s.ktlog", Path(disk) / "ballast"
    ballast.write_bytes(bytes(300 * 1024))
    witness = Witness()
    agent = await opened(path, llm=ScriptedLLM(lambda request: "much text " * 700), plugins=[witness])
    turns = 0
    while True:
        result = await agent.run(f"question {turns}")
        turns += 1
        if result.error is not None:
            break
        await witness.confirm(agent)
    code = result.error.exit_code
    say("FULL", code, witness.confirmed, held(path))
    if end == "killed":
        keep(path, Path(out))
        os.kill(os.getpid(), signal.SIGKILL)
    result = await agent.run(f"question {turns}")
    say("STILL", result.error.exit_code if result.error else "ok")
    say("HELD", held(path))
    ballast.unlink()
    result = await agent.run(f"question {turns + 1}")
    say("FREED", result.status)
    await witness.confirm(agent)
    say("TURNS", turns + 2)
    await agent.stop()
    keep(path, Path(out))


async def unmarked(session: str) -> None:
    """Run three turns; in the second, the mark beside the session can't be written."""
    witness = Witness()
    agent = await opened(Path(session), llm=ScriptedLLM(lambda request: "yes"), plugins=[witness])
    await agent.run("first")
    head = descriptor_of(session + "-head")
    kept, full = os.dup(head), os.open("/dev/full", os.O_RDWR)
    os.dup2(full, head)
    result = await agent.run("second")
    say("WITHOUT", result.error.exit_code if result.error else "ok")
    os.dup2(kept, head)
    result = await agent.run("third")
    say("AGAIN", result.error or result.status)
    await agent.stop()


def descriptor_of(path: str) -> int:
    """Return the number under which this process has a file open."""
    open_files = Path("/proc/self/fd").iterdir()
    return next(int(fd.name) for fd in open_files if fd.is_symlink() and str(fd.readlink()) == path)


class Countdown:
    """End this process, without a word to anybody, after so many calls of the store into SQLite or the system."""

    calls = frozenset(("execute", "executemany", "close", "pwrite", "fsync", "unlink", "open"))

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, frame: Any, event: str, function: Any) -> None:
        if event == "c_return" and function.__name__ in self.calls and "kt_sessions" in frame.f_code.co_filename:
            self.left -= 1
            if self.left == 0:
                os._exit(99)


def forked(folder: Path, name: str, turns: str, countdown: Countdown | None) -> int:
    """Run `busy` twice in a process of its own, with what it says in the file `name`; return its exit code."""
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    out = os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(out, 1)
    if countdown is not None:
        threading.setprofile(countdown)
        sys.setprofile(countdown)
    try:
        for seed in ("1", "2"):
            asyncio.run(busy(str(folder / "s.ktlog"), str(folder / "effects"), seed, turns))
    except BaseException as error:
        say("ERROR", type(error).__name__, error)
        os._exit(1)
    os._exit(0)


def warm(folder: Path) -> None:
    """Import all that a run imports, once for all the processes to come."""
    kept, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    asyncio.run(busy(str(folder / "warm.ktlog"), str(folder / "warm"), "1", "1"))
    os.dup2(kept, 1)
    assert threading.active_count() == 1


def points(folder: str, turns: str, step: str) -> None:
    """End the same two runs after `step` calls of the store, after twice as many ...; then run them again."""
    warm(Path(folder))
    for number in range(int(step), 10_000, int(step)):
        work = Path(folder) / str(number)
        work.mkdir()
        code = forked(work, "killed", turns, Countdown(number))
        say("POINT", number, code, forked(work, "after", turns, None))
        if code != 99:
            return


PROGRAMS = {"fill": fill, "unmarked": unmarked}

if __name__ == "__main__":
    if sys.argv[1] == "points":
        points(*sys.argv[2:])
    else:
        asyncio.run(PROGRAMS[sys.argv[1]](*sys.argv[2:]))
