"""Plain lines on a terminal: what a model or tool wrote can't move the cursor or change the screen."""

import json
import sys
from typing import Any

from kt import encode
from kt.events import (
    Advice,
    Event,
    LLMRetry,
    PluginFailed,
    Refused,
    ToolEnded,
    ToolProgress,
    ToolStarted,
)
from kt_chat.inert import inert


def asked(question: str) -> str:
    """Put a question on stderr; return the line that answers it, "" at the end of input."""
    print(question, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        print(file=sys.stderr)
    return line.strip()


class Console:
    """Answers go to stdout, everything else to stderr."""

    def __init__(self, *, verbose: bool = False) -> None:
        self.verbose = verbose

    def text(self, text: str) -> None:
        """Write a piece of the answer."""
        sys.stdout.write(inert(text) if sys.stdout.isatty() else text)
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Write one line beside the answer."""
        print(inert(text), file=sys.stderr, flush=True)

    def show(self, event: Event) -> None:
        """Write the line of an event, if it has one."""
        if (line := line_of(event)) is not None:
            self.note(line)


def warn_of_resume(event: Event) -> str | None:
    """Return what a person must know of a session that goes on: what may have happened and nobody saw."""
    if event.kind != "session_resumed":
        return None
    said = encode(event)
    parts = []
    if unknown := said.get("unknown"):
        parts.append(f"the process ended while these ran, their outcome is unknown: {', '.join(unknown)}")
    if lost := said.get("lost"):
        parts.append(f"these background jobs ended with it: {', '.join(lost)}")
    return f"! {'; '.join(parts)}" if parts else None


def line_of(event: Event) -> str | None:
    """Return what a person should read about an event."""
    match event:
        case ToolStarted(call=call):
            return f"* {call.name} {_short(json.dumps(call.arguments, ensure_ascii=False))}"
        case ToolProgress(text=text):
            return f"  | {_short(text.rstrip())}" if text.strip() else None
        case ToolEnded(call=call, result=result, seconds=seconds):
            mark = "failed" if result.is_error else "done"
            return f"  {call.name} {mark} in {seconds:.1f} s: {_short(result.text)}"
        case Refused(what=what, why=why):
            return f"! {what}: {why}"
        case LLMRetry(attempt=attempt, wait=wait, reason=reason):
            return f"! the provider failed ({reason}); attempt {attempt} in {wait:.1f} s"
        case PluginFailed(plugin=plugin, error=error):
            return f"! {plugin}: {error}"
        case Advice(text=text):
            return f"! {text}"
    if event.kind == "team_activity":
        return _line_of_team(getattr(event, "creature", ""), getattr(event, "event", event))
    return warn_of_resume(event)


def _line_of_team(creature: str, event: Any) -> str | None:
    """Return what a person should read about what another creature of a team did, or about a message between them."""
    match event.kind:
        case "message_sent":
            channel = f"#{event.channel} " if event.channel else ""
            return f"{channel}{event.sender} -> {', '.join(event.to) or 'nobody'}: {_short(event.text)}"
        case "message_dropped":
            return f"! {event.listener} did not get a message: {event.why}"
        case "loop_stopped":
            return f"! {event.sender} sent the last of {event.hops} messages in a row, and it was not delivered"
        case "graph_limit_reached":
            return f"! {event.what}"
        case "creature_crashed":
            return f"! {creature} failed ({event.error}); attempt {event.attempt} in {event.wait:.1f} s"
        case "creature_failed":
            return f"! {creature} failed and was stopped: {event.error}"
        case "turn_ended":
            said = event.result.text if event.result.error is None else f"! {event.result.error.line()}"
            return f"{creature}: {_short(said)}" if said else None
        case "team_activity":
            return None
    line = line_of(event)
    return None if line is None else f"{creature}: {line}"


def _short(text: str, limit: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
