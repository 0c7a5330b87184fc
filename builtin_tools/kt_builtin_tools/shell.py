"""bash, and the background tasks that kt-jobs makes of its calls."""

import asyncio
import signal

from kt import Context, ExecResult, Part, Text, ToolResult, tool
from kt.errors import UsageError

MAX_TIMEOUT = 3600
PROGRESS = 0.1
"""Seconds between two reports of progress."""
MAX_PROGRESS = 2_000


@tool(effect="once", parallel=False, background=True, needs={"exec"})
async def bash(ctx: Context[object], command: str, timeout: float = 120, cwd: str = ".") -> ToolResult:
    """Run a shell command. It gets no input, and what it leaves running ends with it: run servers in the background.

    Args:
        timeout: In seconds.
        cwd: Folder to run in.
    """
    if not 0 < timeout <= MAX_TIMEOUT:
        raise UsageError(f"timeout is in seconds, up to {MAX_TIMEOUT}")
    folder = ctx.pwd / ctx.files.relative(cwd)
    progress = _Progress(ctx)
    try:
        result = await ctx.exec.run(command, cwd=folder, timeout=timeout, on_output=progress.take)
    finally:
        progress.close()
    parts: list[Part] = [Text(_report(result, timeout), origin="exec")]
    return ToolResult(ctx.call.id, parts, is_error=result.timed_out)


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
    if result.timed_out:
        lines.append(f"[timed out after {timeout:g} s; it was ended with all its processes]")
    elif result.code < 0:
        lines.append(f"[ended by {_signal_name(-result.code)}]")
    elif result.code:
        lines.append(f"[exit code {result.code}]")
    return "\n".join(lines)


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


@tool(effect="read", parallel=False)
def tasks(ctx: Context[object]) -> str:
    """List the background tasks."""
    jobs = ctx.agent.plugin("jobs").all.values()
    return "\n".join(f"{j.id} {j.state}: {j.call.name} {j.call.args_text[:200]}" for j in jobs) or "(no tasks)"


@tool(effect="idempotent")
async def stop_task(ctx: Context[object], id: str) -> str:
    """Stop a background task."""
    job = await ctx.agent.plugin("jobs").stop(id)
    return f"{job.id}: {job.state}"
