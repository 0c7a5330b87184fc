"""Output wiring: what a creature answers becomes input of others, exactly once."""

from typing import TYPE_CHECKING

from kt.errors import KTError

from .post import Post

if TYPE_CHECKING:
    from .engine import Terrarium
    from .graph import Wire
    from .member import Member


ANSWER = "answer."
"""What `call` of a message begins with that is one of several answers of a turn; the number of the reply follows."""


def wire_answer(engine: "Terrarium", member: "Member", turn: int, text: str, call: str = "") -> None:
    """Send what a creature answered over its wires."""
    if not any(wire.source == member.name for wire in member.graph.wires.values()):
        return
    member.ended.append((turn, text, member.hops, call))
    member.graph.changed()
    if len(member.ended) == 1:
        engine.host.spawn(_pump(engine, member), name=f"{member.name} wires")


async def _pump(engine: "Terrarium", member: "Member") -> None:
    """Send one answer after the other: that the turn ended is durable before anybody hears of it."""
    try:
        while member.ended:
            turn, text, hops, call = member.ended[0]
            await member.agent.durable()
            for wire in list(member.graph.wires.values()):
                if member.graph.wires.get((member.name, wire.target)) is wire and turn > wire.after:
                    await deliver(engine, member, wire, turn, text, hops, call)
            member.ended.pop(0)
    except Exception as error:  # the graph's budget is spent, or its journal can't be kept: its own events say so
        member.error = error.line() if isinstance(error, KTError) else repr(error)
        member.ended.clear()
    finally:
        member.settle()


async def deliver(
    engine: "Terrarium", member: "Member", wire: "Wire", turn: int, text: str, hops: int, call: str = ""
) -> None:
    """Send an answer over one wire."""
    origins = " ".join(sorted({*member.agent.taint, *wire.origins.split()}))
    post = Post(engine.delivery.new_id(), "", member.name, wire.text(text), [wire.target], origins=origins, call=call)
    post.hops, post.turn, post.heading = hops + 1, turn, "" if wire.prompt else None
    await engine.delivery.send(member.graph, post)
