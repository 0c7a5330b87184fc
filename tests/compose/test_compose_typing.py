"""Pipelines are typed: mypy accepts typing_cases.py, and refuses what does not fit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "typing_cases.py"
WRONG = '''"""What must be refused; each line says as what."""

from kt_compose import Step, agent, pure


def length(text: str) -> int:
    return len(text)


two = pure(length) & pure(length)
pure(length) >> pure(length)  # [operator]
pure(length).map(str.strip)  # [arg-type]
two.map(str.strip)  # [arg-type]
wrong: Step[int, int] = pure(length)  # [arg-type]
agent("general") >> (lambda answer: answer.colour)  # [attr-defined]
pure(length).fails_when(str.isdigit)  # [arg-type]
pure(length) * "3"  # [operator]
'''


@pytest.fixture(scope="module")
def mypy(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what mypy says of the cases, and of a file in which nearly every line is wrong."""
    wrong = tmp_path_factory.mktemp("typing") / "wrong_cases.py"
    wrong.write_text(WRONG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "--config-file", "pyproject.toml",
         "--cache-dir", str(wrong.parent / "cache"), str(CASES), str(wrong)],
        cwd=ROOT, env={**os.environ, "MYPYPATH": str(ROOT / "plugins" / "compose")},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ": error:" in line]


def test_the_cases_are_accepted(mypy: list[str]) -> None:
    assert [line for line in mypy if "typing_cases.py" in line] == []


def test_what_does_not_fit_is_refused_line_by_line(mypy: list[str]) -> None:
    expected = {n: line.partition("#")[2].strip() for n, line in enumerate(WRONG.splitlines(), 1) if "#" in line}
    said = {int(line.split(":")[1]): line for line in mypy if "wrong_cases.py" in line}
    assert {n: code for n, code in expected.items() if code not in said.get(n, "")} == {}, said
    assert said.keys() == expected.keys()
