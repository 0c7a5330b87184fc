"""kt run keeps a session, kt resume goes on with it: by name, by path, the newest, or chosen."""

import json
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
from kt import SessionReader

KT = str(Path(sys.executable).with_name("kt"))
ECHO = {"tool": "echo", "args": {"text": "one"}}
HANG = {"tool": "stall", "args": {}}


def sessions(kt: Any) -> list[Path]:
    return sorted((Path(kt.home) / "sessions").glob("*.ktlog"))


def said(path: Path) -> list[tuple[str, str]]:
    with SessionReader(path) as reader:
        return [(turn.user_text, turn.assistant_text) for turn in reader.turns()]


def hangs(process: Any) -> None:
    """Wait until the tool that never ends has begun."""
    for line in process.stderr:
        if b"hanging" in line:
            return


def test_a_run_is_kept_and_the_newest_goes_on(kt: Any) -> None:
    assert kt.play("first", steps=([ECHO], "one")).code == 0
    done = kt("resume", "--last", "second", "--scripted", kt.script("two"))
    assert (done.code, done.out) == (0, "two\n")
    [path] = sessions(kt)
    assert said(path) == [("first", "one"), ("second", "two")]


def test_no_session_keeps_none_and_session_says_where(kt: Any, tmp_path: Path) -> None:
    assert kt.play("hi", "--no-session", steps=("one",)).code == 0
    assert kt.play("hi", "--session", "here.ktlog", steps=("one",)).code == 0
    assert sessions(kt) == []
    assert said(Path(kt.folder) / "here.ktlog") == [("hi", "one")]
    both = kt.play("hi", "--session", "a.ktlog", "--no-session", steps=("one",))
    assert both.code == 2


def test_a_session_goes_on_with_what_it_was_made_with(kt: Any) -> None:
    kt.play("hi", steps=("one",))
    [path] = sessions(kt)
    done = kt("resume", path.stem, "more", "--scripted", kt.script([ECHO], "two"), "--output", "json")
    assert [call["name"] for call in done.result["tool_calls"]] == ["echo"]


def test_a_turn_that_a_kill_cut_goes_on_without_a_prompt(kt: Any) -> None:
    with kt.start("run", "./c.yaml", "go", "--scripted", kt.script([ECHO], [HANG])) as process:
        hangs(process)
        process.kill()
    done = kt("resume", "--last", "--scripted", kt.script("done after all"))
    assert (done.code, done.out) == (0, "done after all\n"), done.err
    assert "their outcome is unknown: stall" in done.err
    [path] = sessions(kt)
    with SessionReader(path) as reader:
        assert [turn.status for turn in reader.turns()] == ["interrupted", "ok"]
    assert kt("resume", "--last", "--scripted", kt.script("never")).code == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [(["nosuch"], 66), (["--last"], 66), ([], 2), (["./gone.ktlog"], 66), (["--last", "a", "b"], 2)],
)
def test_what_cannot_go_on_says_so(kt: Any, words: list[str], code: int) -> None:
    done = kt("resume", *words)
    assert done.code == code
    assert done.err.startswith("error[E-")


def test_a_session_that_is_written_is_locked(kt: Any) -> None:
    with kt.start("run", "./c.yaml", "go", "--scripted", kt.script([HANG])) as process:
        hangs(process)
        done = kt("resume", "--last", "and me", "--scripted", kt.script("x"))
        process.kill()
    assert done.code == 75
    assert f"process {process.pid}" in done.err


def test_a_person_chooses_among_the_sessions(kt: Any) -> None:
    kt.play("about owls", steps=("hoot",))
    kt.play("about wrens", steps=("chirp",))
    env = {**kt.env, "TERM": "dumb", "COLUMNS": "120"}
    child = pexpect.spawn(
        KT, ["resume", "--scripted", kt.script("still here")], env=env, cwd=str(kt.folder), encoding="utf-8", timeout=30
    )
    child.expect("1 .*about wrens")
    child.expect("2 .*about owls")
    child.expect("Which one")
    child.sendline("2")
    child.expect("about owls")
    child.sendline("go on")
    child.expect("still here")
    child.sendeof()
    child.expect("kept as")
    child.expect(pexpect.EOF)
    assert any(turns == [("about owls", "hoot"), ("go on", "still here")] for turns in map(said, sessions(kt)))


def test_json_of_a_resumed_run_names_the_session(kt: Any) -> None:
    first = json.loads(kt.play("hi", "--output", "json", steps=("one",)).out)
    done = kt("resume", first["session"], "more", "--output", "json", "--scripted", kt.script("two"))
    assert done.result["session"] == first["session"]


def test_the_events_of_a_run_begin_with_its_agent(kt: Any) -> None:
    lines = kt.play("hi", "--output", "stream-json", steps=("one",)).out.splitlines()
    assert json.loads(lines[0])["type"] == "agent_started"
    assert not [line for line in lines if json.loads(line)["type"] in ("message_added", "session_created")]


def test_a_kept_run_is_replayed_without_a_difference(kt: Any) -> None:
    kt.play("first", steps=([ECHO], "one"))
    kt("resume", "--last", "second", "--scripted", kt.script([ECHO, ECHO], "two"))
    [path] = sessions(kt)
    done = kt("replay", path.stem)
    assert (done.code, done.out) == (0, "0 differences in 2 turns, 4 model calls, 3 tool calls\n")
