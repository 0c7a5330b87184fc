"""A creature at work in a terrarium."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kt import Agent, Limits, Part, Pending, Status, Turn, TurnResult, Usage
from kt.events import Event, InputAccepted, InputQueued, LLMEnded, TurnEnded, TurnStarted

from .limits import refuse_spent, spend
from .post import id_of
from .supervision import Restart
from .wiring import ANSWER, wire_answer

if TYPE_CHECKING:
    from .engine import Terrarium
    from .graph import Graph
    from .post import Post

UNFINISHED = ("length", "refusal")


@dataclass(slots=True)
class MemberStatus:
    """What a creature is doing: `state` is idle, running, waiting, stopped, restarting or failed.

    `waiting` counts inputs in its inbox, `context` the tokens of its last request; `usage` is the sum of its turns.
    """

    name: str
    state: str
    graph: str
    model: str
    pwd: str
    session: str | None
    privileged: bool
    turns: int
    waiting: int
    context: int
    usage: Usage
    listens: list[str]
    sends: list[str]
    error: str = ""


class Member:
    """One creature of a terrarium: its agent, and its place in the graph. `add_creature` makes it."""

    # fmt: off
    __slots__ = (
        "_held", "_hold", "_scope", "agent", "attended", "below", "context", "current", "cut", "done", "ended",
        "engine", "error", "graph", "halted", "hops", "inflight", "owned", "privileged", "restart", "reviving", "sent",
        "state", "stored", "turn", "usage",
    )
    # fmt: on

    def __init__(self, engine: "Terrarium", graph: "Graph", *, privileged: bool = False, restart: Restart) -> None:
        self.engine, self.graph, self.privileged, self.restart = engine, graph, privileged, restart
        self.agent: Agent
        self.state, self.error = "stopped", ""
        self.usage, self.below, self.context = Usage(), Usage(), 0
        self.hops = self.turn = self.done = 0
        self.attended = self.cut = self.halted = self.reviving = False
        self.owned = True
        self.current: list[Post] = []
        self.inflight: dict[str, Post] = {}
        self.sent: dict[str, Post] = {}
        self.stored: list[Post] = []
        self.ended: list[tuple[int, str, int, str]] = []
        self._held: Turn | None = None
        self._hold: asyncio.Future[None] | None = None
        self._scope: ExitStack | None = None

    @property
    def name(self) -> str:
        return self.agent.name

    def __repr__(self) -> str:
        return f"<Member {self.name} ({self.state})>"

    # What users call

    async def run(
        self, content: str | Part | list[Part], *, timeout: float | None = None, limits: Limits | None = None
    ) -> TurnResult:
        """Run one turn. That of a graph's root ends when the whole graph has become quiet."""
        return await self.agent.run(content, timeout=timeout, limits=limits)

    def run_stream(
        self, content: str | Part | list[Part], *, timeout: float | None = None, limits: Limits | None = None
    ) -> AsyncGenerator[Event, None]:
        """Return an async iterator of the turn's events, the last being TurnEnded; leaving it cancels the turn."""
        return self.agent.run_stream(content, timeout=timeout, limits=limits)

    def inject(
        self, content: str | Part | list[Part], *, source: str = "user", steer: bool = False, origin: str = ""
    ) -> Pending:
        """Put input into the creature's inbox, for a turn of its own, or with `steer` for the one that runs."""
        return self.agent.send(content, source=source, steer=steer, origin=origin)

    def interrupt(self) -> bool:
        """Cancel the running turn; return False where none runs."""
        return self.agent.interrupt()

    async def start(self) -> None:
        """Start the creature, and hand it what came while it was stopped."""
        await self.engine.start(self.name)

    async def stop(self) -> None:
        """Stop the creature; its place, and what comes for it meanwhile, is kept."""
        await self.engine.stop(self.name)

    def status(self) -> MemberStatus:
        """Return what the creature is doing now."""
        agent, graph = self.agent, self.graph
        return MemberStatus(
            self.name, self.state, graph.id, agent.model, str(agent.pwd), agent.session, self.privileged, agent.turns,
            len(agent.inbox.items) + len(self.stored), self.context, self.usage,
            [c.name for c in graph.hears(self.name)], [c.name for c in graph.sends_on(self.name)], self.error,
        )  # fmt: skip

    # What the engine calls

    @property
    def origins(self) -> str:
        """Return what taints the creature, as a part of a message says it."""
        return " ".join(sorted(self.agent.taint))

    @property
    def session(self) -> Path | None:
        return None if self.agent.session is None else Path(self.agent.session)

    @property
    def told(self) -> int:
        """Return the last turn whose answer went over the creature's wires, or had none to go over."""
        return self.ended[0][0] - 1 if self.ended else self.done

    @property
    def works(self) -> bool:
        """Tell whether the creature has anything to do: a turn, input, a job in the background, an answer to wire."""
        agent = self.agent
        waits = agent.has_input and agent.started
        return bool(agent.turn or waits or self.ended or self.reviving or self._jobs)

    @property
    def answered(self) -> bool:
        """Tell whether the creature's last word is an answer."""
        last = self.agent.history[-1] if self.agent.history else None
        return last is not None and last.role == "assistant" and not last.tool_calls and last.finish != "aborted"

    @property
    def takes(self) -> bool:
        """Tell whether the creature takes what comes for it now; later it does, once it runs or has its answer."""
        agent = self.agent
        return (
            agent.started
            and not agent.stopping
            and not (self.cut or self.reviving)
            and self.state not in ("stopped", "waiting")
        )

    @property
    def _jobs(self) -> bool:
        return any(active.name == "jobs" and getattr(active.plugin, "running", ()) for active in self.agent.active)

    def attach(self) -> None:
        """Follow the agent's turns."""
        self._scope = ExitStack()
        on: Callable[..., Callable[[], None]] = self.agent.bus.on
        self._scope.callback(on(TurnStarted, self._turn_started))
        self._scope.callback(on(TurnEnded, self._turn_ended))
        self._scope.callback(on(LLMEnded, self._asked))
        self._scope.callback(on(InputAccepted, self._accepted))
        self._scope.callback(on(InputQueued, lambda event: self.settle()))

    def detach(self) -> None:
        """Follow them no longer."""
        if self._scope is not None:
            self._scope.close()
            self._scope = None
        self._held = None
        self._let_go()

    def settle(self) -> None:
        """Look again whether the creature has anything to do."""
        if self.works and self.graph.members.get(self.name) is self:
            self.graph.busy.add(self)
        else:
            self.graph.busy.discard(self)
            if self.state == "running":
                self.state = "idle"
            self.engine.delivery.free(self)
        self.graph.changed()

    def _turn_started(self, event: TurnStarted) -> None:
        turn = self.agent.turn
        self.state, self.turn, self.attended = "running", event.turn, turn is not None and turn.waits
        if event.source != "resume":
            self.sent, self.current, self.hops = {}, [], 0
        self._take(event.source)
        self.graph.busy.add(self)
        if turn is not None:
            refuse_spent(self.graph, turn)
        if self is self.graph.root and self.attended:
            self._held = turn
        if self.cut:
            self.cut = False
            self.engine.delivery.hand_stored(self)
        self.graph.changed()

    def _accepted(self, event: InputAccepted) -> None:
        self._take(event.source)

    def _take(self, source: str) -> None:
        post = self.inflight.pop(id_of(source), None)
        if post is not None:
            self.hops = max(self.hops, post.hops)
            self.current.append(post)

    def _asked(self, event: LLMEnded) -> None:
        self.context = event.usage.input
        spend(self.engine, self, event.usage)
        if self._held is not None and not event.message.tool_calls and event.message.finish not in UNFINISHED:
            # Its turn ends when the graph is quiet; whoever gets its answers gets them now.
            wire_answer(self.engine, self, self.turn, event.message.text, f"{ANSWER}{event.number}")

    def _subagents_spent(self) -> None:
        """Count what the creature's sub-agents used, which is in none of its own turns."""
        used = next((getattr(a.plugin, "used", None) for a in self.agent.active if a.name == "subagents"), None)
        if used is None or used == self.below:
            return
        before, self.below = self.below, replace(used)
        cost = None if used.cost is None else used.cost - (before.cost or 0.0)
        more = Usage(used.input - before.input, used.output - before.output, cost=cost)
        self.usage.add(more)
        spend(self.engine, self, more, calls=0)

    def _turn_ended(self, event: TurnEnded) -> None:
        self._subagents_spent()
        if event.turn != self.turn:
            return  # it gave up before it began, while another one ran
        result, held = event.result, self._held
        if held is not None:
            self._held = None
            self._let_go()
        self.done = event.turn
        if result.ok:
            self.current = []
        self.state = "waiting" if result.status is Status.waiting else "idle"
        self.engine.turn_ended(self, event.turn, result, told=held is not None)
        if self.stored and self.state == "idle":
            self.engine.delivery.hand_stored(self)
        self.settle()

    # A root's turn stays open while others work

    @property
    def held(self) -> bool:
        """Tell whether a caller waits for this creature, and through it for its graph."""
        return self._held is not None

    def keep_open(self, others_work: bool) -> None:
        """Keep the root's turn from ending while others work, so that what they say still joins it."""
        if self._held is None:
            return
        if others_work and self._hold is None:
            self._hold = self._held.hold()
        elif not others_work:
            self._let_go()

    def woken(self) -> None:
        """Let a held turn look at what has come."""
        self._let_go()

    def _let_go(self) -> None:
        hold, self._hold = self._hold, None
        if hold is not None and not hold.done():
            hold.set_result(None)
