"""Processes are started in one place: nothing else in our code starts one for a tool."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted(
    file
    for top in ("kernel", "builtin_tools", "providers", "plugins", "marketplace", "cli")
    for file in (ROOT / top).rglob("*.py")
    if "templates" not in file.parts
)
MODULES = {"subprocess", "multiprocessing", "pty"}
CALLS = {
    *("create_subprocess_exec", "create_subprocess_shell", "posix_spawn", "posix_spawnp", "fork", "forkpty", "popen"),
    *("system", "execv", "execve", "execvp", "execvpe", "execl", "execlp", "spawnv", "spawnvp", "startfile"),
    *("open_process", "run_process", "ProcessPoolExecutor"),
}
ALLOWED = {
    "plugins/sandbox/kt_sandbox/processes.py": "the one place",
    "plugins/sandbox/kt_sandbox/probe.py": "tries the walls",
    "plugins/sandbox/kt_sandbox/bubblewrap.py": "asks bubblewrap what it can do",
    "plugins/sandbox/kt_sandbox/bridge.py": "runs inside the walls",
    "plugins/sandbox/kt_sandbox/launcher.py": "runs inside the walls",
    "providers/local/kt_local/server.py": "the local model, which no tool reaches",
    "providers/local/kt_local/fetch.py": "its weights, for the user's command",
    "plugins/sessions/kt_sessions/changing.py": "fork() copies a session",
    "plugins/sessions/kt_sessions/chat_open.py": "fork() copies a session",
    "plugins/chat/kt_chat/shell.py": "what the person at the terminal types after !",
    "plugins/chat/kt_chat/files.py": "git, without the repository's fsmonitor, for the names of files",
    "plugins/chat/kt_chat/paste.py": "the clipboard of the person at the terminal",
    "plugins/tui/kt_tui/actions.py": "the user's editor, for the user's key",
    "plugins/shell_hooks/kt_shell_hooks/process.py": "the user's own hook programs, and those of a trusted project",
    "cli/kt_cli/slash.py": "kt doctor, for the user's /doctor",
    "cli/kt_cli/commands/edit.py": "the user's editor, for the user's command",
    "cli/kt_cli/timing.py": "a fresh Python that measures a run, for the user's command",
    "plugins/evals/kt_evals/folder.py": "git, for the folder of a task, which nothing else has seen",
    "marketplace/kt_marketplace/install/uv.py": "uv, for the user's command",
    "marketplace/kt_marketplace/install/clone.py": "git, for the user's command",
    "marketplace/kt_marketplace/check/process.py": "the code of a pack that is checked, for the user's command",
    "marketplace/kt_marketplace/fixtures.py": "kt, for the test of a pack's author",
}


def starts(file: Path) -> list[str]:
    """Return what in a file can start a process."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.partition(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = {a.name for a in node.names}
            # asyncio.subprocess brings constants and types as well.
            if node.module.partition(".")[0] in MODULES or names & CALLS:
                found.append(node.module)
        elif isinstance(node, ast.Attribute) and node.attr in CALLS:
            of_os = getattr(node.value, "id", "") == "os"
            found += [node.attr] if of_os or node.attr != "system" else []
    return found


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_process_is_started_only_where_it_may_be(file: Path) -> None:
    name = file.relative_to(ROOT).as_posix()
    assert bool(starts(file)) == (name in ALLOWED), f"{name}: {starts(file)}"


def test_what_is_allowed_is_there() -> None:
    assert {str(f.relative_to(ROOT)) for f in SOURCES} >= set(ALLOWED)
