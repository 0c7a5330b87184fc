"""What a call that waits for a yes would do to files."""

from kt import Agent
from kt.events import QuestionAsked

from .changes import Change, Watched, compare


def proposed(agent: Agent, question: QuestionAsked) -> list[Change]:
    """Return what the call of a question would change, where its tool can tell; empty where none can."""
    state = agent.turn.calls.get(question.call_id) if agent.turn is not None else None
    entry = None if state is None else agent.host.registry.find("preview", state.call.name)
    if entry is None or not isinstance(question.data, dict):
        return []
    watched = Watched(agent)
    found = (compare(path, before, after) for path, before, after in entry.load()(question.data, watched.text))
    return [each for each in found if each is not None]
