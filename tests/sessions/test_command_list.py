"""kt sessions list and show: what is told of sessions, whatever state they are in."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kt
import pytest
from kt import Plugins, ToolNeeds
from kt.errors import KTError, NotFound
from kt.testing import running
from kt_sessions.command import sessions
from kt_sessions.errors import SessionDamaged
from kt_sessions.lines import columns_of, cut, inert, one_line
from kt_sessions.listing import is_running, summary
from kt_sessions.rewind import rewind

Run = Callable[..., str]

KILLED = """
import asyncio, os, signal, sys
from kt import tool
from kt.testing import running

@tool
async def die() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""

async def main() -> None:
    async with running(["fine", [("die", {})]], tools=[die], session=sys.argv[1], creature={"name": "mayfly"}) as agent:
        await agent.run("first")
        await agent.run("second")

asyncio.run(main())
"""


@kt.tool(effect="read", needs=ToolNeeds(reads=()))
def echo(text: str) -> str:
    if text == "fail":
        raise ValueError("it failed")
    return text


@kt.tool
async def ask(ctx: kt.Context[None]) -> str:
    return str(await ctx.ask("sure?", ["yes", "no"]))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of the user's sessions, with the clock set to a zone."""
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield tmp_path / "home" / "sessions"
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], folder: Path) -> Run:
    """Return what runs `kt sessions` and returns what it prints."""

    def run(*words: str) -> str:
        capsys.readouterr()
        assert sessions(list(words), Plugins()) == 0
        return capsys.readouterr().out

    return run


def keep(path: Path, steps: list[Any], *says: str, wait: bool = False, **options: Any) -> None:
    """Keep a session of turns."""

    async def talk() -> None:
        async with running(steps, session=path, tools=[echo, ask], **options) as agent:
            agent.questions.wait = wait
            for text in says:
                await agent.run(text)

    asyncio.run(talk())


def listed(run: Run, *words: str) -> dict[str, dict[str, Any]]:
    """Return what `kt sessions list --json` tells, by name, in its order."""
    return {data["session"]: data for data in json.loads(run("list", "--json", *words))}


def test_a_session_is_one_line_with_its_first_words(run: Run, folder: Path) -> None:
    keep(folder / "a.ktlog", ["one", "two"], "Fix  the\nparser", "and more", creature={"name": "owl"})
    (line,) = run("list").splitlines()
    assert line.startswith("a  ")
    assert line.split("  ", 2)[2].split() == ["owl", "scripted", "2", "turns", "Fix", "the", "parser"]
    data = listed(run)["a"]
    assert (data["creature"], data["model"], data["turns"], data["title"]) == ("owl", "scripted", 2, "Fix  the\nparser")
    assert (data["state"], data["questions"], data["problem"]) == ("ended", 0, "")
    assert 0 < data["started"] < data["changed"] <= time.time()


def test_the_newest_come_first_and_the_others_are_counted(
    run: Run, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b", "c", "a"):
        keep(folder / f"{name}.ktlog", ["x"], name)
    assert list(listed(run)) == ["a", "c", "b"]
    assert list(listed(run, "--limit", "2")) == ["a", "c"]
    assert sessions(["list", "--limit", "2"], Plugins()) == 0
    assert "1 older session not shown" in capsys.readouterr().err


def test_reading_a_session_makes_it_no_newer(run: Run, folder: Path) -> None:
    for name in ("old", "new"):
        keep(folder / f"{name}.ktlog", ["x"], name)
    run("show", "old")
    assert list(listed(run)) == ["new", "old"]


def test_no_session_is_said_on_stderr(run: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--json") == "[]\n"
    assert sessions(["list"], Plugins()) == 0
    assert capsys.readouterr() == ("", "there is no session yet\n")


def test_damaged_files_are_named_and_the_others_listed(run: Run, folder: Path) -> None:
    keep(folder / "good.ktlog", ["x"], "hello")
    (folder / "foreign.ktlog").write_bytes(b"SQLite format 3\0" + b"?" * 4000)
    keep(folder / "torn.ktlog", ["x"], "hello")
    torn = (folder / "torn.ktlog").read_bytes()
    (folder / "torn.ktlog").write_bytes(torn[: len(torn) // 2])
    states = {name: data["state"] for name, data in listed(run).items()}
    assert states == {"good": "ended", "foreign": "damaged", "torn": "damaged"}
    assert all(data["problem"] for name, data in listed(run).items() if name != "good")
    (line,) = [line for line in run("list").splitlines() if line.startswith("foreign")]
    assert "damaged: " in line


def test_a_running_session_is_running_and_its_writer_is_not_disturbed(run: Run, folder: Path) -> None:
    path = folder / "now.ktlog"

    async def talk() -> str:
        async with running(["x", "y"], session=path) as agent:
            await agent.run("go")
            state: str = listed(run)["now"]["state"]
            await agent.run("on")
            return state

    assert asyncio.run(talk()) == "running"
    assert not is_running(path)
    assert listed(run)["now"]["state"] == "ended"


def test_a_turn_without_an_end_is_interrupted(run: Run, folder: Path) -> None:
    process = subprocess.run([sys.executable, "-c", KILLED, str(folder / "dead.ktlog")], check=False)
    assert process.returncode == -9
    data = listed(run)["dead"]
    assert (data["state"], data["turns"], data["creature"]) == ("interrupted", 2, "mayfly")
    shown = json.loads(run("show", "dead", "--json"))
    assert [turn["status"] for turn in shown["turns"]] == ["ok", "interrupted"]


def test_a_session_that_waits_says_for_how_many_answers(run: Run, folder: Path) -> None:
    keep(folder / "w.ktlog", [[("ask", {}), ("ask", {})]], "may I?", wait=True)
    assert (listed(run)["w"]["state"], listed(run)["w"]["questions"]) == ("waiting", 2)
    assert "waiting (2 questions)" in run("list")


def test_what_was_left_behind_is_told(run: Run, folder: Path) -> None:
    path = folder / "r.ktlog"
    keep(path, ["1", "2", "3"], "one", "two", "three")
    rewind(path, 1)
    assert listed(run)["r"]["turns"] == 1
    shown = json.loads(run("show", "r", "--json"))
    assert shown["left"] == [2, 3]
    assert [turn["user_text"] for turn in shown["turns"]] == ["one"]
    assert "left      turns 2, 3" in run("show", "r")
    assert "three" in run("show", "r", "--turn", "3")


def test_show_tells_the_turns_in_short(run: Run, folder: Path, tmp_path: Path) -> None:
    steps = [[("echo", {"text": "hi"}), ("echo", {"text": "fail"})], "It is done."]
    keep(folder / "s.ktlog", steps, "Do it,\nplease", creature={"name": "owl"}, pwd=tmp_path)
    lines = run("show", "s").splitlines()
    assert lines[0].split() == ["session", "s"]
    head = {line.split()[0]: line.split(None, 1)[1] for line in lines[:8]}
    assert (head["file"], head["creature"], head["folder"]) == (
        str(folder / "s.ktlog"),
        "owl (scripted)",
        str(tmp_path),
    )
    assert head["tokens"] == "6 in (0 cached), 5 out"
    assert head["cost"] == "2 calls without a price"
    turn = lines[lines.index("") + 1 :]
    assert turn[0].startswith("turn 1 ")
    assert turn[1] == "> Do it, please"
    assert turn[2].startswith('  * echo {"text": "hi"}  ok ')
    assert turn[3].startswith('  * echo {"text": "fail"}  error ')
    assert turn[4] == "  It is done."


def test_show_tells_one_turn_in_full(run: Run, folder: Path) -> None:
    long = "\n".join(f"line {n} \x1b[31m" for n in range(100))
    keep(folder / "s.ktlog", ["no", [("echo", {"text": long})], "a\nb"], "first", "second")
    shown = run("show", "s", "--turn", "2")
    assert "first" not in shown
    assert "\x1b" not in shown
    assert "  line 99 \\x1b[31m" in shown.splitlines()
    assert shown.splitlines()[-2:] == ["  a", "  b"]
    events = json.loads(run("show", "s", "--turn", "2", "--json"))
    assert {event["turn"] for event in events} == {2}
    assert [e["result"]["parts"][0]["text"] for e in events if e["type"] == "tool_ended"] == [long]


def test_show_refuses_a_turn_that_is_not_there_and_a_damaged_file(run: Run, folder: Path) -> None:
    keep(folder / "s.ktlog", ["x"], "hello")
    with pytest.raises(NotFound, match="no turn 7"):
        run("show", "s", "--turn", "7")
    data = (folder / "s.ktlog").read_bytes()
    (folder / "s.ktlog").write_bytes(data.replace(b"hello", b"hullo"))
    with pytest.raises(SessionDamaged):
        run("show", "s")


def test_a_session_whose_agent_never_started_is_shown(run: Run, folder: Path) -> None:
    keep(folder / "s.ktlog", [])
    assert listed(run)["s"]["turns"] == 0
    assert json.loads(run("show", "s", "--json"))["turns"] == []


def test_an_empty_file_is_no_session(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "e.ktlog").touch()
    found = summary(folder / "e.ktlog")
    assert (found.state, found.turns) == ("damaged", 0)


def test_a_name_with_control_characters_is_safe(run: Run, folder: Path) -> None:
    keep(folder / "a\x1b[2Jb.ktlog", ["x"], "\u202eevil\x07")
    out = run("list") + run("show", "a") + run("show", "a", "--turn", "1")
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\u202eevil\\x07" in out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m\x07\x7f\x9b", "\\x1b[31m\\x07\\x7f\\x9b"),
        ("\u202e\u2066\u200d\ufeff\u2028", "\\u202e\\u2066\\u200d\\ufeff\\u2028"),
        ("\U000e0041\ud800", "\\U000e0041\\ud800"),
        ("tab\tline\né 中", "tab\tline\né 中"),
    ],
)
def test_inert_text_changes_no_terminal(text: str, shown: str) -> None:
    assert inert(text) == shown


def test_lines_are_cut_by_the_columns_they_take() -> None:
    assert (cut("abcdef", 6), cut("abcdefg", 6)) == ("abcdef", "abc...")
    assert cut("中文标题中文", 10) == "中文标..."
    assert columns_of("中文e\u0301") == 5
    assert one_line("  a\n\n b\tc ") == "a b c"


def test_the_list_is_as_wide_as_the_terminal(folder: Path) -> None:
    keep(folder / "s.ktlog", ["x"], "中文" * 200)
    command = "from kt import Plugins; from kt_sessions.command import sessions; sessions(['list'], Plugins())"
    import pty

    main, other = pty.openpty()
    env = {**os.environ, "COLUMNS": "90"}
    subprocess.run([sys.executable, "-c", command], stdout=other, env=env, check=True)
    os.close(other)
    line = os.read(main, 10_000).decode().rstrip()
    os.close(main)
    assert line.endswith("...")
    assert 85 < columns_of(line) <= 90


def test_errors_are_kt_errors(run: Run) -> None:
    with pytest.raises(KTError) as raised:
        run("show", "nothing")
    assert raised.value.exit_code == 66
