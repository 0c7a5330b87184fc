"""kt terrarium watch: a team seen from another process, while it runs and after."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt_terrarium.tree import CreatureView, MessageView, PipeView, TeamView, columns_of, lines

RECIPE = """
terrarium:
  name: pair
  root: lead
  creatures:
    - name: lead
      llm: {provider: scripted, model: lead.json}
    - name: coder
      base: ./c.yaml
      llm: {provider: scripted, model: coder.json}
      output_wiring: [lead]
"""
ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
LEAD = (
    [{"tool": "send_message", "args": {"channel": "coder", "message": "build \x1b[2J it"}}],
    "I asked.",
    "All done.",
)
STALL = ([{"tool": "stall", "args": {}}], "It works.")


def team(kt: Any, *coder: Any) -> str:
    (kt.folder / "team.yaml").write_text(RECIPE)
    (kt.folder / "lead.json").write_text(json.dumps(LEAD))
    (kt.folder / "coder.json").write_text(json.dumps(coder))
    return "./team.yaml"


@contextmanager
def at_work(kt: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the team until its coder hangs in a tool."""
    with kt.start("run", team(kt, *STALL), "go") as process:
        try:
            for line in process.stderr:
                if b"hanging" in line:
                    break
            yield process
        finally:
            process.kill()


def look(kt: Any, *words: str) -> dict[str, Any]:
    done = kt("terrarium", "watch", *words, "--once", "--json")
    assert (done.code, done.err) == (0, "")
    told: dict[str, Any] = json.loads(done.out)
    return told


def test_a_team_that_ended_is_shown(kt: Any) -> None:
    assert kt("run", team(kt, [{"tool": "echo", "args": {"text": "one"}}], "It works."), "go").code == 0
    assert kt.play("alone", "--session", "alone.ktlog").code == 0
    kt.play("later, and alone")
    done = kt("terrarium", "watch", "--once")
    assert (done.code, done.err) == (0, "")
    assert re.match(r"pair  ended  \d{8}-\d{6}-lead-\w+\n  lead \(root\)  stopped  1 turn  \d+ tokens\n", done.out)
    for line in ('      * echo {"text": "one"}', "  #coder  lead -> coder  1 message", "  coder => lead  1 message"):
        assert line in done.out.splitlines()
    assert "      lead: build \\x1b[2J it\n" in done.out
    assert kt("terrarium", "watch", "alone.ktlog", "--once").code == 66


def test_a_team_is_followed_while_it_works_and_after_a_kill(kt: Any) -> None:
    with at_work(kt) as process:
        told = look(kt)
        assert told["state"] == "running"
        assert [(c["name"], c["state"], c["root"]) for c in told["creatures"]] == [
            ("lead", "waiting", True),
            ("coder", "running", False),
        ]
        assert told["creatures"][1]["tool"] == "* stall {}"
        assert told["creatures"][0]["input"] > told["creatures"][0]["context"] > 0
        process.send_signal(signal.SIGKILL)
    told = look(kt)
    assert told["state"] == "interrupted"
    assert {c["state"] for c in told["creatures"]} == {"interrupted"}
    team(kt, "It works.")
    (kt.folder / "lead.json").write_text(json.dumps(LEAD[2:] * 2))
    assert kt("resume", "--last").code == 0
    again = look(kt)
    assert again["state"] == "ended"
    assert again["creatures"][0]["input"] > told["creatures"][0]["input"]


def test_a_pipe_gets_what_is_new_as_lines(kt: Any) -> None:
    with at_work(kt) as process, kt.start("terrarium", "watch") as watching:
        for line in watching.stdout:
            assert not line.startswith(b"  coder  ") or b"running" in line
            if b"=>" in line:
                break
        process.send_signal(signal.SIGTERM)
        told = []
        for line in watching.stdout:
            told.append(line.decode())
            if line.startswith(b"  coder  stopped"):
                break
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=30) == 130
        assert watching.stderr.read() == b""
    assert not any("build" in line for line in told)


def test_a_terminal_is_redrawn_in_place_and_ctrl_c_ends_it(kt: Any) -> None:
    assert kt("run", team(kt, "It works."), "go").code == 0
    env = {**kt.env, "TERM": "xterm"}
    env.pop("NO_COLOR", None)
    child = pexpect.spawn(
        kt.program, ["terrarium", "watch"], env=env, cwd=str(kt.folder), encoding="utf-8", timeout=30,
        dimensions=(12, 40),
    )  # fmt: skip
    child.expect("\x1b\\[2mstopped\x1b\\[0m")
    child.expect("All|works")
    (kt.folder / "lead.json").write_text(json.dumps(["More."]))
    assert kt("resume", "--last", "more").code == 0
    child.expect("\x1b\\[\\d+A\x1b\\[J")
    child.expect("2 turns")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


def test_no_colour_is_honoured(kt: Any) -> None:
    kt("run", team(kt, "It works."), "go")
    env = {**kt.env, "TERM": "xterm", "NO_COLOR": "1"}
    words = ["terrarium", "watch", "--once"]
    shown = pexpect.run(" ".join((kt.program, *words)), env=env, cwd=str(kt.folder), encoding="utf-8", timeout=30)
    assert "stopped" in shown
    assert "\x1b" not in shown


def test_40_columns_are_enough(kt: Any) -> None:
    kt("run", team(kt, "It works."), "go")
    kt.env["COLUMNS"] = "40"
    out = kt("terrarium", "watch", "--once").out
    assert max(map(len, out.splitlines())) <= 40
    assert "tokens" in out


TEXT = st.text(max_size=60)
MESSAGES = st.lists(st.builds(MessageView, st.just(0.0), TEXT, TEXT), max_size=4)
PIPES = st.lists(
    st.builds(
        PipeView, TEXT, st.sampled_from(["broadcast", "queue", "wire"]), st.lists(TEXT), st.lists(TEXT), last=MESSAGES
    ),
    max_size=3,
)
CREATURES = st.lists(
    st.builds(
        CreatureView, TEXT, st.booleans(), st.sampled_from(["running", "failed", "idle"]), tool=TEXT, error=TEXT,
        cost=st.none() | st.floats(0, 1e6), context=st.integers(0, 10**7), window=st.none() | st.integers(1, 10**7),
    ),
    max_size=3,
)  # fmt: skip


@given(st.builds(TeamView, TEXT, TEXT, TEXT, CREATURES, PIPES, PIPES, TEXT), st.integers(12, 200))
def test_no_line_is_too_wide_or_acts_on_a_terminal(team: TeamView, width: int) -> None:
    for line in lines(team, width):
        assert columns_of(line) <= width
        assert not ACTING.search(line)
        assert "\n" not in line


@pytest.mark.parametrize("colour", [True, False])
def test_only_states_are_coloured(colour: bool) -> None:
    shown = lines(TeamView("t", "running", "s", [CreatureView("a", state="failed")]), 80, colour=colour)
    assert ("\x1b[31mfailed\x1b[0m" in shown[1]) is colour
