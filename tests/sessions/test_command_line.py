"""kt sessions and kt cost as commands: what they accept, what they import, how they fail."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kt import Plugins
from kt.errors import UsageError
from kt_sessions.command import KEYS, cost, sessions
from kt_sessions.spending import KEYS as SPENDING_KEYS

COMMANDS = ("list", "show", "rm", "export", "fork", "rewind", "check", "repair", "pending", "answer", "stats")
KT = str(Path(sys.executable).with_name("kt"))


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sessions([command, "--help"], Plugins()) == 0
    assert capsys.readouterr().out.lower().startswith(f"usage: kt sessions {command} ")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "COMMAND"),
        (["lift"], "invalid choice: 'lift'"),
        (["list", "--limit", "0"], "argument --limit: 0 is too few"),
        (["list", "--limit", "many"], "invalid number value: 'many'"),
        (["show", "a", "--turn", "-3"], "argument --turn: -3 is less than 0"),
        (["export", "a", "--format", "pdf"], "invalid choice: 'pdf'"),
        (["rm"], "SESSION"),
        (["answer", "a", "b"], "ANSWER"),
        (["list", "surplus"], "surplus"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(words: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError) as raised:
        sessions(words, Plugins())
    assert what in raised.value.what
    assert raised.value.hint.startswith("kt sessions")
    assert capsys.readouterr() == ("", "")


def test_cost_names_what_it_can_sort_by(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="invalid choice: 'moon'"):
        cost(["--by", "moon"], Plugins())
    assert cost(["--help"], Plugins()) == 0
    assert tuple(SPENDING_KEYS) == KEYS


def test_a_help_reads_no_session(tmp_path: Path) -> None:
    program = (
        "import sys; from kt import Plugins; from kt_sessions.command import sessions; "
        "sessions(['--help'], Plugins()); "
        "assert not {'sqlite3', 'pydantic', 'asyncio'} & set(sys.modules), set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)


def kt(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "KT_HOME": str(home), "PYTHONWARNINGS": "error"}
    return subprocess.run([KT, *words], env=env, capture_output=True, text=True, check=False, cwd=home)


def test_a_run_is_kept_listed_told_and_counted(tmp_path: Path) -> None:
    (tmp_path / "script.json").write_text(json.dumps(["Hello there."]))
    (tmp_path / "c.yaml").write_text("name: greeter\n")
    path = str(tmp_path / "sessions" / "first.ktlog")
    run = kt(tmp_path, "run", "./c.yaml", "Say hello", "--scripted", "script.json", "--session", path)
    assert (run.returncode, run.stdout) == (0, "Hello there.\n"), run.stderr
    (found,) = json.loads(kt(tmp_path, "sessions", "list", "--json").stdout)
    assert (found["session"], found["creature"], found["title"]) == ("first", "greeter", "Say hello")
    shown = kt(tmp_path, "sessions", "show")
    assert "> Say hello" in shown.stdout.splitlines()
    assert "Hello there." in kt(tmp_path, "sessions", "export", "first").stdout
    total = json.loads(kt(tmp_path, "cost", "--json").stdout)["total"]
    assert (total["calls"], total["unpriced"], total["cost"]) == (1, 1, None)


def test_errors_are_one_line_and_a_code(tmp_path: Path) -> None:
    for words, code in ((("sessions", "show", "nothing"), 66), (("sessions", "lift"), 2), (("cost", "--days", "0"), 2)):
        done = kt(tmp_path, *words)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (code, "", 1)
        assert done.stderr.startswith("error[E-")
