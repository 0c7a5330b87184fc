"""Laws of accounts: every account holds the sum of what was spent below it, and one that is used up admits nothing."""

from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from kt.errors import LimitReached
from kt_budget.accounts import NEEDS, Account, Accounts
from kt_budget.ledger import Ledger, Spent
from kt_budget.settings import Bounds

bound = st.none() | st.integers(1, 12)
bounds = st.builds(Bounds, bound, bound, bound, bound)
tree = st.lists(st.tuples(st.integers(0, 30), bounds), min_size=1, max_size=6)
"""(number of the parent, modulo those there are; its bounds): the first one hangs below the root."""

spending = st.builds(Spent, tokens=st.integers(0, 5), usd=st.integers(0, 5).map(float))
action = st.tuples(st.integers(0, 30), st.sampled_from(["turns", "calls"]) | spending)


def planted(folder: str, root: Bounds, shares: list[tuple[int, Bounds]]) -> list[tuple[Accounts, int | None]]:
    """Return a tree of accounts, each with the number of its parent; the root keeps one in a ledger."""
    top = Accounts(Account("session", root, allow_unknown=True))
    top.keep(Ledger(Path(folder) / "budget.json"), Account("day", root, allow_unknown=True, key=lambda: "today"))
    out: list[tuple[Accounts, int | None]] = [(top, None)]
    for number, limits in shares:
        above = number % len(out)
        out.append((Accounts(Account("share", limits, allow_unknown=True), parent=out[above][0]), above))
    return out


def line(nodes: list[tuple[Accounts, int | None]], number: int | None) -> list[int]:
    """Return the number of a node and those of all above it."""
    return [] if number is None else [number, *line(nodes, nodes[number][1])]


def is_full(spent: Spent, limits: Bounds, what: str) -> bool:
    return any((most := limits.of(kind)) is not None and spent.of(kind) >= most for kind in NEEDS[what])


@given(bounds, tree, st.lists(action, max_size=40))
@settings(max_examples=60, deadline=None)
def test_accounts_are_sums_and_nothing_is_admitted_once_one_is_used_up(
    root: Bounds, shares: list[tuple[int, Bounds]], actions: list[tuple[int, str | Spent]]
) -> None:
    with TemporaryDirectory() as folder:
        nodes = planted(folder, root, shares)
        limits = [root, *(own for _, own in shares)]
        sums = [Spent() for _ in nodes]
        for chosen, act in actions:
            number = chosen % len(nodes)
            above = line(nodes, number)
            if isinstance(act, Spent):
                nodes[number][0].charge(act)
                made = act
            else:
                expected = not any(is_full(sums[n], limits[n], act) for n in above)
                try:
                    nodes[number][0].admit(act)
                    admitted = True
                except LimitReached:
                    admitted = False
                assert admitted is expected
                made = Spent(**{act: 1}) if admitted else Spent()
            for n in above:
                sums[n].add(made)
        for (accounts, _), total in zip(nodes, sums, strict=True):
            assert next(iter(accounts.own.values())).used == total
        with Ledger(Path(folder) / "budget.json").opened() as rows:
            assert rows.row("day", "today") == sums[0]


@given(st.lists(st.builds(Spent, *[st.integers(0, 9)] * 3, st.floats(0, 9), st.floats(0, 9), st.integers(0, 9))))
def test_a_sum_is_that_of_each_kind(parts: list[Spent]) -> None:
    total = Spent()
    for part in parts:
        total.add(part)
    assert all(getattr(total, f.name) == sum(getattr(part, f.name) for part in parts) for f in fields(Spent))
