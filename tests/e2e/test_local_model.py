"""The local model does small jobs with real tools: `pytest -m slow tests/e2e/test_local_model.py`, 15 minutes."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

TASKS: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("local_tasks.toml").read_text())["task"]
NEEDED = 12
KT = Path(sys.executable).with_name("kt")


def run(task: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run one task through the command line; return its result object."""
    for name, text in task["files"].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    words = [str(KT), "run", "--local", "--output", "json", "--max-turns", "12", "--time-limit", "240", task["prompt"]]
    environment = {**os.environ, "KT_HOME": str(folder.parent / "home")}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def passed(task: dict[str, Any], result: dict[str, Any], folder: Path) -> bool:
    """Judge from outside: the answer's text and the files that are there."""
    said = str(result["text"]).lower()
    if not result["tool_calls"]:
        return False
    if "answer" in task and not any(a.lower() in said for a in task["answer"]):
        return False
    if not all(a.lower() in said for a in task.get("also", ())):
        return False
    made = {name: folder / name for name in task.get("file", {})}
    return all(path.is_file() and task["file"][name] in path.read_text() for name, path in made.items())


@pytest.mark.slow
def test_the_local_model_does_at_least_twelve_of_twenty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(TASKS) == 20
    score = 0
    for number, task in enumerate(TASKS):
        folder = tmp_path / f"task{number}" / "work"
        folder.mkdir(parents=True)
        result = run(task, folder)
        ok = passed(task, result, folder)
        score += ok
        with capsys.disabled():
            names = ", ".join(c["name"] for c in result["tool_calls"])
            print(
                f"\n{'ok  ' if ok else 'FAIL'} {task['name']} [{names}] {result['duration']:.0f} s", end="", flush=True
            )
            if not ok:
                print(f"\n     {result['status']}: {result['text'][:200]!r}", end="", flush=True)
    with capsys.disabled():
        print(f"\nscore: {score} of {len(TASKS)}")
    assert score >= NEEDED
