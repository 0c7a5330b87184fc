"""What tools may not do, or can't, as `kt run` ends: the exit code and the words."""

import json
from typing import Any

import pytest

TOOLS = '''
import os
from kt import Context, ToolNeeds, tool


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@tool(needs=ToolNeeds(exec=("any",)))
async def shell(ctx: Context[None], command: str) -> str:
    """Run a command."""
    return (await ctx.exec.run(command)).output


@tool(needs=ToolNeeds(writes=("@path",)))
def save(ctx: Context[None], path: str, text: str = "x") -> str:
    """Save."""
    ctx.files.write(path, text.encode())
    return "saved"
'''


@pytest.fixture
def play(kt: Any) -> Any:
    (kt.folder / "mine.py").write_text(TOOLS)

    def run(*words: str, steps: list[Any], tools: str = "add shell save", **options: Any) -> Any:
        listed = ", ".join(f'"./mine.py:{t}"' if t in ("add", "shell", "save") else t for t in tools.split())
        (kt.folder / "mine.yaml").write_text(f"tools: [{listed}]\n")
        (kt.folder / "steps.json").write_text(json.dumps(steps))
        return kt("run", "./mine.yaml", "go", "--scripted", "steps.json", "--output", "json", *words, **options)

    return run


def call(tool: str, **arguments: Any) -> list[dict[str, Any]]:
    return [{"tool": tool, "args": arguments}]


def test_an_unknown_tool_in_a_creature_is_configuration(play: Any) -> None:
    done = play(steps=["x"], tools="reed")
    assert done.code == 78
    assert "no tool named 'reed'" in done.error
    assert "read" in done.error


def test_a_tool_that_the_model_made_up_is_answered(play: Any) -> None:
    done = play(steps=[call("ad", a=1, b=2), "Sorry."])
    assert done.code == 0
    assert "there is no tool 'ad'; did you mean add?" in done.result["tool_calls"][0]["error"]


def test_the_third_invalid_call_in_a_row_ends_the_turn(play: Any) -> None:
    done = play(steps=[call("add", a="x")] * 3)
    assert done.code == 1
    assert done.error.startswith("error[E-ARGS]: the model sent 3 invalid calls in a row")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../x", "is outside the working folder"),
        ("/etc/x", "is outside the working folder"),
        (".git/hooks/x", "is protected"),
        (".kt/config.toml", "is protected"),
        ("link/x", "is outside the working folder"),
        ("a\0b", "is no path"),
        ("folder", "is a folder"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_path_that_may_not_be_written_is_answered(play: Any, kt: Any, path: str, why: str) -> None:
    (kt.folder / "folder").mkdir()
    (kt.folder / "link").symlink_to("/tmp")
    done = play(steps=[call("save", path=path), "Sorry."])
    assert done.code == 0
    error = done.result["tool_calls"][0]["error"]
    assert why in error or "needs approval and nobody can be asked (write to " in error
    assert not (kt.folder.parent / "x").exists()


def test_a_denied_call_is_an_answer_not_an_exit(play: Any) -> None:
    done = play("--permissions", "plan", steps=[call("shell", command="echo x"), "I would run echo."])
    assert (done.code, done.result["status"]) == (0, "ok")
    assert done.result["tool_calls"][0]["error"].startswith("denied: in plan mode")


def test_a_headless_question_is_a_no_that_says_what_grants_it(play: Any) -> None:
    steps = [call("fetch", url="https://example.com/"), "Sorry."]
    done = play(steps=steps, tools="fetch")
    assert done.code == 0
    error = done.result["tool_calls"][0]["error"]
    assert error.startswith("denied: fetch needs approval and nobody can be asked (reach example.com:443)")
    assert error.endswith("or with --allow-net HOST")


def test_walls_weaker_than_required_end_the_run_with_what_to_install(play: Any, kt: Any) -> None:
    # A backend that is named counts as what it is, so this is every machine's way to lack walls.
    kt.home.mkdir(exist_ok=True)
    (kt.home / "config.toml").write_text('[profile.default.config.sandbox]\nbackend = "none"\n')
    done = play(steps=[call("shell", command="echo ran > ran"), "unreachable"])
    assert done.code == 78
    assert done.error.startswith("error[E-SANDBOX]: programs need a sandbox of level partial")
    assert "apt install bubblewrap" in done.error
    assert "--sandbox none" in done.error
    assert not (kt.folder / "ran").exists()
    allowed = play("--allow-unsandboxed", steps=[call("shell", command="echo ran"), "Done."])
    assert (allowed.code, allowed.result["tool_calls"][0]["result"]) == (0, "ran\n")
    asked = play("--sandbox", "none", steps=[call("shell", command="echo ran"), "Sorry."])
    assert "(run programs outside a sandbox)" in asked.result["tool_calls"][0]["error"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--sandbox", "most"), "--sandbox most is none of none, partial, full"),
        (("--permissions", "yolo"), "--permissions yolo is none of plan, ask, accept-edits, auto"),
        (("--allow-net", "a*b"), "--allow-net: 'a*b' is no host"),
        (("--allow-net", "example.com:http"), "has no port number after the colon"),
        (("--max-calls", "0"), "--max-calls"),
        (("--max-usd", "-1"), "--max-usd"),
        (("--max-usd", "nan"), "--max-usd"),
        (("--idle-seconds", "0"), "--idle-seconds"),
        (("--time-limit", "0"), "--time-limit 0"),
    ],
)
def test_an_option_out_of_range_is_usage(play: Any, words: tuple[str, ...], says: str) -> None:
    done = play(*words, steps=["x"])
    assert done.code == 2
    assert says in done.error


@pytest.mark.parametrize(
    ("table", "code", "says"),
    [
        ('[profile.default.config.sandbox]\nrequire = "most"\n', 78, "require"),
        ('[profile.default.config.sandbox]\nnet = ["a*b"]\n', 78, "'a*b' is no host"),
        ("[profile.default.config.sandbox]\nnets = []\n", 78, "did you mean net"),
        ('[profile.default.config.permissions]\ndeny = ["bash("]\n', 65, "rule 'bash('"),
        ("[profile.default.config.budget]\nmax_calls = -1\n", 78, "max_calls"),
    ],
)
def test_settings_that_do_not_fit_are_refused(play: Any, kt: Any, table: str, code: int, says: str) -> None:
    kt.home.mkdir(exist_ok=True)
    (kt.home / "config.toml").write_text(table)
    done = play(steps=["x"])
    assert done.code == code, done.err
    assert says in done.error


def test_limits_of_calls_end_the_run_with_3(play: Any) -> None:
    done = play("--max-calls", "1", steps=[call("add", a=1, b=2), call("add", a=3, b=4), "unreachable"])
    assert (done.code, done.result["status"]) == (3, "limit")
    assert [c["result"] for c in done.result["tool_calls"]] == ["3", None]
