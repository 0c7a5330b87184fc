"""bash, and the background tasks that kt-jobs makes of its calls: listed, read, written to and stopped."""

import asyncio
import signal
from collections.abc import AsyncIterator
from weakref import WeakKeyDictionary

from kt import Agent, Context, ExecResult, Part, Text, ToolNeeds, ToolResult, tool
from kt.errors import NotFound, UsageError

MAX_TIMEOUT = 3600
PROGRESS = 0.1
"""Seconds between two reports of progress."""
MAX_PROGRESS = 2_000
MAX_UNREAD = 30_000
"""Characters kept of what a background task printed and nobody read."""
SHELL = ToolNeeds(reads=("*",), writes=("*",), net=("@hosts",), exec=("any",), secrets=("*",))

_OPEN: "WeakKeyDictionary[Agent, dict[str, _Terminal]]" = WeakKeyDictionary()
"""By agent and call id: what goes into and comes out of the commands that run in the background."""


class _Terminal:
    """The two ends of a command in the background: what it printed since it was last read, and its input."""

    def __init__(self) -> None:
        self._unread, self._lost = "", 0
        self._input: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.closed = False

    def take(self, text: str) -> None:
        whole = self._unread + text
        self._unread = whole[-MAX_UNREAD:]
        self._lost += len(whole) - len(self._unread)

    def read(self) -> str:
        """Return what was printed since the last time."""
        lost = f"[{self._lost} characters before this are gone]\n" if self._lost else ""
        text, self._unread, self._lost = self._unread, "", 0
        return lost + text

    def write(self, text: str, *, end: bool) -> None:
        if text:
            self._input.put_nowait(text.encode())
        if end:
            self.closed = True
            self._input.put_nowait(None)

    async def chunks(self) -> AsyncIterator[bytes]:
        while (chunk := await self._input.get()) is not None:
            yield chunk


@tool(effect="once", parallel=False, background=True, needs=SHELL)
async def bash(
    ctx: Context[object], command: str, timeout: float = 120, cwd: str = ".", hosts: list[str] | None = None
) -> ToolResult:
    """Run a shell command. What it leaves running ends with it: run servers in the background.

    Args:
        timeout: In seconds.
        cwd: Folder to run in.
        hosts: Hosts it must reach. There is no other network.
    """
    if not 0 < timeout <= MAX_TIMEOUT:
        raise UsageError(f"timeout is in seconds, up to {MAX_TIMEOUT}")
    folder = ctx.pwd / ctx.files.relative(cwd)
    progress, terminal = _Progress(ctx), _terminal(ctx)
    stdin = None

    def take(text: str) -> None:
        progress.take(text)
        if terminal is not None:
            terminal.take(text)

    if terminal is not None:
        _OPEN.setdefault(ctx.agent, {})[ctx.call.id] = terminal
        stdin = terminal.chunks()
    try:
        result = await ctx.exec.run(command, cwd=folder, timeout=timeout, stdin=stdin, on_output=take)
    finally:
        progress.close()
        _OPEN.get(ctx.agent, {}).pop(ctx.call.id, None)
    parts: list[Part] = [Text(_report(result, timeout), origin="exec")]
    return ToolResult(ctx.call.id, parts, is_error=result.timed_out or bool(result.stopped))


def _terminal(ctx: Context[object]) -> _Terminal | None:
    """Return a terminal for a call that began in the background; one in the foreground gets no input."""
    try:
        job = ctx.agent.plugin("jobs").find(ctx.call.id)
    except NotFound:
        return None
    return _Terminal() if job.background else None


class _Progress:
    """Report the end of what was printed, at once and then ten times a second at most."""

    def __init__(self, ctx: Context[object]) -> None:
        self._ctx, self._text = ctx, ""
        self._timer: asyncio.TimerHandle | None = None

    def take(self, text: str) -> None:
        self._text = (self._text + text)[-MAX_PROGRESS:]
        if self._timer is None:
            self._tell()

    def _tell(self) -> None:
        self._timer = None
        if self._text:
            self._ctx.progress(self._text)
            self._text = ""
            self._timer = asyncio.get_running_loop().call_later(PROGRESS, self._tell)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _report(result: ExecResult, timeout: float) -> str:
    lines = [result.output.rstrip("\n") or "(no output)"]
    if result.spill is not None:
        lines.append(f"[cut; all of it is in {result.spill}: look at parts of that with bash]")
    if result.stopped:
        lines.append(f"[ended with all its processes: {result.stopped}]")
    elif result.timed_out:
        lines.append(f"[timed out after {timeout:g} s; it was ended with all its processes]")
    elif result.code < 0:
        lines.append(f"[ended by {_signal_name(-result.code)}]")
    elif result.code:
        lines.append(f"[exit code {result.code}]")
    return "\n".join(lines)


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


@tool(effect="read", parallel=False)
def tasks(ctx: Context[object], id: str | None = None) -> str:
    """List the background tasks, or show what one printed since it was last shown."""
    jobs = ctx.agent.plugin("jobs")
    if id is None:
        listed = (f"{j.id} {j.state}: {j.call.name} {j.call.args_text[:200]}" for j in jobs.all.values())
        return "\n".join(listed) or "(no tasks)"
    job = jobs.find(id)
    terminal = _OPEN.get(ctx.agent, {}).get(job.call.id)
    return f"[{job.state}]\n{terminal.read() if terminal is not None else ''}".strip()


@tool(effect="once", parallel=False, needs=ToolNeeds(exec=("any",)))
def write_stdin(ctx: Context[object], id: str, text: str, end: bool = False) -> str:
    """Write to the input of a background task.

    Args:
        end: Close the input after it.
    """
    job = ctx.agent.plugin("jobs").find(id)
    terminal = _OPEN.get(ctx.agent, {}).get(job.call.id)
    if terminal is None or terminal.closed:
        raise UsageError(f"{id} takes no input any more" if terminal else f"{id} runs no command that takes input")
    terminal.write(text, end=end)
    return "written"


@tool(effect="idempotent")
async def stop_task(ctx: Context[object], id: str) -> str:
    """Stop a background task."""
    job = await ctx.agent.plugin("jobs").stop(id)
    return f"{job.id}: {job.state}"
