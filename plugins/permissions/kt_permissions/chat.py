"""/permissions in a conversation: what is asked about, and what was allowed, seen and changed by the person."""

import asyncio
import json
from collections.abc import Iterator
from uuid import uuid4

from kt import Agent
from kt.errors import UsageError, nearest
from kt.events import QuestionAsked

from .approvals import Approval
from .guard import NO, Permissions
from .settings import MODES, Mode

MEANING: dict[Mode, str] = {
    "plan": "nothing is changed and nothing runs",
    "ask": "you are asked about all that acts",
    "accept-edits": "what is granted passes, beyond it you are asked",
    "auto": "everything passes but what a rule denies or asks about",
}
USAGE = "/permissions mode plan|ask|accept-edits|auto, /permissions forget N|all"
YES = "yes"
WIDTH = 100
"""Characters of a call."""


async def permissions(agent: Agent, words: str) -> str:
    """Return the mode, the rules and the approvals; with words set the mode or take approvals back.

    Raises UsageError for other words, and where no guard asks anything.
    """
    guard = _guard_of(agent)
    verb, _, rest = words.strip().partition(" ")
    if not verb:
        return "\n".join(await asyncio.to_thread(lambda: [*_shown(agent, guard)]))
    if verb == "mode":
        return await _set_mode(agent, guard, rest.strip())
    if verb == "forget":
        return await asyncio.to_thread(_forget, agent, guard, rest.strip())
    raise UsageError(f"/permissions can't {verb[:20]!r}", hint=USAGE)


def words(agent: Agent) -> list[str]:
    """Return the words that may follow /permissions."""
    return [*(f"mode {mode}" for mode in MODES), "forget all"]


def _guard_of(agent: Agent) -> Permissions:
    found = next((a.plugin for a in agent.active if isinstance(a.plugin, Permissions)), None)
    if found is None:
        raise UsageError("nothing asks for permission here", hint="the profile default has the guard: kt run --explain")
    return found


def _shown(agent: Agent, guard: Permissions) -> Iterator[str]:
    chosen = "" if guard.chosen in (None, guard.config.mode) else f" (in this conversation; else {guard.config.mode})"
    yield f"mode   {guard.mode}: {MEANING[guard.mode]}{chosen}"
    for verdict, rules in (("deny", guard.rules.deny), ("ask", guard.rules.ask), ("allow", guard.rules.allow)):
        yield f"{verdict:<5}  {', '.join(map(str, rules)) or '-'}"
    if guard.config.trusted_origins:
        yield f"trust  content from {', '.join(guard.config.trusted_origins)}"
    if guard.config.allow_unsandboxed:
        yield "walls  programs run without them, and without a question"
    found = guard.approvals.listed(agent.pwd)
    if found:
        yield "approved, for exactly these calls in this folder:"
    for number, approval in enumerate(found, 1):
        scope = "in this session" if approval.scope == "session" else "always"
        yield f"{number:>3}  {scope:<15}  {_call(approval)}"
    yield USAGE


def _call(approval: Approval) -> str:
    """Return a call on one line, as JSON so that no character of it does anything."""
    text = f"{approval.tool} {json.dumps(approval.arguments)}"
    why = f" ({'; '.join(approval.wants)})" if approval.wants else ""
    return (text if len(text) <= WIDTH else f"{text[: WIDTH - 4]} ...") + why


async def _set_mode(agent: Agent, guard: Permissions, word: str) -> str:
    mode = next((mode for mode in MODES if mode == word), None)
    if mode is None:
        said = f"{word[:20]!r} is no mode" if word else "which mode?"
        raise UsageError(said, hint=nearest(word, MODES))
    if mode == "auto" != guard.mode and not await _sure(agent):
        return f"the mode stays {guard.mode}"
    guard.choose(mode)
    return f"the mode is {mode} until this conversation ends: {MEANING[mode]}"


async def _sure(agent: Agent) -> bool:
    # An id that never comes again: an answer to an earlier question is none to this one.
    id = f"permissions.{uuid4().hex[:12]}"
    text = "Let every call pass without a question, beyond the walls too, but what a rule denies or asks about?"
    return await agent.ask(QuestionAsked(id, text, [YES, NO], "approval")) == YES


def _forget(agent: Agent, guard: Permissions, which: str) -> str:
    found = guard.approvals.listed(agent.pwd)
    if which == "all":
        guard.approvals.forget(found)
        return f"{len(found)} approval{'' if len(found) == 1 else 's'} of this folder taken back"
    if not which.isdecimal() or not 0 < int(which) <= len(found):
        hint = f"a number from 1 to {len(found)}, or all" if found else "nothing was approved in this folder"
        raise UsageError(f"there is no approval {which[:20]!r}", hint=hint)
    approval = found[int(which) - 1]
    guard.approvals.forget([approval])
    return f"taken back: {_call(approval)}"
