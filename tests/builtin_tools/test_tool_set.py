"""The set as a whole: what it costs a request, what it registers, and that it reaches the machine one way only."""

import ast
import json
from pathlib import Path

import kt_builtin_tools
import pytest
from kt import Agent, Host, Plugins, Tool
from kt.errors import MissingPlugin
from kt.testing import running
from kt_builtin_tools.direct import DirectSandbox

pytestmark = pytest.mark.anyio

NAMES = ["ask_user", "bash", "edit", "glob", "grep", "read", "stop_task", "tasks", "todo", "tree", "write"]
FOLDER = Path(kt_builtin_tools.__file__).parent
BACKEND = {"direct.py", "direct_exec.py", "direct_files.py", "direct_output.py"}
STARTS = {"subprocess", "multiprocessing", "pty", "socket", "ctypes", "urllib", "http", "httpx2", "requests"}
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


def test_the_set_costs_a_request_less_than_7000_characters(capsys: pytest.CaptureFixture[str]) -> None:
    described = [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in registered()]
    size = len(json.dumps(described))
    with capsys.disabled():
        print(f"\nbuilt-in tools: {size} characters of names, descriptions and schemas")
    assert size < 7000


def test_every_tool_says_what_it_does_in_few_words() -> None:
    for tool in registered():
        assert 10 < len(tool.description) < 200, tool.name


def test_what_writes_or_executes_says_so() -> None:
    needs = {t.name: t.needs for t in registered() if t.needs}
    assert needs == {"bash": {"exec"}, "edit": {"write"}, "write": {"write"}}
    reading = {t.name for t in registered() if t.effect == "read"}
    assert reading == {"ask_user", "glob", "grep", "read", "tasks", "tree"}


@pytest.mark.parametrize("file", sorted(f.name for f in FOLDER.glob("*.py") if f.name not in BACKEND))
def test_tools_reach_the_machine_only_through_their_context(file: str) -> None:
    for node in ast.walk(ast.parse((FOLDER / file).read_text())):
        if isinstance(node, ast.Import):
            assert not {a.name.partition(".")[0] for a in node.names} & STARTS, file
        elif isinstance(node, ast.ImportFrom):
            assert str(node.module).partition(".")[0] not in STARTS, file
            assert not {a.name for a in node.names} & OPENS, file
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            assert name not in OPENS, f"{file}:{node.lineno} calls {name}"
            owner = getattr(getattr(node.func, "value", None), "id", "")
            assert owner not in ("os", "shutil") or name in HARMLESS, f"{file}:{node.lineno} calls {owner}.{name}"


def test_the_check_above_sees_what_it_looks_for() -> None:
    """The backend, which may do all this, would not pass it."""
    calls = {
        getattr(node.func, "attr", getattr(node.func, "id", ""))
        for file in BACKEND
        for node in ast.walk(ast.parse((FOLDER / file).read_text()))
        if isinstance(node, ast.Call)
    }
    assert {"open", "scandir", "create_subprocess_exec", "fdopen"} <= calls & OPENS


async def test_the_sandbox_none_is_the_direct_one(tmp_path: Path) -> None:
    async with running(pwd=tmp_path) as agent:
        assert isinstance(agent.sandbox, DirectSandbox)
        assert agent.sandbox.level == "none"


async def test_http_is_made_by_the_registered_factory_once(tmp_path: Path) -> None:
    plugins = Plugins()
    plugins.registry.drop("kt-http")
    async with Host(plugins) as host, running(pwd=tmp_path, host=host) as agent:
        with pytest.raises(MissingPlugin) as caught:
            _ = agent.sandbox.http
        assert caught.value.hint == "pip install kt-http"
        made: list[Agent] = []

        def make(agent: Agent) -> object:
            made.append(agent)
            return object()

        plugins.registry.add("http", "direct", make)
        assert agent.sandbox.http is agent.sandbox.http
        assert made == [agent]
