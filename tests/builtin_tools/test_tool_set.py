"""The set as a whole: what it costs a request, what it registers, and that it reaches the machine one way only."""

import ast
import json
from pathlib import Path

import kt_builtin_tools
import pytest
from kt import Host, Tool

pytestmark = pytest.mark.anyio

NAMES = ["apply_patch", "ask_user", "bash", "edit", "fetch", "glob", "grep", "json_edit", "json_query", "notebook_edit",
         "notebook_read", "read", "scratchpad", "stop_task", "tasks", "todo", "tree", "web_search", "write",
         "write_stdin"]  # fmt: skip
FOLDER = Path(kt_builtin_tools.__file__).parent
STARTS = {"subprocess", "multiprocessing", "pty", "socket", "ctypes", "urllib.request", "httpx2", "requests"}
OPENS = {
    *("open", "fdopen", "popen", "system", "fork", "exec", "eval", "scandir", "listdir", "rglob", "iterdir"),
    *("read_text", "read_bytes", "write_text", "write_bytes", "touch", "unlink", "rename", "mkdir", "rmtree"),
    *("create_subprocess_exec", "create_subprocess_shell", "symlink_to", "remove", "posix_spawn", "NamedTemporaryFile"),
}
HARMLESS = {"fsencode", "fsdecode", "which"}


def registered() -> list[Tool]:
    registry = Host().registry
    entries = [e for e in registry.entries("tool") if e.dist == "kt-builtin-tools"]
    assert all(e.help for e in entries)
    return [e.load() for e in entries]


def test_every_tool_is_registered_by_its_name() -> None:
    assert [t.name for t in registered()] == NAMES


def test_the_set_costs_a_request_less_than_10000_characters(capsys: pytest.CaptureFixture[str]) -> None:
    described = [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in registered()]
    size = len(json.dumps(described))
    with capsys.disabled():
        print(f"\nbuilt-in tools: {size} characters of names, descriptions and schemas")
    assert size < 10_000


def test_every_tool_says_what_it_does_in_few_words() -> None:
    for tool in registered():
        assert 10 < len(tool.description) < 200, tool.name


def test_what_writes_executes_or_reaches_the_network_says_so() -> None:
    tools = registered()
    writing = {"apply_patch", "bash", "edit", "json_edit", "notebook_edit", "write"}
    assert {t.name for t in tools if t.needs.writes} == writing
    assert {t.name for t in tools if t.needs.exec} == {"bash", "glob", "grep", "write_stdin"}
    assert {t.name for t in tools if t.needs.net} == {"bash", "fetch", "web_search"}
    assert {t.name for t in tools if t.needs.output == "untrusted"} == {"fetch", "web_search"}
    reading = {t.name for t in tools if t.effect == "read"}
    assert reading & {*writing, "scratchpad", "todo", "write_stdin", "stop_task"} == set()


@pytest.mark.parametrize("file", sorted(f.name for f in FOLDER.glob("*.py")))
def test_tools_reach_the_machine_only_through_their_context(file: str) -> None:
    for node in ast.walk(ast.parse((FOLDER / file).read_text())):
        if isinstance(node, ast.Import):
            assert not {name for a in node.names for name in (a.name, a.name.partition(".")[0])} & STARTS, file
        elif isinstance(node, ast.ImportFrom):
            assert not {str(node.module), str(node.module).partition(".")[0]} & STARTS, file
            assert not {a.name for a in node.names} & OPENS, file
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            through_context = ".files." in ast.unparse(node.func)
            assert name not in OPENS or through_context, f"{file}:{node.lineno} calls {name}"
            owner = getattr(getattr(node.func, "value", None), "id", "")
            assert owner not in ("os", "shutil") or name in HARMLESS, f"{file}:{node.lineno} calls {owner}.{name}"
