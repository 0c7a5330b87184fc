"""What is on the screen first, and what has been imported by then."""

import json
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest

HEAVY = ("pydantic", "httpx2", "rich", "mcp", "fastapi", "prompt_toolkit", "textual", "typer", "yaml")
PROGRAM = """
import json, sys
import kt_cli.early as early
shown = early.show_prompt
def show():
    with open(sys.argv.pop(), "w") as file:
        json.dump([name for name in {heavy!r} if name in sys.modules], file)
    shown()
early.show_prompt = show
from kt_cli.main import main
main()
"""


@pytest.mark.parametrize("words", [["run", "--model", "scripted"], ["run", "--verbose"], []])
def test_nothing_heavy_is_imported_before_the_prompt(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text('model = "scripted"\n')
    loaded = tmp_path / "loaded.json"
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(heavy=HEAVY).replace("sys.argv.pop()", repr(str(loaded))))
    env: dict[str, Any] = {
        "KT_HOME": str(tmp_path / "home"),
        "HOME": str(tmp_path),
        "TERM": "xterm",
        "PATH": "/usr/bin",
    }
    child = pexpect.spawn(
        sys.executable, [str(program), *words], cwd=tmp_path / "work", env=env, timeout=60, dimensions=(24, 80)
    )
    child.expect("accept-edits")
    child.sendcontrol("d")
    child.expect(pexpect.EOF)
    child.close()
    assert (json.loads(loaded.read_text()), child.exitstatus) == ([], 0)
