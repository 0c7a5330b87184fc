"""Settings that fit nothing are errors; the options of `kt run` enable the plugin."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Plugins
from kt.errors import PluginError, UsageError
from kt.testing import ScriptedLLM
from kt_budget import options
from kt_budget.settings import Bounds, Settings
from kt_cli.settings import RunSettings

pytestmark = pytest.mark.anyio


async def built(settings: Any) -> Agent:
    return await Agent.build({}, llm=ScriptedLLM(["fine"]), plugins=[{"budget": settings}])


@pytest.mark.parametrize(
    "table",
    [
        {"turn": {"max_turns": 0}},
        {"turn": {"max_tokens": -5}},
        {"session": {"max_usd": float("nan")}},
        {"day": {"max_seconds": float("inf")}},
        {"creature": {"max_calls": 1.5}},
        {"turn": {"max_dollars": 5}},
        {"week": {"max_usd": 5}},
        {"turn": 5},
        {"max_usd": 0},
        {"max_calls": -1},
        {"idle_seconds": 0},
        {"warn_at": 0},
        {"warn_at": 1.2},
        {"stop_words": [" "]},
        {"stop_words": "DONE"},
        {"unknown_price": "ignore"},
    ],
    ids=str,
)
async def test_settings_that_fit_nothing_are_refused(table: Any) -> None:
    with pytest.raises(PluginError, match="budget"):
        await built(table)


async def test_settings_are_read_by_scope_and_the_short_ones_are_the_turns() -> None:
    agent = await built({"turn": {"max_turns": 7, "max_usd": 5}, "day": {"max_usd": 2.5}, "max_usd": 0.5})
    config = agent.plugin("budget").config
    assert config.turn == Bounds(max_turns=7, max_usd=0.5)
    assert (config.day, config.session) == (Bounds(max_usd=2.5), Bounds())


def test_defaults_bound_nothing() -> None:
    made = Settings()
    assert not any(scope.any for scope in (made.turn, made.session, made.creature, made.day))


def settings_of(tmp_path: Path) -> RunSettings:
    return RunSettings(Plugins(), cwd=tmp_path, profile="default", use=[])


def test_options_enable_the_plugin_and_leave_each_other_alone(tmp_path: Path) -> None:
    run = settings_of(tmp_path)
    options.max_usd(run, "0.5")
    options.max_calls(run, "3")
    options.idle_seconds(run, "60")
    assert run.uses == [{"budget": {"max_usd": 0.5}}, {"budget": {"max_calls": 3}}, {"budget": {"idle_seconds": 60.0}}]


@pytest.mark.parametrize("option", [options.max_usd, options.max_calls, options.idle_seconds])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e12", "many", ""])
def test_an_option_out_of_range_is_a_usage_error(tmp_path: Path, option: Any, value: str) -> None:
    with pytest.raises(UsageError) as raised:
        option(settings_of(tmp_path), value)
    assert raised.value.exit_code == 2


def test_half_a_call_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="whole number"):
        options.max_calls(settings_of(tmp_path), "1.5")


def kt(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from kt_cli.main import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def test_the_command_line_bounds_a_run(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text('def look() -> str:\n    """Look."""\n    return "seen"\n')
    (tmp_path / "creature.toml").write_text('tools = ["tools.py:look"]\n')
    script = tmp_path / "script.json"
    script.write_text('[[{"tool": "look", "args": {}}], [{"tool": "look", "args": {}}], "never said"]')
    words = ("run", str(tmp_path), "go", "--scripted", str(script))
    done = kt(*words, "--max-calls", "1")
    assert done.returncode == 3, done.stderr
    assert "error[E-LIMIT]: the turn's budget is used up: 1 of 1 tool calls (budget: turn.max_calls)" in done.stderr
    bad = kt(*words, "--max-usd", "-3")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "error[E-USAGE]: --max-usd -3 is out of range. hint: give a positive number" in bad.stderr
