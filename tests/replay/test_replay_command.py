"""kt replay: what it prints, and how it ends."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from kt import KTError, Plugins
from kt.errors import UsageError
from kt_replay.command import main
from kt_replay.report import LINES, Difference, ReplayReport


@pytest.fixture
def session(recording: Any) -> Path:
    async def record() -> None:
        async with recording([[("look", {"where": "the tree"})], "An owl.", "Bye."]) as agent:
            await agent.run("Look.")
            await agent.run("Bye.")

    asyncio.run(record())
    path: Path = recording.path
    return path


def run(*argv: object) -> int:
    """Run the command as `kt` does."""
    return main([str(a) for a in argv], Plugins())


def test_nothing_differs(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(session) == 0
    assert capsys.readouterr().out == "0 differences in 2 turns, 3 model calls, 1 tool call\n"
    assert run(session, "--until", 1) == 0
    assert capsys.readouterr().out == "0 differences in 1 turn, 2 model calls, 1 tool call\n"


def test_a_session_is_found_by_its_name(session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "home" / "sessions" / "20260101-120000-owler-ab12.ktlog"
    kept.parent.mkdir(parents=True)
    session.rename(kept)
    assert run("owler") == 0
    assert "0 differences" in capsys.readouterr().out


def test_a_plugin_makes_a_difference(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(session, "--plugin", "textcalls") == 1
    assert "turn 1, model call 1: system prompt\n" in capsys.readouterr().out
    assert run(session, "--plugin", "no:jobs", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report == {"turns": 2, "model_calls": 3, "tool_calls": 1, "differences": [], "left_out": []}


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["none"], 66),
        (["{session}", "--agent", "fox"], 66),
        (["{session}", "--until", "-1"], 66),
        (["{session}", "--plugin", "nonsense"], 78),
        (["{session}", "--live-tools", "once"], 2),
        (["{session}", "--wrong"], 2),
        ([], 2),
        (["{damaged}"], 65),
        (["{other}"], 65),
    ],
)
def test_errors_end_with_their_code(session: Path, tmp_path: Path, argv: list[str], code: int) -> None:
    files = {"session": session, "damaged": tmp_path / "damaged.ktlog", "other": tmp_path / "other.ktlog"}
    files["damaged"].write_bytes(session.read_bytes().replace(b"An owl.", b"A bird."))
    files["other"].write_text("no session")
    with pytest.raises(KTError) as raised:
        run(*(a.format(**files) for a in argv))
    assert raised.value.exit_code == code


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    printed = capsys.readouterr().out
    assert all(option in printed for option in ("--plugin", "--until", "--agent", "--live-tools", "--json"))


def test_a_long_or_hostile_difference_is_shown_in_short() -> None:
    was, now = "\n".join(map(str, range(100))), "\x1b[2J\u202e" + "x" * 500
    text = str(
        ReplayReport(1, 1, 0, [Difference(1, 1, "result", was, now), Difference(2, 0, "result", "a\nb", "a\nc")])
    )
    lines = text.splitlines()
    assert lines[0] == "turn 1, model call 1: result"
    assert lines[LINES + 1].strip().startswith("...")
    assert lines[-5:] == [
        "turn 2: result",
        "    a",
        "  - b",
        "  + c",
        "2 differences in 1 turn, 1 model call, 0 tool calls",
    ]
    assert "\x1b" not in text
    shown = str(ReplayReport(1, 1, 0, [Difference(1, 1, "result", None, now)])).splitlines()
    assert shown[2].startswith("  + \\x1b[2J\\u202e")
    assert len(shown[2]) < 220


def test_a_wrong_option_is_a_usage_error(session: Path) -> None:
    with pytest.raises(UsageError, match="unrecognized"):
        run(session, "--nonsense")
