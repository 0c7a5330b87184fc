"""A team that is killed at any moment and resumed until it ends comes to what an undisturbed run comes to."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

TEAM = Path(__file__).with_name("team.py")
MOST = 60
SEED = 20


def begin(folder: Path, kind: str, how: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(TEAM), str(folder), kind, how],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONWARNINGS": "error"},
    )  # fmt: skip


def ended(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Return what a run came to."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err[-3000:]
    outcome: dict[str, Any] = json.loads(out.splitlines()[-1])
    return outcome


def killed(process: "subprocess.Popen[str]", folder: Path, after: float) -> bool:
    """Kill a run some seconds after it began its work; return whether it was at its end before."""
    while process.poll() is None and not (folder / "began").exists():
        time.sleep(0.001)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False
    assert process.returncode == 0, process.communicate()[1][-3000:]
    return True


def undisturbed(folder: Path, kind: str) -> tuple[dict[str, Any], list[str], float]:
    """Return what a run comes to that nobody kills, what it built, and how long its work took."""
    folder.mkdir()
    process = begin(folder, kind, "start")
    while not (folder / "began").exists():
        time.sleep(0.001)
    began = time.monotonic()
    outcome = ended(process)
    return outcome, (folder / "built").read_text().splitlines(), time.monotonic() - began


def compare(folder: Path, outcome: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Compare with the undisturbed run: who was told what, in which order from each sender, and the answer."""
    assert outcome["answer"] == wanted["answer"]
    for name, told in wanted["told"].items():
        got = outcome["told"][name]
        assert not [text for text, times in Counter(got).items() if times > 1], f"{name} was told twice: {got}"
        assert got == told, name  # every creature has one sender, so the order is that of the whole


def kill_and_resume(folder: Path, kind: str, kills: int) -> None:
    """Kill runs until there were so many kills; each run goes on until it ends."""
    wanted, built, seconds = undisturbed(folder / "calm", kind)
    chance, done, runs = random.Random(SEED), 0, 0
    while done < kills and runs < MOST * kills:
        here = folder / f"run{runs}"
        here.mkdir()
        runs += 1
        process = begin(here, kind, "start")
        for _ in range(1 + runs % 4):
            if killed(process, here, chance.uniform(0, seconds)):
                break
            done += 1
            (here / "began").unlink(missing_ok=True)
            process = begin(here, kind, "resume")
        outcome = ended(process)
        compare(here, outcome, wanted)
        parts = (here / "built").read_text().splitlines()
        assert max(Counter(parts).values()) == 1, parts  # what has an effect once had it once
        assert set(parts) <= set(built)
    assert done >= kills


@pytest.mark.parametrize("kind", ["recipe", "engine"])
def test_twenty_kills(tmp_path: Path, kind: str) -> None:
    kill_and_resume(tmp_path, kind, 10)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["recipe", "engine"])
def test_a_hundred_kills(tmp_path: Path, kind: str) -> None:
    kill_and_resume(tmp_path, kind, 50)
