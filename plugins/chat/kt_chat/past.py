"""What a conversation that goes on was so far."""

from collections.abc import Iterable

from kt import Agent, Message, ToolResult

from .attach import shown_of
from .items import Answer, Call, Item, Said
from .titles import title_of


def past(history: Iterable[Message]) -> list[Item]:
    """Return the items of a history: what was said and answered, and the calls with their results."""
    items: list[Item] = []
    calls: dict[str, Call] = {}
    for message in history:
        if message.role == "user":
            items.append(Said(shown_of(message)))
        elif message.role == "assistant":
            if message.text:
                items.append(Answer(message.text, done=True))
            for call in message.tool_calls:
                calls[call.id] = Call(call.id, call.name, title_of(call.name, call.arguments), "cancelled")
                items.append(calls[call.id])
        for part in message.parts:
            if isinstance(part, ToolResult) and (known := calls.get(part.call_id)) is not None:
                known.state, known.output = "failed" if part.is_error else "done", part.text
    return items


def unfinished(agent: Agent) -> bool:
    """Tell whether the last turn of a resumed agent, or a plugin that says `unfinished`, has something to do."""
    if any(getattr(active.plugin, "unfinished", False) is True for active in agent.active):
        return True
    if not agent.history:
        return False
    last = agent.history[-1]
    return last.role != "assistant" or bool(last.tool_calls) or last.finish == "aborted"
