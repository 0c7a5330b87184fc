"""What stdout and stderr carry: text, one JSON object, or JSON lines that end with the result, however a run ends."""

import json
from pathlib import Path
from typing import Any

import pytest

KEYS = {
    "type", "status", "text", "output", "usage", "cost", "turns", "tool_calls", "pending", "session", "duration",
    "model", "error",
}  # fmt: skip
ECHO = {"tool": "echo", "args": {"text": "one"}}


def test_text_is_the_answer_and_nothing_else(kt: Any) -> None:
    done = kt.play("hi", steps=([ECHO], "The answer."))
    assert (done.code, done.out, done.err) == (0, "The answer.\n", "")


def test_json_is_one_object(kt: Any) -> None:
    done = kt.play("hi", "--output", "json", steps=([ECHO, ECHO], "The answer."))
    assert len(done.out.splitlines()) == 1
    result = done.result
    assert set(result) == KEYS
    assert set(result["usage"]) == {"input", "output", "cached", "cache_write", "reasoning"}
    assert (result["status"], result["text"], result["turns"]) == ("ok", "The answer.", 2)
    assert (result["model"], result["error"], result["cost"]) == ("scripted", None, None)
    assert Path(result["session"]).is_file()
    first, second = result["tool_calls"]
    assert {k: v for k, v in first.items() if k != "duration"} == {
        "id": "call_1", "name": "echo", "arguments": {"text": "one"}, "result": "one", "error": None,
    }  # fmt: skip
    assert second["id"] == "call_2"


def test_json_lines_are_the_events_and_then_the_result(kt: Any) -> None:
    done = kt.play("hi", "--output", "stream-json", steps=([ECHO], "The full answer."))
    events = [json.loads(line) for line in done.out.splitlines()]
    kinds = [event["type"] for event in events]
    assert kinds[0] == "agent_started"
    assert kinds[-1] == "result"
    assert set(events[-1]) == KEYS
    for kind in ("turn_started", "llm_started", "tool_started", "tool_ended", "llm_ended", "turn_ended"):
        assert kind in kinds
    assert "".join(e["text"] for e in events if e["type"] == "text_delta") == "The full answer."
    assert kinds.index("tool_started") < kinds.index("tool_ended") < kinds.index("text_delta")


@pytest.mark.parametrize("form", ["json", "stream-json"])
@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("./none.yaml", "hi"), 66, "E-NOTFOUND"),
        (("./c.yaml", "hi"), 78, "E-CONFIG"),
        (("./c.yaml", ""), 65, "E-DATA"),
        (("./c.yaml", "hi", "--time-limit", "0"), 2, "E-USAGE"),
        (("./c.yaml", "hi", "--nonsense"), 2, "E-USAGE"),
        (("./c.yaml", "hi", "--cwd", "nowhere"), 66, "E-NOTFOUND"),
        (("./c.yaml",), 65, "E-DATA"),
    ],
)
def test_a_run_that_fails_before_its_turn_ends_with_a_result(
    kt: Any, form: str, words: tuple[str, ...], code: int, error: str
) -> None:
    done = kt("run", *words, f"--output={form}")
    assert len(done.out.splitlines()) == 1
    assert set(done.result) == KEYS
    assert done.result["status"] == "failed"
    assert done.result["error"]["code"] == error
    assert set(done.result["error"]) == {"code", "message", "where", "hint", "exit_code"}
    assert done.code == done.result["error"]["exit_code"] == code
    assert done.error.startswith(f"error[{error}]")


def test_a_broken_plugin_is_in_the_result(kt: Any, plugin: Any) -> None:
    plugin("bad", "import nothing_of_that_name\n")
    done = kt.play("hi", "--output", "json")
    assert done.code == 78
    assert "kt-bad 1.2" in done.result["error"]["message"]


@pytest.mark.parametrize(
    ("options", "steps", "code", "status"),
    [
        (("--max-turns", "1"), ([ECHO], "unreachable"), 3, "limit"),
        (("--max-tokens", "2"), ([ECHO], "unreachable"), 3, "limit"),
        (("--time-limit", "0.3"), ([{"tool": "hang"}], "unreachable"), 124, "timeout"),
    ],
)
def test_a_limit_ends_the_turn_with_its_own_code(
    kt: Any, options: tuple[str, ...], steps: tuple[Any, ...], code: int, status: str
) -> None:
    done = kt.play("hi", "--output", "json", *options, steps=steps)
    assert done.code == code
    assert done.result["status"] == status
    assert len(done.result["tool_calls"]) == 1
    assert "limit" in done.error


def test_what_no_encoding_can_hold_is_escaped(kt: Any) -> None:
    lone = "half a pair: \ud83d"
    assert kt.play("hi", steps=(lone,)).out == "half a pair: \\ud83d\n"
    assert kt.play("hi", "--output", "json", steps=(lone,)).result["text"] == lone


def test_json_is_whole_where_stdout_is_not_utf8(kt: Any) -> None:
    kt.env["PYTHONIOENCODING"] = "ascii"
    assert kt.play("hi", "--output", "json", steps=("Grüße 😀",)).result["text"] == "Grüße 😀"
    assert kt.play("hi", steps=("Grüße",)).out == "Gr\\xfc\\xdfe\n"


def test_verbose_tells_on_stderr_what_happens(kt: Any) -> None:
    done = kt.play("hi", "--verbose", steps=([ECHO], "The answer."))
    assert done.out == "The answer.\n"
    assert '* echo {"text": "one"}' in done.err
    assert "echo done in" in done.err


def test_a_call_that_needs_a_yes_is_denied_where_nobody_is(kt: Any) -> None:
    launch = {"tool": "launch", "args": {"program": "x"}}
    denied = kt.play("hi", "--output", "json", steps=(launch, "Too bad."))
    assert denied.code == 0
    assert "--allow-net" in denied.result["tool_calls"][0]["error"]
    allowed = kt.play("hi", "--output", "json", "--allow-net", "x", steps=(launch, "Good."))
    assert allowed.result["tool_calls"][0]["result"] == "launched x"
    auto = kt.play("hi", "--output", "json", "--permissions", "auto", steps=(launch, "Good."))
    assert auto.result["tool_calls"][0]["result"] == "launched x"


def test_a_traceback_is_shown_only_with_debug(kt: Any) -> None:
    quiet, loud = kt("run", "./none.yaml", "hi"), kt("run", "./none.yaml", "hi", "--debug")
    assert "Traceback" not in quiet.err
    assert "Traceback" in loud.err
    assert loud.err.splitlines()[-1] == quiet.error
    failed = kt.play("hi", "--debug", steps=())
    assert "Traceback" in failed.err
    assert failed.err.splitlines()[-1].startswith("error[E-MODEL]")
