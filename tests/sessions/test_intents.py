"""A run of many steps, killed between an effect and its record: nothing that may happen once happens twice."""

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from kt import SessionReader, ToolResult
from kt_sessions.check import check

WHEN = ("before", "after", "recorded")
UNKNOWN = "outcome is unknown"


def planned(total: int, chance: random.Random) -> dict[str, str]:
    """Return where the run is killed: about each fourth step, before its effect, after it, or once that is recorded."""
    return {str(step): chance.choice(WHEN) for step in range(1, total + 1) if chance.random() < 0.25}


def run_to_the_end(start: Any, folder: Path, total: int, plan: dict[str, str], chance: random.Random) -> int:
    """Run the steps again and again until it says that they are all done; return how often it was killed."""
    kills = 0
    while True:
        victim = start("steps", folder / "s.ktlog", folder / "effects", total, json.dumps(plan))
        if kills % 3 == 2:
            victim.read(chance.randint(1, 40))
            victim.kill()
        victim.ended()
        if "FINISHED" in victim.lines:
            return kills
        assert victim.process.returncode == -9, victim.lines[-3:]
        kills += 1


def effects_of(folder: Path) -> dict[int, list[tuple[str, str]]]:
    """Return (tool, call id) of each time a step had its effect."""
    found = defaultdict(list)
    for line in (folder / "effects").read_text().splitlines():
        step, name, id = line.split(" ")
        found[int(step)].append((name, id))
    return found


def verify_steps(folder: Path, total: int, plan: dict[str, str]) -> None:
    with SessionReader(folder / "s.ktlog") as reader:
        history = reader.conversation()
        resumed = [event.body for event in reader.events(kinds=["session_resumed"])]
    calls = [call for m in history for call in m.tool_calls]
    parts = [part for m in history for part in m.parts if isinstance(part, ToolResult)]
    assert [call.id for call in calls] == [part.call_id for part in parts] == [f"s{n}" for n in range(1, total + 1)]
    names, results = {call.id: call.name for call in calls}, {part.call_id: part for part in parts}

    effects = effects_of(folder)
    twice = {step: done for step, done in effects.items() if len(done) > 1}
    assert [step for step, done in twice.items() if done[0][0] == "once"] == []
    assert all(len(set(done)) == 1 for done in twice.values()), "a repeated call has another id"

    unknown = {id for id, result in results.items() if UNKNOWN in result.text}
    assert unknown == {said[said.index("(") + 1 : -1] for body in resumed for said in body.get("unknown", ())}
    assert {names[id] for id in unknown} <= {"once"}
    for id, result in results.items():
        if id in unknown:
            assert result.is_error
        else:
            assert result.text == f"step {id[1:]} is done"
            assert effects[int(id[1:])]
    verify_plan(plan, names, unknown, effects)
    assert check(folder / "s.ktlog").problems == []


def verify_plan(
    plan: dict[str, str], names: dict[str, str], unknown: set[str], effects: dict[int, list[tuple[str, str]]]
) -> None:
    """Say that each planned kill came to what it must: unknown for `once`, done again for what may be."""
    for step, when in plan.items():
        id, done = f"s{step}", len(effects.get(int(step), ()))
        if names[id] != "once":
            assert done >= 1
        elif when == "recorded":
            assert (id in unknown, done) in ((False, 1), (True, 1), (True, 0))
        else:
            assert id in unknown
            assert done <= (when == "after")


def repeat(start: Any, folder: Path, total: int, seed: int) -> int:
    chance = random.Random(seed)
    plan = planned(total, chance)
    kills = run_to_the_end(start, folder, total, plan, chance)
    verify_steps(folder, total, plan)
    return kills


def test_no_effect_is_repeated_over_40_steps(start: Any, tmp_path: Path) -> None:
    assert repeat(start, tmp_path, 40, 7) > 5


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_effect_is_repeated_over_300_steps(start: Any, tmp_path: Path, seed: int) -> None:
    assert repeat(start, tmp_path, 300, seed) > 40


def test_the_model_and_the_user_hear_what_is_unknown(start: Any, tmp_path: Path) -> None:
    first = start("steps", tmp_path / "s.ktlog", tmp_path / "effects", 3, json.dumps({"2": "after"}))
    assert first.ended() == -9
    second = start("steps", tmp_path / "s.ktlog", tmp_path / "effects", 3, "{}")
    assert second.ended() == 0
    assert second.said("RESUMED") == ["once (s2)"]
    assert effects_of(tmp_path)[2] == [("once", "s2")]


def test_what_may_run_again_runs_again_with_the_same_id(start: Any, tmp_path: Path) -> None:
    for step, name in ((1, "look"), (5, "put")):
        folder = tmp_path / name
        folder.mkdir()
        assert start("steps", folder / "s.ktlog", folder / "effects", 6, f'{{"{step}": "after"}}').ended() == -9
        again = start("steps", folder / "s.ktlog", folder / "effects", 6, "{}")
        assert again.ended() == 0
        assert again.said("RESUMED") == [""]
        assert effects_of(folder)[step] == [(name, f"s{step}"), (name, f"s{step}")]
