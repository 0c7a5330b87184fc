"""What an agent took in and what it answered, so that who sent it something sends nothing twice."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .names import located
from .path import path_to
from .reader import SessionReader, StreamInfo
from .stored import COLUMNS, StoredEvent

if TYPE_CHECKING:
    from kt import Plugins

INTERRUPTED = "interrupted"


@dataclass(slots=True)
class TracedTurn:
    """How a turn ended: `status` as in TurnResult, "interrupted" where it has no end; `text` is the final answer.

    `sources` are those of all input that it took, what started it first. A turn that goes on with an earlier one has
    that one's too.
    """

    sources: list[str]
    status: str = INTERRUPTED
    text: str = ""


@dataclass(slots=True)
class AgentTrace:
    """The input that an agent accepted, as `sources`, and its `turns` by number."""

    sources: set[str] = field(default_factory=set)
    turns: dict[int, TracedTurn] = field(default_factory=dict)


def accepted(
    plugins: "Plugins", session: str | Path, agent: str, prefix: str | tuple[str, ...], *, after: int = 0
) -> AgentTrace:
    """Return what an agent of a session took in and answered; what was left by going back does not count.

    `sources` has those that begin with `prefix` (one of several), `turns` the turns with numbers above `after`. Both
    are empty where the session has no agent of that name. Raises NotFound for no session, and SessionDamaged.
    """
    found = AgentTrace()
    turn = TracedTurn([])
    with SessionReader(located(plugins, session)) as reader:
        info = next((info for info in reader.agents if info.name == agent), None)
        for event in _telling(reader, info) if info else ():
            body = event.body
            if event.kind == "turn_ended":
                turn.status, turn.text = body["result"].get("status", "ok"), body["result"].get("text", "")
                continue
            if event.kind == "input_accepted":
                turn.sources.append(body["source"])
            else:
                turn = TracedTurn([body["source"]] if "message" in body else list(turn.sources))
                if body["turn"] > after:
                    found.turns[body["turn"]] = turn
            if body["source"].startswith(prefix):
                found.sources.add(body["source"])
    return found


def _telling(reader: SessionReader, info: StreamInfo) -> Iterator[StoredEvent]:
    """Yield the events that begin and end turns, and those of input that joined one."""
    kinds = "('turn_started', 'input_accepted', 'turn_ended')"
    query = f"select {COLUMNS} from event where stream = ? and seq between ? and ? and kind in {kinds} order by seq"
    with reader.bodies.readable():
        for first, last in path_to(reader.connection, info.id, info.last):
            for row in reader.connection.execute(query, (info.id, first, last)):
                yield reader.bodies.event(row)
