"""What a hook program says: by its exit code, or by JSON that it prints; and what several say together."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .process import Ended
from .settings import Hook

BLOCKS = 2
"""The exit code that blocks."""
MAX_TEXT = 10_000
"""Characters of what one program says that the model reads."""
MAX_REMARK = 500
PLAIN_IS_CONTEXT = ("SessionStart", "UserPromptSubmit")
"""Events at which what is printed, and is no JSON, is for the model."""
NOTHING_TO_BLOCK = ("SessionStart", "SessionEnd", "Notification", "PreCompact", "SubagentStart")
"""Events at which a block is for the user to read."""


@dataclass(slots=True)
class Answer:
    """What programs want at one event.

    `denied`, `asked` and `contexts` are texts: why not, why somebody should be asked, what the model should know.
    `stop` says why the run should end, None where it should not; `updated` is other input for the tool; `remarks` are
    for the user.
    """

    denied: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    stop: str | None = None
    updated: dict[str, Any] | None = None

    @property
    def why(self) -> str:
        """Return why not, all reasons together."""
        return "\n".join(self.denied)

    @property
    def context(self) -> str:
        return "\n\n".join(self.contexts)


def combined(answers: Iterable[Answer]) -> Answer:
    """Return what several programs want together: the last other input counts, and the first reason to stop."""
    whole = Answer()
    for answer in answers:
        whole.denied += answer.denied
        whole.asked += answer.asked
        whole.contexts += answer.contexts
        whole.remarks += answer.remarks
        whole.stop = answer.stop if whole.stop is None else whole.stop
        whole.updated = whole.updated if answer.updated is None else answer.updated
    return whole


def answer_of(hook: Hook, ended: Ended) -> Answer:
    """Return what a program wants, from how it ended. What it can't say this way is a remark, never an exception."""
    answer, who = Answer(), f"hook {hook.event}: {hook.command!r}"
    if ended.problem:
        answer.remarks.append(f"{who} {ended.problem}")
    if ended.code == BLOCKS:
        answer.denied.append(_bounded(ended.stderr.strip() or f"{who} says no"))
    elif ended.code:
        why = ended.stderr.strip()[:MAX_REMARK]
        answer.remarks.append(f"{who} ended with {ended.code}" + (f": {why}" if why else ""))
    elif ended.code == 0:
        said = _object(ended.stdout)
        if said is not None:
            _take(answer, said, hook.event, who)
        elif ended.cut and ended.stdout.lstrip().startswith("{"):
            answer.remarks.append(f"{who}: its answer was cut, so it says nothing")
        elif hook.event in PLAIN_IS_CONTEXT and ended.stdout.strip():
            answer.contexts.append(_bounded(ended.stdout.strip()))
    if hook.event in NOTHING_TO_BLOCK:
        answer.remarks, answer.denied = [*answer.remarks, *answer.denied], []
    return answer


def _object(text: str) -> dict[str, Any] | None:
    """Return what was printed, if it is a JSON object."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _take(answer: Answer, said: dict[str, Any], event: str, who: str) -> None:
    reason = _text(said, "reason")
    if said.get("continue") is False:
        answer.stop = _text(said, "stopReason") or reason or f"{who} ends the run"
    if message := _text(said, "systemMessage"):
        answer.remarks.append(message[:MAX_REMARK])
    if said.get("decision") == "block":
        answer.denied.append(reason or f"{who} says no")
    specific = said.get("hookSpecificOutput")
    if not isinstance(specific, dict) or specific.get("hookEventName", event) != event:
        return
    if context := _text(specific, "additionalContext"):
        answer.contexts.append(context)
    if isinstance(specific.get("updatedInput"), dict):
        answer.updated = specific["updatedInput"]
    if event == "PreToolUse":
        reason = _text(specific, "permissionDecisionReason") or reason
        if specific.get("permissionDecision") == "deny":
            answer.denied.append(reason or f"{who} says no")
        elif specific.get("permissionDecision") == "ask":
            answer.asked.append(reason or f"{who} wants you to decide")
    decision = specific.get("decision")
    if event == "PermissionRequest" and isinstance(decision, dict) and decision.get("behavior") == "deny":
        answer.denied.append(_text(decision, "message") or f"{who} says no")


def _text(said: dict[str, Any], key: str) -> str:
    value = said.get(key)
    return _bounded(value.strip()) if isinstance(value, str) else ""


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}\n[cut: {len(text):,} characters]"
