"""Signals and pipes: an interrupted run leaves a valid result, and nothing complains about a reader that is gone."""

import json
import os
import signal
import subprocess
from typing import Any

import pytest

HANG = ([{"tool": "hang"}], "unreachable")


def hanging(kt: Any, *words: str) -> "subprocess.Popen[bytes]":
    """Start a run and return once its tool hangs."""
    process: subprocess.Popen[bytes] = kt.start("run", "./c.yaml", "hi", *words, "--scripted", kt.script(*HANG))
    assert process.stderr is not None
    assert process.stderr.readline() == b"hanging\n"
    return process


@pytest.mark.parametrize("form", ["json", "stream-json"])
def test_ctrl_c_during_a_turn_ends_with_a_valid_result(kt: Any, form: str) -> None:
    process = hanging(kt, "--output", form)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    result = json.loads(out.splitlines()[-1])
    assert (result["type"], result["status"], result["error"]["code"]) == ("result", "cancelled", "E-CANCELLED")
    (call,) = result["tool_calls"]
    assert (call["name"], call["result"]) == ("hang", None)
    assert "not finished" in call["error"]
    assert b"Traceback" not in err


def test_ctrl_c_in_text_says_so_on_one_line(kt: Any) -> None:
    process = hanging(kt)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert err == b"error[E-CANCELLED]: the turn was interrupted\n"


def test_ctrl_c_before_the_turn_ends_with_a_result_as_well(kt: Any) -> None:
    reading, writing = os.pipe()
    process = kt.start("run", "./c.yaml", "--output", "json", "--scripted", kt.script("x"), stdin=reading)
    os.close(reading)
    # A pipe takes 64 KiB; what goes beyond went through only once the other side reads.
    os.write(writing, b"x" * 65537)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    os.close(writing)
    assert process.returncode == 130
    assert json.loads(out)["status"] == "cancelled"
    assert b"Traceback" not in err


@pytest.mark.parametrize("form", ["text", "json"])
def test_sigterm_ends_the_run_with_143(kt: Any, form: str) -> None:
    process = hanging(kt, "--output", form)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert b"Traceback" not in err
    if form == "json":
        result = json.loads(out)
        assert (result["status"], result["error"]["exit_code"]) == ("cancelled", 143)


RUN = ("run", "./c.yaml", "hi", "--scripted", "script.json")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words",
    [("--version",), ("--help",), ("list",), RUN, (*RUN, "--output", "json"), (*RUN, "--output", "stream-json")],
    ids=" ".join,
)
def test_a_reader_that_is_gone_is_no_news(kt: Any, words: tuple[str, ...], unbuffered: str) -> None:
    kt.script("Hello there.")
    assert without_reader(kt, words, {"PYTHONUNBUFFERED": unbuffered}) == (141, "")


def test_an_error_is_told_though_the_reader_of_the_result_is_gone(kt: Any) -> None:
    code, err = without_reader(kt, ("run", "./none.yaml", "hi", "--output", "json"), {})
    assert code == 66
    assert len(err.splitlines()) == 1


def without_reader(kt: Any, words: tuple[str, ...], env: dict[str, str]) -> tuple[int, str]:
    """Run `kt` with a stdout that nobody reads; return its exit code and stderr."""
    reading, writing = os.pipe()
    os.close(reading)
    options: dict[str, Any] = {"cwd": kt.folder, "env": kt.env | env, "stdin": subprocess.DEVNULL}
    done = subprocess.run([kt.program, *words], stdout=writing, stderr=subprocess.PIPE, timeout=60, **options)
    os.close(writing)
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("words", [("--version",), ("list",), RUN], ids=" ".join)
def test_a_full_disk_is_said_with_its_own_code(kt: Any, words: tuple[str, ...]) -> None:
    kt.script("Hello there.")
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [kt.program, *words], cwd=kt.folder, env=kt.env, stdin=subprocess.DEVNULL, stdout=full, stderr=-1
        )
    assert done.stderr == b"error[E-IO]: can't write standard output: No space left on device\n"
    assert done.returncode == 74


def test_closed_streams_stop_nothing(kt: Any) -> None:
    done = kt.play("hi", preexec_fn=lambda: (os.close(1), os.close(2)))
    assert (done.code, done.out, done.err) == (0, "", "")
