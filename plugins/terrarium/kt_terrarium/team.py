"""A recipe brought to life: in an engine, or behind the agent of its root."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Agent, Plan, Turn, TurnResult, hookimpl
from kt.errors import DataError

from .activity import Relay
from .graph import Graph
from .limits import check_room
from .member import Member
from .membership import Membership
from .options import TeamConfig, team_of
from .recipe import Recipe, Seat
from .topology import added, open_log

if TYPE_CHECKING:
    from .engine import Terrarium

OWN = frozenset((
    "llm", "tools", "output_type", "limits", "input", "outputs", "triggers", "subagents", "session", "session_dir",
    "terrarium",
))  # fmt: skip
"""Options of `Agent.build` that are the root's own; the rest is what its whole team is built with."""


async def apply(engine: "Terrarium", recipe: Recipe, root: Member | None = None) -> Graph:
    """Add what a recipe says to an engine; return the graph. `root` is its root where that is there already."""
    graph = Graph(engine.new_graph_id(), recipe.name, recipe.limits) if root is None else root.graph
    graph.name, graph.limits = recipe.name, recipe.limits
    check_room(recipe.limits, len(recipe.seats))
    names = [recipe.root, *(name for name in recipe.seats if name != recipe.root)]
    for name in names:
        if root is None or name != recipe.root:
            seat, creature = recipe.seats[name]
            made = await engine.add_creature(
                creature, name=name, graph=graph, start=False, is_privileged=seat.privileged, restart=seat.restart,
                pwd=_folder(engine, seat),
            )  # fmt: skip
            root = root or made
    assert root is not None
    graph.root = root
    root.privileged = root.privileged or recipe.seats[recipe.root][0].privileged
    for member in graph.members.values():
        engine.maker.equip(member)
    await open_log(engine, graph)
    engine.record(graph, added(graph, root))  # its journal began before it was the root
    await _connect(engine, recipe)
    for key, value in recipe.environment.items():
        engine.set_environment(root, key, value, by="recipe")
    if recipe.promoted:
        await engine.assign_root(root)
    return graph


async def _connect(engine: "Terrarium", recipe: Recipe) -> None:
    """Add the channels and wires of a recipe."""
    for name, pipe in recipe.channels.items():
        await engine.add_channel(
            name,
            senders=[n for n, (seat, _) in recipe.seats.items() if name in seat.channels.can_send],
            listeners=[n for n, (seat, _) in recipe.seats.items() if name in seat.channels.listen],
            type=pipe.type, description=pipe.description, capacity=pipe.capacity,
        )  # fmt: skip
    for name, (seat, _) in recipe.seats.items():
        for wire in seat.wires:
            await engine.wire_output(name, wire.to, with_content=wire.with_content, prompt=wire.prompt)


async def brought_up(engine: "Terrarium", work: Coroutine[Any, Any, Graph]) -> "Terrarium":
    """Return an engine once it has the graph that it was made for; it is closed where that fails."""
    try:
        await work
    except BaseException:
        await engine.close()
        raise
    return engine


def _folder(engine: "Terrarium", seat: Seat) -> Path | None:
    """Return the folder a seat works in. Raises DataError for one outside of the terrarium's."""
    if seat.pwd is None:
        return None
    home = Path(engine.maker.pwd or ".").resolve()
    found = (home / seat.pwd).resolve()
    if not found.is_relative_to(home):
        raise DataError(f"pwd {seat.pwd!r} leads out of the terrarium's folder", where=f"creature {seat.name}")
    return found


class Team(Membership):
    """The plugin of a recipe's root: its start brings up the others, and its end takes them down."""

    Config = TeamConfig

    def __init__(self, config: TeamConfig) -> None:
        super().__init__()
        self.config = config
        self._relay: Relay | None = None

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        from .engine import Terrarium
        from .resume import take_up

        assert agent.plan is not None
        engine = Terrarium(host=agent.host, pwd=agent.pwd, **_defaults(agent.plan))
        engine.maker.forced = _overridden(agent.plan)
        engine.maker.budget = next((a.plugin for a in agent.active if hasattr(a.plugin, "share")), None)
        engine.maker.session_file = None if agent.session is None else Path(agent.session)
        try:
            if not await take_up(engine, agent):
                self.member = await engine.maker.adopt(agent)
                await apply(engine, team_of(agent, self.config), self.member)
                await engine.start()
            self.member = engine.members[agent.name]
            self._relay = Relay(engine, agent)
            await self._relay.begin()
            yield
        finally:
            await engine.close()
            if self._relay is not None:
                await self._relay.end()

    @property
    def unfinished(self) -> bool:
        """Tell whether the team, come back from its session, still has something to do."""
        return self.member is not None and (self.member.cut or not self.member.graph.quiet)

    @property
    def explained(self) -> list[str]:
        """Return what `kt run --explain` says of the team."""
        if self.member is None:
            return []
        graph = self.member.graph
        lines = ["team"]
        for name, member in graph.members.items():
            lines.append(f"  {name:<12} {member.agent.model}, {len(member.agent.tool_list)} tools")
        for channel in graph.channels.values():
            senders, listeners = ", ".join(channel.senders), ", ".join(channel.listeners)
            lines.append(f"  #{channel.name} {senders or 'nobody'} -> {listeners or 'nobody'}")
        return lines + [f"  {wire.source} => {wire.target}" for wire in graph.wires.values()]

    @hookimpl
    async def kt_around_turn(
        self, agent: Agent, turn: Turn, next: Callable[[Turn], Awaitable[TurnResult]]
    ) -> TurnResult:
        member = self.member
        if self._relay is not None:
            await self._relay.begin()
        if turn.source != "resume" or member is None or not member.answered:
            return await next(turn)
        # The root had answered, and waited for its team: only what the team says is a reason to ask the model.
        while turn.holds and not agent.has_input:
            await asyncio.wait(turn.holds, return_when=asyncio.FIRST_COMPLETED)
            turn.holds = {hold for hold in turn.holds if not hold.done()}
        if agent.has_input:
            return await next(turn)
        return TurnResult(text=agent.history[-1].text, session=agent.session)


def _defaults(plan: Plan) -> dict[str, Any]:
    """Return what the others of a team are built with: what the root was."""
    return {name: value for name, value in plan.given.items() if name not in OWN and value is not None} | {
        "llm": plan.given.get("llm") or plan.creature.llm
    }


def _overridden(plan: Plan) -> bool:
    """Tell whether the caller chose another model than the root's own, which is then everybody's."""
    return plan.given.get("llm") not in (None, "default", plan.creature.llm)
