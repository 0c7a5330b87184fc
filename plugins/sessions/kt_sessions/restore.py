"""Give an agent back what it was: conversation, state, open calls, open questions."""

from typing import TYPE_CHECKING, Any

from kt import CallState, Message, Text, ToolCall, ToolRecord, ToolResult
from kt.events import QuestionAsked

from .events import SessionResumed
from .rebuild import Rebuilt

if TYPE_CHECKING:
    from kt import Agent

UNKNOWN = (
    "interrupted: the process ended while this ran, and its outcome is unknown. It was not run again. "
    "Find out whether it had its effect before you repeat it."
)


def restore(agent: "Agent", rebuilt: Rebuilt, session: str) -> SessionResumed:
    """Put everything back into an agent that has not started; return what was unfinished."""
    fold = rebuilt.fold
    agent.history[:] = rebuilt.history
    agent.state.clear()
    agent.parked.clear()
    agent.state.update({key: value for key, value in rebuilt.state.items() if value is not None})
    agent.turns, agent.asked = fold.turns, fold.asked
    agent.taint = frozenset(fold.taint)
    for impl in agent.hooks.impls("kt_load"):
        if impl.owner.name in rebuilt.saved:
            impl(agent=agent, state=rebuilt.saved[impl.owner.name])
    unknown = _open_calls(agent, rebuilt)
    for data in rebuilt.questions:
        agent.questions.reopen(QuestionAsked(**{k: v for k, v in data.items() if k != "seq"}))
    for id, answer in fold.answers.items():
        agent.questions.reopen(QuestionAsked(id, ""), answer)
    lost = [f"{id} ({tool})" for id, tool in fold.jobs.items() if id not in fold.finished]
    return SessionResumed(session, fold.turn is not None, unknown, lost)


def _open_calls(agent: "Agent", rebuilt: Rebuilt) -> list[str]:
    """Settle the calls that have a result or can't run again; the others run when the turn goes on."""
    unknown = []
    for call in agent.open_calls():
        result: ToolResult | None = rebuilt.results.get(call.id)
        if result is None and rebuilt.fold.started.get(call.id) == "once":
            result = ToolResult(call.id, [Text(UNKNOWN)], is_error=True, name=call.name)
            unknown.append(f"{call.name} ({call.id})")
        if result is not None:
            agent.parked[call.id] = _settled(call, result)
    return unknown


def _settled(call: ToolCall, result: ToolResult) -> CallState:
    arguments: Any = call.args_text if call.arguments is None else call.arguments
    state = CallState(call, ToolRecord(call.id, call.name, arguments), bound={})
    state.end(result)
    return state


def news(resumed: SessionResumed, rebuilt: Rebuilt) -> list[Message]:
    """Return what the model has to be told: of an interruption, and of jobs that ended before it heard of them."""
    told = [_news_of(result) for result in rebuilt.finished]
    said = []
    if rebuilt.partial:
        said.append("Your last answer was cut off.")
    if resumed.lost:
        said.append(f"These background jobs ended with it, their outcome is unknown: {', '.join(resumed.lost)}.")
    if said:
        text = f"(The process ended unexpectedly and was started again. {' '.join(said)})"
        told.append(Message("user", [Text(text)]))
    return told


def _news_of(result: ToolResult) -> Message:
    origin = next((part.origin for part in result.parts if part.origin), "job")
    ended = "failed" if result.is_error else "finished"
    head = Text(f"[the background job {result.name} ({result.call_id}) {ended}]\n", origin=origin)
    return Message("user", [head, *result.parts])
