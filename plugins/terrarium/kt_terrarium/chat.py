"""/team in a conversation: see the team, and change it while it works."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from kt import Agent
from kt.errors import UsageError, nearest

from .member import Member
from .membership import member_of
from .tree import count

if TYPE_CHECKING:
    from .engine import Terrarium

USAGE = """/team                         who is in it, what they do, on what they talk
/team add REF [NAME]          one more creature
/team remove NAME             (also: start NAME, stop NAME)
/team connect A B [CHANNEL]   B hears what A sends (also: disconnect A B)
/team wire A B                what A answers goes to B (also: unwire A B)
/team send CHANNEL TEXT       say something to all who listen"""


async def team(agent: Agent, words: str) -> str:
    """Do what the words say with the team of the agent; return what to say. Raises KTError."""
    if (member := member_of(agent)) is None:
        raise UsageError("this creature has no team", hint="kt run RECIPE, or kt run --add REF")
    verb, _, rest = words.strip().partition(" ")
    if not verb:
        return "\n".join(_shown(member))
    if verb == "help":
        return USAGE
    if (do := VERBS.get(verb)) is None:
        raise UsageError(f"/team can't {verb[:20]!r}", hint=f"{nearest(verb, VERBS)} (/team help)")
    return await do(member.engine, member, rest.strip())


def _shown(member: Member) -> list[str]:
    graph, lines = member.graph, []
    for each in graph.members.values():
        now = each.status()
        waits = f", {now.waiting} waiting" if now.waiting else ""
        used = f"{count(now.turns, 'turn')}, {count(now.usage.total, 'token')}"
        lines.append(f"{each.name}: {now.state}, {used}{waits}, {now.model}")
    for channel in graph.channels.values():
        senders, listeners = ", ".join(channel.senders) or "-", ", ".join(channel.listeners) or "-"
        lines.append(f"#{channel.name}: {senders} -> {listeners}, {count(channel.sent, 'message')}")
    return [*lines, *(f"{wire.source} => {wire.target}" for wire in graph.wires.values())]


def _words(rest: str, least: int, most: int, usage: str) -> list[str]:
    words = rest.split()
    if not least <= len(words) <= most:
        raise UsageError(f"/team {usage}")
    return words


async def _add(engine: "Terrarium", member: Member, rest: str) -> str:
    ref, *name = _words(rest, 1, 2, "add REF [NAME]")
    added = await engine.add_creature(ref, name=name[0] if name else None, graph=member)
    return f"{added.name} is there"


async def _remove(engine: "Terrarium", member: Member, rest: str) -> str:
    (name,) = _words(rest, 1, 1, "remove NAME")
    if engine.member(name) is member:
        raise UsageError("the team can't do without the creature you talk to")
    await engine.remove_creature(name)
    return f"{name} is gone"


async def _start(engine: "Terrarium", member: Member, rest: str) -> str:
    (name,) = _words(rest, 1, 1, "start NAME")
    await engine.start(name)
    return f"{name} is started"


async def _stop(engine: "Terrarium", member: Member, rest: str) -> str:
    (name,) = _words(rest, 1, 1, "stop NAME")
    if engine.member(name) is member:
        raise UsageError("the creature you talk to ends with the conversation")
    await engine.stop(name)
    return f"{name} is stopped"


async def _connect(engine: "Terrarium", member: Member, rest: str) -> str:
    a, b, *channel = _words(rest, 2, 3, "connect A B [CHANNEL]")
    made = await engine.connect(a, b, channel=channel[0] if channel else None)
    return f"{b} hears {a} on {made.name}"


async def _disconnect(engine: "Terrarium", member: Member, rest: str) -> str:
    a, b = _words(rest, 2, 2, "disconnect A B")
    await engine.disconnect(a, b)
    return f"{b} does not hear {a} any more"


async def _wire(engine: "Terrarium", member: Member, rest: str) -> str:
    a, b = _words(rest, 2, 2, "wire A B")
    await engine.wire_output(a, b)
    return f"what {a} answers goes to {b}"


async def _unwire(engine: "Terrarium", member: Member, rest: str) -> str:
    a, b = _words(rest, 2, 2, "unwire A B")
    await engine.unwire_output(a, b)
    return f"what {a} answers does not go to {b} any more"


async def _send(engine: "Terrarium", member: Member, rest: str) -> str:
    channel, _, text = rest.partition(" ")
    if not text.strip():
        raise UsageError("/team send CHANNEL TEXT")
    post = await engine.send(channel, text.strip(), of=member)
    return f"sent to {', '.join(post.to) or 'nobody'}"


VERBS: dict[str, Callable[["Terrarium", Member, str], Awaitable[str]]] = {
    "add": _add, "remove": _remove, "start": _start, "stop": _stop, "connect": _connect, "disconnect": _disconnect,
    "wire": _wire, "unwire": _unwire, "send": _send,
}  # fmt: skip
