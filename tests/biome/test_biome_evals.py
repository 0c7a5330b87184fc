"""The evals of the pack: a good run of each task passes all of its checks, a bad one fails."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kt import Host, Plugins, Request
from kt.testing import ScriptedLLM
from kt_evals.document import file_of, load
from kt_evals.play import Report, play
from kt_evals.stage import Stage
from kt_evals.tasks import Task

pytestmark = pytest.mark.anyio

CREATURES = ("general", "swe", "reviewer", "researcher", "ops", "root")
PLAYS: dict[str, dict[str, Any]] = {
    name: yaml.safe_load((Path(__file__).parent / "plays" / f"{name}.yaml").read_text()) for name in CREATURES
}
PLACE = re.compile(r"You are ([\w-]+), one of several creatures")


def reference(creature: str) -> str:
    return f"@kt-biome/creatures/{creature}"


def tasks_of(creature: str) -> list[Task]:
    plugins = Host().plugins
    return load(file_of(plugins, reference(creature)), plugins.registry)


def scripted(steps: Any) -> ScriptedLLM:
    """Return a model that plays steps as a script has them, or those of each creature of a team by its name."""
    if isinstance(steps, list):
        return ScriptedLLM(map(played, steps))
    left = {name: iter(map(played, own)) for name, own in steps.items()}

    def step(request: Request) -> Any:
        place = PLACE.search(request.system)
        return next(left[place[1] if place else "root"])

    return ScriptedLLM(step)


def played(step: Any) -> Any:
    return step if isinstance(step, str) else [(call["tool"], call.get("args") or {}) for call in step]


async def run(creature: str, task: Task, how: str) -> Report:
    plugins = Plugins()
    stage = Stage(plugins, reference(creature), llm=scripted(PLAYS[creature][task.name][how]))
    stage.prepare()
    async with Host(plugins) as host:
        return await play(stage, host, task)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out."""
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("KT_MODEL", raising=False)


EVERY = [pytest.param(creature, name, id=f"{creature}-{name}") for creature in CREATURES for name in PLAYS[creature]]


@pytest.mark.parametrize("creature", CREATURES)
def test_every_creature_has_evals_and_every_eval_is_played(creature: str) -> None:
    tasks = tasks_of(creature)
    assert 4 <= len(tasks) <= 8
    assert [task.name for task in tasks] == list(PLAYS[creature])
    assert all(len(task.judges) >= 2 or "equals" in str(task.judges[0]) for task in tasks)


@pytest.mark.parametrize(("creature", "name"), EVERY)
async def test_a_good_run_passes(creature: str, name: str) -> None:
    task = next(task for task in tasks_of(creature) if task.name == name)
    report = await run(creature, task, "right")
    assert report.status == "ok", report.error
    assert [(str(v.judge), v.why) for v in report.verdicts if v.why] == []


@pytest.mark.parametrize(("creature", "name"), EVERY)
async def test_a_bad_run_fails(creature: str, name: str) -> None:
    task = next(task for task in tasks_of(creature) if task.name == name)
    report = await run(creature, task, "wrong")
    assert report.status == "ok", report.error
    assert [v.why for v in report.verdicts if v.why]
