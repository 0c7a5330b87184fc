"""The ledger: what creatures and days have spent, for all processes of a user, whole or with an error."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kt import Host, Usage
from kt.errors import ConfigError, DataError, StoreError
from kt.testing import VirtualClock, running
from kt_budget.budget import Budget
from kt_budget.ledger import DAYS, Ledger, Rows, Spent
from kt_budget.settings import Bounds, Settings

DAY = 24 * 3600.0
ADD = """
import sys
from pathlib import Path
from kt_budget.ledger import Ledger, Spent

for _ in range(25):
    with Ledger(Path(sys.argv[1])).opened() as rows:
        rows.row("day", "2025-01-31").add(Spent(turns=1, usd=0.25))
        rows.row("creature", sys.argv[2]).add(Spent(tokens=3))
"""


def test_several_processes_lose_nothing(home: Path) -> None:
    file = home / "budget.json"
    processes = [subprocess.Popen([sys.executable, "-c", ADD, str(file), f"owl{n % 2}"]) for n in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    with Ledger(file).opened() as rows:
        assert rows.row("day", "2025-01-31") == Spent(turns=100, usd=25.0)
        assert [rows.row("creature", f"owl{n}").tokens for n in range(2)] == [150, 150]
    assert there(home) == ["budget.json", "budget.json.lock"]


def test_only_the_user_can_read_it(home: Path) -> None:
    old = os.umask(0)
    try:
        with Ledger(home / "budget.json").opened() as rows:
            rows.row("day", "2025-01-31").turns += 1
    finally:
        os.umask(old)
    assert [stat.S_IMODE(path.stat().st_mode) for path in sorted(home.iterdir())] == [0o600, 0o600]
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


async def spend(name: str, *, clock: VirtualClock | None = None, **scopes: Bounds) -> Any:
    """Run one turn of an agent of its own, as a process of its own would."""
    plugin = Budget(Settings(**scopes))  # type: ignore[arg-type]
    host = Host(clock=clock or VirtualClock())
    async with host, running(["fine"], creature={"name": name}, host=host, plugins=[plugin]) as agent:
        return await agent.run("go")


@pytest.mark.anyio
async def test_a_creatures_budget_outlives_its_agents_and_is_its_own() -> None:
    bounds = Bounds(max_turns=2)
    assert [(await spend("owl", creature=bounds)).status for _ in range(3)] == ["ok", "ok", "limit"]
    assert (await spend("fox", creature=bounds)).ok


@pytest.mark.anyio
async def test_a_day_is_shared_by_all_creatures_and_ends() -> None:
    clock, bounds = VirtualClock(100 * DAY), Bounds(max_turns=2)
    ends = [(await spend(name, clock=clock, day=bounds)).status for name in ("owl", "fox", "owl")]
    assert ends == ["ok", "ok", "limit"]
    await clock.advance(DAY)
    assert (await spend("owl", clock=clock, day=bounds)).ok


@pytest.mark.anyio
async def test_agents_of_one_process_share_the_ledger() -> None:
    results = await asyncio.gather(*[spend(f"a{n}", day=Bounds(max_turns=5)) for n in range(12)])
    assert sorted(result.status for result in results) == ["limit"] * 7 + ["ok"] * 5


@pytest.mark.anyio
async def test_what_cost_an_unknown_price_stays_unknown_in_the_ledger(paid: Any) -> None:
    ends = []
    for usage in (Usage(10, 1), Usage(10, 1, cost=0.1)):
        plugin = Budget(Settings(day=Bounds(max_usd=5)))
        async with running(paid(usage), plugins=[plugin]) as agent:
            ends.append((await agent.run("go")).error)
    assert ends[0] is None
    assert isinstance(ends[1], ConfigError)


@pytest.mark.anyio
async def test_no_ledger_without_a_bound_that_needs_one(home: Path) -> None:
    await spend("owl", turn=Bounds(max_turns=5), session=Bounds(max_turns=5))
    assert there(home) == []


def put(home: Path, text: str) -> Path:
    """Write the ledger of a home that is not there yet."""
    home.mkdir()
    (home / "budget.json").write_text(text)
    return home / "budget.json"


def text_of(file: Path) -> str:
    return file.read_text()


def there(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir()) if home.exists() else []


GOOD = {"version": 1, "creature": {}, "day": {"2025-01-31": {"turns": 1}}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        "\x00",
        json.dumps({**GOOD, "version": 2}),
        json.dumps({"version": 1, "day": {}}),
        json.dumps({**GOOD, "week": {}}),
        *(
            json.dumps({**GOOD, "day": {"2025-01-31": row}})
            for row in (
                None,
                [1],
                {"turns": "1"},
                {"turns": -1},
                {"turns": 1.5},
                {"turns": True},
                {"usd": float("nan")},
                {"usd": float("inf")},
                {"cents": 1},
                {"cents": 1.5},
            )
        ),
    ],
)
@pytest.mark.anyio
async def test_a_damaged_ledger_is_an_error_that_names_it_and_stays(home: Path, text: str) -> None:
    file = put(home, text)
    result = await spend("owl", day=Bounds(max_turns=5))
    assert isinstance(result.error, DataError)
    assert result.error.where == str(file)
    assert (result.status, result.turns) == ("failed", 0)
    assert text_of(file) == text


def test_a_good_ledger_is_read(home: Path) -> None:
    with Ledger(put(home, json.dumps(GOOD))).opened() as rows:
        assert rows.row("day", "2025-01-31") == Spent(turns=1)


@pytest.mark.anyio
async def test_a_folder_that_is_none_is_an_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home, "{}")
    monkeypatch.setenv("KT_HOME", str(home / "budget.json"))
    assert isinstance((await spend("owl", day=Bounds(max_turns=5))).error, StoreError)


def test_what_was_spent_is_written_also_where_something_is_raised(home: Path) -> None:
    ledger = Ledger(home / "budget.json")

    def spend_and_fail() -> None:
        with ledger.opened() as rows:
            rows.row("creature", "owl").turns += 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        spend_and_fail()
    with ledger.opened() as rows:
        assert rows.row("creature", "owl").turns == 1


def test_old_days_make_place() -> None:
    rows = Rows({"creature": {}, "day": {}})
    for day in range(50):
        rows.row("day", f"2025-{1 + day // 28:02}-{1 + day % 28:02}").turns = day
    assert len(rows.scopes["day"]) == DAYS
    assert min(row.turns for row in rows.scopes["day"].values()) == 50 - DAYS
    rows.row("day", "1999-01-01").turns = 7
    assert rows.row("day", "1999-01-01").turns == 7
