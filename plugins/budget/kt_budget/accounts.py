"""What was spent and what may be: the accounts of a budget, and of those it is a share of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from kt.errors import ConfigError, LimitReached

from .ledger import Ledger, Spent
from .settings import Bounds

UNITS = {"turns": "model calls", "calls": "tool calls", "tokens": "tokens", "usd": "USD", "seconds": "seconds"}
NEEDS = {"turns": ("turns", "tokens", "usd", "seconds"), "calls": ("calls",)}
"""What must not be used up for one more model call, and for one more tool call."""

DUST = 1e-9
"""Sums of money and time are floats: ten times 0.1 USD use up 1 USD."""


def amount(what: str, value: float) -> str:
    """Return a figure as it is shown: whole numbers with commas, money and time with what they need of digits."""
    if what in ("usd", "seconds"):
        return f"{value:,.6f}".rstrip("0").rstrip(".") if what == "usd" else f"{value:,.1f}".removesuffix(".0")
    return f"{value:,.0f}"


@dataclass(slots=True, eq=False)
class Account:
    """One scope's bounds and what was spent of them.

    `key` names the row of the ledger that keeps the account; an account without one lives in memory.
    """

    scope: str
    bounds: Bounds
    allow_unknown: bool = False
    key: Callable[[], str] | None = None
    used: Spent = field(default_factory=Spent)
    told: set[tuple[str, str]] = field(default_factory=set)

    def check(self, what: str) -> None:
        """Raise LimitReached where one more model call ("turns") or tool call ("calls") is too much.

        Raises ConfigError where money is bounded and what was spent is unknown.
        """
        for kind in NEEDS[what]:
            if (left := self.left(kind)) is not None and left <= DUST:
                raise self.reached(kind)
        if "usd" in NEEDS[what] and self.bounds.max_usd is not None and self.used.unpriced and not self.allow_unknown:
            raise ConfigError(
                f"the {self.scope} may cost {amount('usd', self.bounds.max_usd)} USD, "
                f"but what {self.used.unpriced:,} of its model calls cost is unknown",
                where=f"budget: {self.scope}.max_usd",
                hint="enable the plugin prices and give the model a price, or set unknown_price = 'allow'",
            )

    def left(self, what: str) -> float | None:
        """Return what may still be spent, 0 or less where it is used up; None is no bound."""
        bound = self.bounds.of(what)
        return None if bound is None else bound - self.used.of(what)

    def reached(self, what: str, used: float | None = None) -> LimitReached:
        """Return the error of a bound that is reached."""
        spent, bound = self.used.of(what) if used is None else used, self.bounds.of(what) or 0
        return LimitReached(
            f"the {self.scope}'s budget is used up: {amount(what, spent)} of {amount(what, bound)} {UNITS[what]}",
            where=f"budget: {self.scope}.max_{what}",
        )

    def news(self, warn_at: float) -> Iterator[tuple[str, float, float]]:
        """Yield (what, used, limit) of each bound of which the part `warn_at` is used; each once."""
        row = self.key() if self.key is not None else ""
        for what in UNITS:
            bound, used = self.bounds.of(what), self.used.of(what)
            if bound is not None and used + DUST >= warn_at * bound and (row, what) not in self.told:
                self.told.add((row, what))
                yield what, used, bound


class Accounts:
    """The accounts of one budget by scope, and through `parent` those of the budget it is a share of.

    Nothing is awaited between a check and its count, so agents that run at once can't pass the same check twice.
    """

    def __init__(self, *own: Account, parent: "Accounts | None" = None) -> None:
        self.own = {account.scope: account for account in own}
        self.parent = parent
        self.ledger: Ledger | None = None if parent is None else parent.ledger

    def keep(self, ledger: Ledger, *accounts: Account) -> None:
        """Add accounts that are rows of a ledger."""
        self.ledger = ledger
        self.own |= {account.scope: account for account in accounts}

    def line(self) -> Iterator[Account]:
        """Yield every account that pays: the own ones, then those of parent, grandparent ..."""
        yield from self.own.values()
        if self.parent is not None:
            yield from self.parent.line()

    def admit(self, what: str, seconds: float = 0.0) -> None:
        """Count one model call ("turns") or tool call ("calls") before it is made, and `seconds` whatever happens.

        Raises LimitReached, and nothing is counted, where one of the accounts is used up; ConfigError where it is
        unknown what was spent.
        """
        with self.opened():
            self._add(Spent(seconds=seconds))
            for account in self.line():
                account.check(what)
            self._add(Spent(turns=1) if what == "turns" else Spent(calls=1))

    def charge(self, spent: Spent) -> None:
        """Add what was spent to every account."""
        with self.opened():
            self._add(spent)

    def _add(self, spent: Spent) -> None:
        for account in self.own.values():
            account.used.add(spent)
        if self.parent is not None:
            # Who gave the share waits, and its own clock runs meanwhile.
            self.parent._add(replace(spent, seconds=0.0))

    def left(self, what: str) -> float | None:
        """Return what every account still allows; None is no bound. Raises LimitReached where nothing is left."""
        with self.opened():
            found = [(left, account) for account in self.line() if (left := account.left(what)) is not None]
        if not found:
            return None
        least, account = min(found, key=lambda pair: pair[0])
        if least <= DUST:
            raise account.reached(what)
        return least

    def refresh(self) -> None:
        """Take over from the ledger what other processes spent."""
        with self.opened():
            return

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the ledger, if there is one: the accounts it keeps are its rows, and are written at the end."""
        kept = [(account, account.key) for account in self.line() if account.key is not None]
        if self.ledger is None or not kept:
            yield
            return
        with self.ledger.opened() as rows:
            for account, key in kept:
                account.used = rows.row(account.scope, key())
            yield
