"""The tools of a creature in a graph: to send, and, for a privileged one, to see and change its group."""

from typing import Literal

from kt import Context, Text, ToolNeeds, Vetoed, tool
from kt.errors import NotFound, UsageError, nearest

from .member import Member
from .membership import member_of
from .tree import count

NOTHING = ToolNeeds(reads=())


def calling(ctx: Context[object]) -> Member:
    """Return the member whose agent calls. Raises UsageError outside of a terrarium."""
    if (member := member_of(ctx.agent)) is None:
        raise UsageError("this creature is in no terrarium", hint="run a recipe, or Terrarium.add_creature")
    return member


def privileged(ctx: Context[object]) -> Member:
    """Return the member whose agent calls, if it may manage its group. Raises Vetoed."""
    member = calling(ctx)
    if not member.privileged:
        raise Vetoed(f"{member.name} is not privileged: only a group's root, or who is made so, may manage it")
    return member


def mate(member: Member, name: str) -> Member:
    """Return another member of the same graph. Raises NotFound."""
    if (found := member.graph.members.get(name)) is None:
        raise NotFound(f"no creature {name!r} in your group", hint=nearest(name, member.graph.members))
    return found


@tool(effect="idempotent", parallel=False, needs=NOTHING)
async def send_message(ctx: Context[object], channel: str, message: str) -> str:
    """Send a message on one of your channels. Whoever listens gets it as input of its own.

    channel: a channel you may send on.
    message: all that the others need to know; they see neither your conversation nor your files.
    """
    member = calling(ctx)
    engine, graph = member.engine, member.graph
    if (known := member.sent.get(ctx.call.id)) is not None:
        return f"sent to {', '.join(known.to) or 'nobody'}"  # this call ran before a crash, and its message was kept
    found = graph.channels.get(channel)
    if found is None or member.name not in found.senders:
        mine = [c.name for c in graph.sends_on(member.name)]
        raise NotFound(f"you can't send on a channel {channel!r}", hint=nearest(channel, mine))
    post = engine.delivery.post(graph, found, member.name, message, member=member, call=ctx.call.id)
    member.sent[ctx.call.id] = post
    try:
        return await engine.delivery.through_hooks(ctx.agent, graph, post)
    except Exception:
        member.sent.pop(ctx.call.id, None)
        raise


@tool(effect="idempotent", parallel=False, needs=NOTHING)
def environment(
    ctx: Context[object], action: Literal["get", "set", "remove", "list"], key: str = "", value: str = ""
) -> Text | str:
    """Read and write what all creatures of your group share: short facts by name.

    key: its name; not for list.
    value: the text to set.
    """
    member = calling(ctx)
    shared, origins = member.graph.environment, member.graph.origins
    if action == "list":
        listed = "\n".join(f"{name}: {text}" for name, text in shared.items()) or "nothing is shared yet"
        return Text(listed, origin=" ".join(sorted({o for text in origins.values() for o in text.split()})))
    if not key:
        raise UsageError(f"{action} needs a key")
    if action == "get":
        if key not in shared:
            raise NotFound(f"nothing is shared as {key!r}", hint=nearest(key, shared))
        return Text(str(shared[key]), origin=origins.get(key, ""))
    set_to, taint = value if action == "set" else None, member.origins
    member.engine.set_environment(member, key, set_to, by=member.name, origins=taint)
    return "done"


@tool(effect="read", needs=NOTHING)
def group_status(ctx: Context[object]) -> str:
    """See your group: each creature with its state, each channel with who sends and who listens, each wire."""
    member = privileged(ctx)
    graph = member.graph
    lines = []
    for each in graph.members.values():
        now = each.status()
        marks = " (you)" if each is member else ""
        used = f"{count(now.turns, 'turn')}, {count(now.usage.total, 'token')}"
        lines.append(f"{each.name}{marks}: {now.state}, {used}, {now.model}")
        if now.error:
            lines.append(f"  {now.error}")
    for channel in graph.channels.values():
        senders, listeners = ", ".join(channel.senders) or "-", ", ".join(channel.listeners) or "-"
        lines.append(
            f"channel {channel.name} ({channel.type}): {senders} -> {listeners}, {count(channel.sent, 'message')}"
        )
    lines += [f"wire: {wire.source} -> {wire.target}" for wire in graph.wires.values()]
    return "\n".join(lines)


@tool(effect="once", parallel=False, needs=NOTHING)
async def group_add_node(ctx: Context[object], creature: str, name: str = "", model: str = "") -> str:
    """Add a creature of an installed pack to your group.

    creature: its reference, e.g. @kt-biome/creatures/swe. Files can't be named.
    name: how the group calls it; made from the reference if empty.
    model: a model preset, if not the group's.
    """
    member = privileged(ctx)
    added = await member.engine.maker.spawn(member, creature, name=name, model=model)
    return f"{added.name} is there and idle; reach it on a channel, or with group_send"


@tool(effect="once", parallel=False, needs=NOTHING)
async def group_spawn(ctx: Context[object], creature: str, task: str, name: str = "", model: str = "") -> str:
    """Add a creature of an installed pack to your group and give it a task; what it answers comes to you as input.

    creature: its reference, e.g. @kt-biome/creatures/swe. Files can't be named.
    task: all that it needs to know.
    name: how the group calls it; made from the reference if empty.
    model: a model preset, if not the group's.
    """
    member = privileged(ctx)
    added = await member.engine.maker.spawn(member, creature, name=name, model=model)
    await member.engine.wire_output(added, member)
    await member.engine.delivery.give(member, added, task, ctx.call.id)
    return f"{added.name} works on it"


@tool(effect="idempotent", parallel=False, needs=NOTHING)
async def group_remove(ctx: Context[object], name: str) -> str:
    """Stop a creature of your group and remove it."""
    member = privileged(ctx)
    other = mate(member, name)
    if other is member:
        raise UsageError("you can't remove yourself")
    await member.engine.remove_creature(other)
    return f"{name} is gone"


@tool(effect="idempotent", parallel=False, needs=NOTHING)
async def group_start(ctx: Context[object], name: str) -> str:
    """Start a creature of your group that was stopped or has failed."""
    member = privileged(ctx)
    await member.engine.start(mate(member, name))
    return f"{name} is started"


@tool(effect="idempotent", parallel=False, needs=NOTHING)
async def group_stop(ctx: Context[object], name: str) -> str:
    """Stop a creature of your group; what comes for it waits until it is started again."""
    member = privileged(ctx)
    other = mate(member, name)
    if other is member:
        raise UsageError("you can't stop yourself", hint="end your turn instead")
    await member.engine.stop(other)
    return f"{name} is stopped"


@tool(effect="idempotent", parallel=False, needs=NOTHING)
async def group_channel(
    ctx: Context[object],
    action: Literal["join", "leave", "remove"],
    channel: str,
    senders: list[str] = [],  # noqa: B006  read only; the default tells the model what it may leave out
    listeners: list[str] = [],  # noqa: B006
    type: Literal["broadcast", "queue"] = "broadcast",
    description: str = "",
) -> str:
    """Make a channel or let creatures join it, let listeners leave it, or remove it.

    channel: its name.
    senders: who may send on it.
    listeners: who hears it.
    type: for a new one: broadcast reaches all listeners, queue gives each message to one that is free.
    description: for a new one: what it is for.
    """
    member = privileged(ctx)
    engine, graph = member.engine, member.graph
    sending, hearing = [mate(member, n) for n in senders], [mate(member, n) for n in listeners]
    if action == "remove":
        await engine.remove_channel(channel, of=graph)
        return f"{channel} is gone"
    if action == "leave":
        for a in sending:
            for b in hearing:
                await engine.disconnect(a, b, channel=channel)
        return f"{', '.join(listeners)} left {channel}"
    known = graph.channels.get(channel)
    kind = type if known is None else None
    made = await engine.add_channel(channel, senders=sending, listeners=hearing, type=kind, description=description)
    return f"{channel}: {', '.join(made.senders)} -> {', '.join(made.listeners)}"


@tool(effect="idempotent", parallel=False, needs=NOTHING)
async def group_wire(
    ctx: Context[object], action: Literal["add", "remove"], source: str, target: str, prompt: str = ""
) -> str:
    """Make what one creature answers at the end of a turn input of another, or stop that.

    prompt: what the target reads, with {source} and {content}; the answer itself if empty.
    """
    member = privileged(ctx)
    a, b = mate(member, source), mate(member, target)
    if action == "remove":
        await member.engine.unwire_output(a, b)
        return f"{source} is not wired to {target} any more"
    await member.engine.wire_output(a, b, prompt=prompt, origins=member.origins)
    return f"what {source} answers goes to {target}"


@tool(effect="once", parallel=False, needs=NOTHING)
async def group_send(ctx: Context[object], name: str, message: str) -> str:
    """Give a creature of your group input, without a channel.

    message: all that it needs to know; it sees neither your conversation nor your files.
    """
    member = privileged(ctx)
    await member.engine.delivery.give(member, mate(member, name), message, ctx.call.id)
    return f"{name} has it"
