"""What the tests of evals share: a creature with tools in a folder, its evals, and `kt eval` on scripts."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kt import Plugins
from kt_evals.command import main

CREATURE = """
prompt: You work with files.
tools: [read, write, bash, ask_user]
guards: [permissions, sandbox]
"""


@dataclass
class Bench:
    """A creature `c` with its evals, and `kt eval ./c` on a script."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def evals(self, text: str) -> Path:
        """Write the evals beside the creature."""
        (self.folder / "c" / "evals.yaml").write_text(text)
        return self.folder / "c" / "evals.yaml"

    def script(self, *steps: Any, name: str = "script") -> str:
        """Write a script; return its file. A step is a text or a list of (tool, arguments)."""
        file = self.folder / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps([step if isinstance(step, str) else [*map(_call, step)] for step in steps]))
        return str(file)

    def __call__(self, *words: str, ref: str = "c") -> tuple[int, str]:
        """Run kt eval; return its exit code and what it printed on standard output."""
        code = main([str(self.folder / ref), *words], Plugins())
        return code, self.capsys.readouterr().out

    def judged(self, checks: str, *steps: Any, files: str = "{}") -> dict[str, Any]:
        """Return the one run of a task with these checks, as JSON has it."""
        self.evals(f"tasks:\n  - {{name: one, prompt: Go., files: {files}, checks: {checks}}}\n")
        _, out = self("--scripted", self.script(*steps), "--json")
        (run,) = json.loads(out)["runs"]
        return dict(run)


def _call(call: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"tool": call[0], "args": call[1]}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    for name in ("KT_MODEL", "KT_LOCAL", "KT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "creature.yaml").write_text(CREATURE)
    return Bench(tmp_path, capsys)
