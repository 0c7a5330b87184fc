"""The acts of a random run: what each does with the numbers it is given."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from .world import MOST, World

Act: TypeAlias = Callable[[World, int, int, int], Awaitable[None]]
ACTS: dict[str, Act] = {}
WEIGHTS: list[str] = []
CHANNELS = ("x", "y", "z")


def act(weight: int) -> Callable[[Act], Act]:
    def entered(function: Act) -> Act:
        ACTS[function.__name__] = function
        WEIGHTS.extend([function.__name__] * weight)
        return function

    return entered


def pick(things: Sequence[Any], number: int) -> Any:
    return things[number % len(things)]


def some(names: Sequence[str], number: int) -> set[str]:
    """Return the names whose bit is set."""
    return {name for bit, name in enumerate(names) if number >> bit & 1}


@act(1)
async def quiet(world: World, a: int, b: int, c: int) -> None:
    await world.quiet()


@act(1)
async def nothing(world: World, a: int, b: int, c: int) -> None:
    """Let only time pass."""


@act(2)
async def add(world: World, a: int, b: int, c: int) -> None:
    if len(world.plain.names) < MOST:
        await world.add(f"c{len(world.everyone)}")


@act(1)
async def link(world: World, a: int, b: int, c: int) -> None:
    if 0 < len(world.plain.names) < MOST:
        await world.add(f"c{len(world.everyone)}", pick(sorted(world.plain.names), a))


@act(1)
async def remove(world: World, a: int, b: int, c: int) -> None:
    if len(world.plain.names) > 2:
        await world.remove(pick(sorted(world.plain.names), a))


@act(3)
async def connect(world: World, a: int, b: int, c: int) -> None:
    if names := sorted(world.plain.names):
        sender, listener = pick(names, a), pick(names, b)
        channel = pick((*CHANNELS, f"{sender}_to_{listener}"), c)
        await world.join(channel, {sender}, {listener}, 1000)


@act(1)
async def disconnect(world: World, a: int, b: int, c: int) -> None:
    edges = sorted((s, n, p.name) for p in world.plain.pipes for s in p.senders for n in p.listeners)
    if edges:
        sender, listener, channel = pick(edges, a)
        await world.leave(sender, listener, pick((channel, None), b))


@act(1)
async def add_channel(world: World, a: int, b: int, c: int) -> None:
    names = sorted(world.plain.names)
    senders, listeners = some(names, a), some(names, b)
    if senders | listeners:
        await world.join(pick(CHANNELS, c), senders, listeners, pick((2, 1000), c // 3))


@act(1)
async def remove_channel(world: World, a: int, b: int, c: int) -> None:
    if world.plain.pipes:
        pipe = pick(sorted(world.plain.pipes, key=lambda p: (p.name, sorted(p.members))), a)
        await world.remove_channel(pipe.name, pick(sorted(pipe.members), b))


@act(2)
async def wire(world: World, a: int, b: int, c: int) -> None:
    if names := sorted(world.plain.names):
        source, target = pick(names, a), pick(names, b)
        if not world.plain.leads(target, source) and (source, target) not in world.plain.wires:
            await world.wire(source, target)


@act(1)
async def unwire(world: World, a: int, b: int, c: int) -> None:
    if world.plain.wires:
        await world.unwire(*pick(sorted(world.plain.wires), a))


@act(4)
async def send(world: World, a: int, b: int, c: int) -> None:
    """Send from outside, or as a creature."""
    if pipes := sorted(world.plain.pipes, key=lambda p: (p.name, sorted(p.members))):
        pipe = pick(pipes, a)
        of = pick(sorted(pipe.members), b)
        sender = "user" if c % 2 or not pipe.senders else pick(sorted(pipe.senders), b)
        await world.send(pipe.name, of if sender == "user" else sender, sender)


@act(4)
async def speak(world: World, a: int, b: int, c: int) -> None:
    """Have a creature send by its tool, when its turn comes."""
    pairs = sorted((name, p.name) for p in world.plain.pipes for name in p.senders if world.takes(name))
    if pairs:
        name, channel = pick(pairs, a)
        world.inject(name, f"say {channel} {world.token()}")


@act(3)
async def inject(world: World, a: int, b: int, c: int) -> None:
    if names := [name for name in sorted(world.plain.names) if world.takes(name)]:
        world.inject(pick(names, a), world.token())


@act(1)
async def crash(world: World, a: int, b: int, c: int) -> None:
    if names := [name for name in sorted(world.plain.names) if world.takes(name)]:
        world.crash(pick(names, a), times=1 + b % 2)


@act(1)
async def stop(world: World, a: int, b: int, c: int) -> None:
    if names := [name for name in sorted(world.plain.names) if world.takes(name)]:
        await world.stop(pick(names, a))


@act(2)
async def start(world: World, a: int, b: int, c: int) -> None:
    if world.stopped:
        await world.start(pick(sorted(world.stopped), a))


@act(1)
async def doom(world: World, a: int, b: int, c: int) -> None:
    """Break a creature for good, now and then."""
    names = [name for name in sorted(world.plain.names) if world.takes(name)]
    if names and a % 4 == 0:
        world.doom(pick(names, b))
