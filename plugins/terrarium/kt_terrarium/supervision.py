"""Supervision: a creature that crashes is started again, or stopped; the others go on."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kt import KTError, Status
from kt.errors import DataError, InternalError

from .events import CreatureCrashed, CreatureFailed

if TYPE_CHECKING:
    from kt import TurnResult

    from .engine import Terrarium
    from .member import Member

POLICIES = ("on-failure", "never")


@dataclass(slots=True)
class Restart:
    """When a creature is started again: up to `max` times `within` so many seconds, after `wait`, doubled each time."""

    policy: str = "on-failure"
    max: int = 3
    within: float = 60.0
    wait: float = 1.0
    crashes: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise DataError(f"restart is {' or '.join(POLICIES)}, not {self.policy!r}")

    def delay(self, now: float) -> float | None:
        """Count a crash; return the seconds to wait before the next start, None where there is to be none."""
        self.crashes = [*(at for at in self.crashes if now - at < self.within), now]
        if self.policy == "never" or len(self.crashes) > self.max:
            return None
        return self.wait * 2.0 ** (len(self.crashes) - 1)


def crashed(engine: "Terrarium", member: "Member", result: "TurnResult") -> None:
    """Take up a creature whose turn failed while nobody waited for it; a restart takes up all that fails meanwhile."""
    if member.reviving:
        return
    error = result.error or KTError("the turn failed")
    member.reviving, member.state = True, "restarting"
    engine.host.spawn(_revive(engine, member, error), name=f"{member.name} restarts")


async def _revive(engine: "Terrarium", member: "Member", error: KTError) -> None:
    clock = engine.host.clock
    failure: KTError | None = error
    try:
        while failure is not None and member.agent.started and engine.members.get(member.name) is member:
            error = failure
            member.state, member.error = "restarting", str(error)
            if (wait := member.restart.delay(clock.time())) is None:
                await fail(engine, member, error)
                return
            engine.record(member.graph, CreatureCrashed(member.name, error.line(), len(member.restart.crashes), wait))
            await clock.sleep(wait)
            failure = await _again(engine, member)
        member.error = ""
    finally:
        member.reviving = False
        if member.state == "restarting":
            member.state = "idle"
        if member.takes:
            engine.delivery.hand_stored(member)
        member.settle()


async def _again(engine: "Terrarium", member: "Member") -> KTError | None:
    """Start the agent anew and let it go on with its turn; return why it failed again."""
    agent = member.agent
    if not agent.started:
        return None  # somebody stopped it meanwhile
    try:
        async with agent.lock:
            pass  # a turn that began meanwhile by somebody's own hand is not cut
        await agent.stop()
        if member.state == "stopped":
            return None
        await agent.start()
        if agent.history and not member.answered:
            result = await agent.run(None)
            if result.status is Status.failed:
                return result.error
    except KTError as error:
        return error
    except Exception as error:
        return InternalError(f"{type(error).__name__}: {error}")
    return None


async def fail(engine: "Terrarium", member: "Member", error: KTError) -> None:
    """Stop a creature for good, give its work back, and tell the root."""
    member.state, member.error = "failed", error.line()
    try:
        await member.agent.stop()
    except Exception as broken:  # it is past saving, and must not take the others along
        member.error += f"; and while it stopped: {broken!r}"
    engine.record(member.graph, CreatureFailed(member.name, member.error))
    engine.delivery.give_back(member, "it has failed")
    member.state = "failed"
    graph = member.graph
    graph.busy.discard(member)
    if graph.root is not None and graph.root is not member:
        said = f"the creature {member.name} failed and was stopped: {member.error}"
        engine.delivery.tell(graph.root, said, member.origins)
    graph.changed()
