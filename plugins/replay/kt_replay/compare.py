"""What was recorded against what happens now; each thing that differs is told once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kt import Message, Request
from kt_sessions.messages import message_of

from .record import Call, Change, Data
from .report import Difference
from .texts import call_text, canonical, message_texts, recorded_arguments, same_message


@dataclass(slots=True)
class Sent:
    """What a provider was sent beside the conversation: `changed` says how its messages differ from that."""

    system: str
    tools: str
    changed: str

    @classmethod
    def of(cls, request: Request, history: Sequence[Message]) -> "Sent":
        return cls(request.system, "\n".join(t.name for t in request.tools), _changed(request.messages, history))


def _changed(messages: Sequence[Message], history: Sequence[Message]) -> str:
    """Return what hooks put in the place of which part of the conversation; "" where that went out as it is."""
    if messages is history:
        return ""
    start, most = 0, min(len(messages), len(history))
    while start < most and messages[start] is history[start]:
        start += 1
    end = 0
    while end < most - start and messages[-1 - end] is history[-1 - end]:
        end += 1
    put = messages[start : len(messages) - end]
    if not put and start + end == len(history):
        return ""
    texts = (message_texts(None, message)[1] or "" for message in put)
    return "\n".join([f"instead of messages {start + 1} to {len(history) - end}:", *texts])


@dataclass(slots=True)
class Trace:
    """What only a run shows and no session keeps, by (turn, step).

    `sent` are the requests, `replies` what hooks make of the recorded ones, `arguments` those that tools got.
    """

    sent: dict[tuple[int, int], Sent] = field(default_factory=dict)
    replies: dict[tuple[int, int], str] = field(default_factory=dict)
    arguments: dict[tuple[int, int, str], list[Any]] = field(default_factory=dict)


class Findings:
    """Collect the differences; `turn` and `step` are where the replay is."""

    def __init__(self, baseline: Trace | None = None) -> None:
        self.differences: list[Difference] = []
        self.baseline, self.trace = baseline, Trace()
        self.turn = self.step = 0
        self._once: set[tuple[str, str, str]] = set()

    def add(self, what: str, recorded: str | None, now: str | None, *, step: int | None = None) -> None:
        """Note a difference, at the step where the replay is or at another one of its turn."""
        self.differences.append(Difference(self.turn, self.step if step is None else step, what, recorded, now))

    def compare(self, what: str, recorded: Any, now: Any, *, step: int | None = None) -> None:
        """Note a difference where two values are not equal; text is shown as it is, data as JSON."""
        if recorded != now:
            self.add(what, _text(recorded), _text(now), step=step)

    def once(self, what: str, recorded: str, now: str) -> None:
        """Note a difference that comes up at every step, the first time it does."""
        if recorded != now and (what, recorded, now) not in self._once:
            self._once.add((what, recorded, now))
            self.add(what, recorded, now)

    def request(self, request: Request, history: Sequence[Message]) -> None:
        """Compare what a provider is sent with what the run without changes sent; only that knows it."""
        key, sent = (self.turn, self.step), Sent.of(request, history)
        self.trace.sent[key] = sent
        before = None if self.baseline is None else self.baseline.sent.get(key)
        if before is None:
            return
        self.once("system prompt", before.system, sent.system)
        self.once("tools", before.tools, sent.tools)
        self.compare("request", before.changed or None, sent.changed or None)

    def reply(self, made: Message, recorded: Message) -> bool:
        """Compare what hooks make of a recorded reply; tell whether that is what they made of it without changes."""
        key = (self.turn, self.step)
        text = self.trace.replies[key] = message_texts(None, made)[1] or ""
        if self.baseline is None:
            return True
        before = self.baseline.replies.get(key, message_texts(None, recorded)[1] or "")
        self.compare("reply", before, text)
        return before == text

    def call(self, call: Call, at: int, seen: Sequence[Data], *, cut: bool = False) -> None:
        """Compare one call. Its arguments are known where they were recorded, or by the run without changes.

        Where the turn was `cut` by the end of its process, a run that was not recorded is none that differs.
        """
        key = (self.turn, at, call.id)
        self.trace.arguments[key] = [now["arguments"] for now in seen]
        known = None if self.baseline is None else self.baseline.arguments.get(key)
        for number in range(len(call.runs) if cut else max(len(call.runs), len(seen))):
            recorded = call.runs[number].call if number < len(call.runs) else None
            now = seen[number] if number < len(seen) else None
            before = after = None
            if recorded is not None:
                shown = recorded_arguments(recorded)
                if known is not None and number < len(known):
                    shown = known[number]
                before = call_text(recorded["name"], shown)
            if now is not None:
                exact = known is not None or (recorded is not None and "arguments" in recorded)
                shown = now["arguments"] if exact or recorded is None else now["asked"]
                after = call_text(now["name"], shown)
            self.compare(f"call {call.id}", before, after, step=at)


class Talk:
    """Follow the recorded conversation, and compare the one there is with it, each message once.

    `apart` says that they differ; where their lengths do, nothing more is compared until `join`.
    """

    def __init__(self, recorded: Sequence[Data]) -> None:
        self.recorded = list(recorded)
        self.apart = False
        self._done = len(self.recorded)

    def apply(self, changes: Sequence[Change]) -> None:
        """Let the recorded conversation become what it was after these changes."""
        for change in changes:
            self.recorded[change.start : change.stop] = change.messages
            self._done = min(self._done, change.start)

    def edited(self, start: int) -> None:
        """Note that the conversation was edited from a message on, so that this part is compared anew."""
        self._done = min(self._done, start)

    def compare(self, history: Sequence[Message], findings: Findings) -> None:
        """Note the first message that differs since the last comparison, and how many do."""
        if self.apart and len(history) != len(self.recorded):
            return
        end = max(len(history), len(self.recorded))
        differing = [at for at in range(self._done, end) if self._differs(at, history)]
        self._done = end
        if not differing:
            return
        self.apart, first = True, differing[0]
        recorded = self.recorded[first] if first < len(self.recorded) else None
        now = history[first] if first < len(history) else None
        more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
        findings.add(f"conversation: message {first + 1}{more}", *message_texts(recorded, now))

    def _differs(self, at: int, history: Sequence[Message]) -> bool:
        if at >= len(history) or at >= len(self.recorded):
            return True
        return not same_message(self.recorded[at], history[at])

    def join(self, history: list[Message]) -> None:
        """Put the recorded conversation in the place of one that is apart from it."""
        if self.apart:
            history[:] = map(message_of, self.recorded)
            self.apart, self._done = False, len(self.recorded)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else canonical(value)
