"""bash, and the background tasks that kt-jobs makes of its calls."""

import signal
from time import monotonic

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
    result = await ctx.exec.run(command, cwd=folder, timeout=timeout, on_output=_Progress(ctx))
    parts: list[Part] = [Text(_report(result, timeout), origin="exec")]
    return ToolResult(ctx.call.id, parts, is_error=result.timed_out)


class _Progress:
    """Report the end of what was printed, ten times a second at most."""

    def __init__(self, ctx: Context[object]) -> None:
        self._ctx, self._text, self._next = ctx, "", 0.0

    def __call__(self, text: str) -> None:
        self._text = (self._text + text)[-MAX_PROGRESS:]
        if (now := monotonic()) >= self._next:
            self._next = now + PROGRESS
            self._ctx.progress(self._text)
            self._text = ""


def _report(result: ExecResult, timeout: float) -> str:
    lines = [result.output.rstrip("\n") or "(no output)"]
    if result.spill is not None:
        lines.append(f"[all {result.size:,} bytes are in {result.spill}; look at parts of it with bash]")
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
