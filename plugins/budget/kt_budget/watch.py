"""The clock of a turn: it ends the turn when its time is used up, or nothing happens for too long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kt import Agent, Turn
from kt.errors import LimitReached
from kt.events import Event

from .accounts import Accounts
from .ledger import Spent


class Watch:
    """Tell how much time a turn took, and cancel it in time.

    `idle` is in seconds, None for any length of silence; `parent` is the watch of who gave the share: what happens
    here happens there too.
    """

    def __init__(self, accounts: Accounts, idle: float | None, parent: "Watch | None" = None) -> None:
        self.accounts, self.idle, self.parent = accounts, idle, parent
        self._now: Callable[[], float] | None = None
        self._charged = self._touched = 0.0

    @contextmanager
    def of(self, agent: Agent, turn: Turn) -> Iterator[None]:
        """Watch a turn, and charge the time it took at the end."""
        self._now = agent.host.clock.time
        self._charged = self._touched = self._now()
        self.accounts.refresh()
        off = agent.bus.on(Event, lambda event: self.touch()) if self._someone_waits else None
        task = agent.host.spawn(self._run(agent, turn), name=f"{agent.name} budget") if self._deadlines() else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
            if off is not None:
                off()
            took, self._now = self.seconds(), None
            self.accounts.charge(Spent(seconds=took))

    def seconds(self) -> float:
        """Return the seconds since this was last called, or the turn began; to be charged."""
        if self._now is None:
            return 0.0
        now = self._now()
        took, self._charged = max(0.0, now - self._charged), now
        return took

    def touch(self) -> None:
        """Note that something happened."""
        if self._now is not None:
            self._touched = self._now()
        if self.parent is not None:
            self.parent.touch()

    @property
    def _someone_waits(self) -> bool:
        return self.idle is not None or (self.parent is not None and self.parent._someone_waits)

    def _deadlines(self) -> list[tuple[float, LimitReached]]:
        """Return what may end the turn, and in how many seconds."""
        if self._now is None:
            return []
        now, found = self._now(), []
        for account in self.accounts.own.values():
            if (left := account.left("seconds")) is not None:
                left -= now - self._charged
                found.append((left, account.reached("seconds", account.bounds.of("seconds"))))
        if self.idle is not None:
            what = f"nothing happened for {self.idle:g} seconds"
            found.append((self._touched + self.idle - now, LimitReached(what, where="budget: idle_seconds")))
        return found

    async def _run(self, agent: Agent, turn: Turn) -> None:
        while True:
            left, why = min(self._deadlines(), key=lambda deadline: deadline[0])
            if left <= 0:
                turn.cancel(why)
                return
            await agent.host.clock.sleep(left)
