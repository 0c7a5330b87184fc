"""The plugin `budget`: what an agent spends is counted, and bounded, by turn, session, creature and day."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Any

from kt import Agent, Message, Request, Text, ToolCall, ToolResult, Turn, TurnResult, Usage, hookimpl
from kt.errors import LimitReached, UsageError
from kt.events import Logged, Refused

from .accounts import UNITS, Account, Accounts, amount
from .ledger import Ledger, Spent, ledger_file
from .settings import Bounds, Settings
from .watch import Watch


@dataclass(slots=True)
class BudgetWarning(Logged):
    """A budget is nearly used up: `scope` is turn, session, creature, day or share; `what` is as in `max_<what>`."""

    scope: str
    what: str
    used: float
    limit: float


class Budget:
    """End a turn with status limit once its agent, or what the agent is a part of, has spent what it may.

    `agent.plugin("budget").spent(scope)` tells what was spent. A Budget is one agent's; others get a `share` of it.
    """

    Config = Settings
    name = "budget"
    tier = "outer"  # further out than prices, which say what a call cost

    def __init__(self, config: Settings, *, parent: "Budget | None" = None) -> None:
        self.config = config
        scope = "session" if parent is None else "share"
        account = Account(scope, config.session, self._allows)
        self.accounts: Accounts = Accounts(account, parent=None if parent is None else parent.accounts)
        self.watch: Watch = Watch(self.accounts, config.idle_seconds, None if parent is None else parent.watch)
        words = "|".join(map(re.escape, config.stop_words))
        self._stop = re.compile(rf"(?<!\w)(?:{words})(?!\w)") if words else None
        self._agent: Agent | None = None
        self._refused: LimitReached | None = None

    @property
    def _allows(self) -> bool:
        return self.config.unknown_price == "allow"

    def spent(self, scope: str) -> Spent:
        """Return what was spent of a scope, as far as this process knows. Raises UsageError where it isn't bounded."""
        if (account := self.accounts.own.get(scope)) is None:
            raise UsageError(f"this budget has no scope {scope!r}", hint=f"known: {', '.join(self.accounts.own)}")
        return replace(account.used)

    def share(self, part: float | Bounds) -> "Budget":
        """Return a budget for another agent: what is spent of it is spent of this one too, and either one ends it.

        `part` is a fraction, above 0 and up to 1, of what is left here now, or bounds. Raises LimitReached where
        nothing is left.
        """
        if self._agent is None and (self.config.creature.any or self.config.day.any):
            raise UsageError("a budget by creature or day is shared by a running agent", hint="start its agent first")
        bounds = part if isinstance(part, Bounds) else self._fraction(part)
        settings = Settings(session=bounds, warn_at=self.config.warn_at, unknown_price=self.config.unknown_price)
        return Budget(settings, parent=self)

    def _fraction(self, part: float) -> Bounds:
        if not 0 < part <= 1:
            raise UsageError(f"{part!r} is no part of a budget", hint="give a number above 0 and up to 1, or Bounds")
        found: dict[str, Any] = {}
        for what in UNITS:
            if (left := self.accounts.left(what)) is not None:
                found[f"max_{what}"] = left * part if what in ("usd", "seconds") else ceil(left * part)
        return Bounds(**found)

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        if self._agent is not None:
            raise UsageError(f"this budget is that of agent {self._agent.name!r}", hint="give the other one a share()")
        self._agent = agent
        keys = {"creature": lambda: agent.name, "day": lambda: _today(agent)}
        bounds = {"creature": self.config.creature, "day": self.config.day}
        kept = [Account(scope, bounds[scope], self._allows, key) for scope, key in keys.items() if bounds[scope].any]
        if kept:
            self.accounts.keep(Ledger(ledger_file(agent.host.registry)), *kept)
        try:
            yield
        finally:
            self._agent = None

    @hookimpl
    async def kt_around_turn(
        self, agent: Agent, turn: Turn, next: Callable[[Turn], Awaitable[TurnResult]]
    ) -> TurnResult:
        self.accounts.own["turn"] = Account("turn", self.config.turn, self._allows)
        self._refused = None
        with self.watch.of(agent, turn):
            return await next(turn)

    @hookimpl
    async def kt_around_llm_call(
        self, agent: Agent, request: Request, next: Callable[[Request], Awaitable[Message]]
    ) -> Message:
        turn = agent.turn
        assert turn is not None
        if self._refused is not None:
            raise self._refused
        self.accounts.admit("turns", self.watch.seconds())
        before, began, reply = replace(turn.usage), turn.turns, None
        try:
            reply = await next(self._warned(agent, request))
        finally:
            self.accounts.charge(_spent(before, turn.usage, reply, turn.turns - began))
        return self._stopped(agent, reply)

    @hookimpl
    async def kt_around_tool_call(
        self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        try:
            self.accounts.admit("calls")
        except LimitReached as error:
            # Raised here it would cancel the calls beside this one; so the turn ends before the next model call.
            self._refused = self._refused or error
            agent.record(Refused(f"{call.name} {call.id}", str(error), self.name))
            return ToolResult(call.id, [Text(f"not run: {error}")], is_error=True, name=call.name)
        return await next(call)

    def _warned(self, agent: Agent, request: Request) -> Request:
        """Return the request with a remark on what is nearly used up, which the history does not keep."""
        told = []
        for account in list(self.accounts.own.values()):
            for what, used, limit in account.news(self.config.warn_at):
                agent.record(BudgetWarning(account.scope, what, used, limit))
                told.append(f"{amount(what, used)} of {amount(what, limit)} {UNITS[what]} of this {account.scope}")
        if not told:
            return request
        text = f"[budget] Nearly used up: {'; '.join(told)}. Once it is, you are stopped: come to an end now."
        return replace(request, messages=[*request.messages, Message("user", [Text(text)])])

    def _stopped(self, agent: Agent, reply: Message) -> Message:
        """Return the reply without its calls where its text has a stop word, so that it is the turn's answer."""
        found = self._stop.search(reply.text) if self._stop is not None and reply.tool_calls else None
        if found is None:
            return reply
        for call in reply.tool_calls:
            agent.record(Refused(f"{call.name} {call.id}", f"the answer says {found[0]!r}", self.name))
        parts: list[Any] = [part for part in reply.parts if not isinstance(part, ToolCall)]
        return replace(reply, parts=parts, finish="stop", encoded=None)


def _today(agent: Agent) -> str:
    return datetime.fromtimestamp(agent.host.clock.time()).date().isoformat()


def _spent(before: Usage, after: Usage, reply: Message | None, calls: int) -> Spent:
    """Return what a request spent beyond the one model call that was counted before it; `calls` is how many it made."""
    spent = Spent(turns=max(calls - 1, 0), tokens=after.total - before.total)
    if not calls or (reply is None and not spent.tokens):
        return spent
    cost = None if reply is None or reply.usage is None else reply.usage.cost
    if reply is not None and cost is None:
        spent.unpriced = calls
    elif after.cost is not None and (before.cost is not None or not before.total):
        spent.usd = after.cost - (before.cost or 0.0)
    elif calls == 1 and cost is not None:
        spent.usd = cost  # an earlier call of the turn has no price, so its sum has none
    else:
        spent.unpriced = calls
    return spent
