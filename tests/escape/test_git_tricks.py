"""What a program leaves in a repository must not run when its owner uses git there afterwards."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kt import Agent
from kt.testing import ScriptedLLM
from kt_sandbox.probe import missing

pytestmark = pytest.mark.anyio

EVIL = "printf '[core]\\n\\tfsmonitor = \"touch {mark}; false\"\\n' >>"
HOOK = "printf '#!/bin/sh\\ntouch {mark}\\n' > {hook}; chmod +x {hook}"


def sh(command: str, folder: Path) -> str:
    """Run a command of the owner, outside all walls."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True)
    return done.stdout + done.stderr


NAMED = "git config user.email a@b && git config user.name a"
REPOSITORY = f"git init -q && {NAMED} && echo 1 > f && git add f && git commit -qm a"
LINKED = f"mkdir ../main; (cd ../main && {REPOSITORY}); git -C ../main worktree add -q ../work/w 2>&1"
NESTED = f"{REPOSITORY}; mkdir -p a/b/c/d/e && cd a/b/c/d/e && git init -q"
TRICKS: dict[str, tuple[str, str, str]] = {
    "its configuration": (REPOSITORY, f"{EVIL} .git/config", "git status"),
    "its configuration, by git": (REPOSITORY, "git config core.fsmonitor 'touch {mark}; false'", "git status"),
    "another configuration beside it": (
        REPOSITORY,
        f"cp -r .git evil; {EVIL} evil/config; echo ../evil > .git/commondir",
        "git status",
    ),
    "a configuration of the worktree": (
        f"{REPOSITORY}; git config extensions.worktreeConfig true",
        f"{EVIL} .git/config.worktree",
        "git status",
    ),
    "a hook": (REPOSITORY, HOOK.replace("{hook}", ".git/hooks/pre-commit"), "echo 2 > f; git commit -qam b"),
    "a hook where there were none": (
        f"{REPOSITORY}; rm -rf .git/hooks",
        "mkdir -p .git/hooks; " + HOOK.replace("{hook}", ".git/hooks/pre-commit"),
        "echo 2 > f; git commit -qam b",
    ),
    "the folder of hooks, swapped": (
        REPOSITORY,
        "mv .git/hooks .git/h; mkdir .git/hooks; " + HOOK.replace("{hook}", ".git/hooks/pre-commit"),
        "echo 2 > f; git commit -qam b",
    ),
    "the repository, swapped": (
        REPOSITORY,
        f"cp -r .git evil; {EVIL} evil/config; mv .git old; mv evil .git",
        "git status",
    ),
    "a nested repository": (NESTED, f"{EVIL} a/b/c/d/e/.git/config", "cd a/b/c/d/e && git status"),
    "a nested repository's parent, swapped": (
        NESTED,
        f"mv a/b x; cp -r x a/b; {EVIL} a/b/c/d/e/.git/config",
        "cd a/b/c/d/e && git status",
    ),
    "a nested repository behind many folders": (
        NESTED,
        f"mkdir -p m; for i in $(seq 300); do mkdir -p m/$i/x/y; done; {EVIL} a/b/c/d/e/.git/config",
        "cd a/b/c/d/e && git status",
    ),
    "a linked worktree's pointer": (
        f"{LINKED}; cp -r ../main/.git evil",
        f"{EVIL} evil/config; echo 'gitdir: ../evil' > w/.git",
        "cd w && git status",
    ),
}


@pytest.fixture
async def agent(tmp_path: Path, request: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Agent]:
    if why := missing()["bubblewrap"]:
        pytest.skip(f"bubblewrap does not work here: {why}")
    (tmp_path / "home/work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KT_HOME", raising=False)
    sh(request.param[0], tmp_path / "home/work")
    creature = {"name": "tricky", "tools": ["bash"]}
    async with await Agent.build(
        creature, llm=ScriptedLLM(), plugins=[request.param[1]], unguarded=True, pwd=tmp_path / "home/work"
    ) as agent:
        yield agent


async def play(agent: Agent, *commands: str) -> str:
    agent.provider = ScriptedLLM([*([("bash", {"command": c, "timeout": 30})] for c in commands), "done"])
    records = (await agent.run("go")).tool_calls
    return "\n".join(f"{r.result or ''}{r.error or ''}" for r in records)


def case(name: str) -> Any:
    settings = {"sandbox": {"backend": "bubblewrap"}}
    return pytest.param((TRICKS[name][0], settings), TRICKS[name], id=name)


@pytest.mark.parametrize(("agent", "trick"), [case(name) for name in TRICKS], indirect=["agent"])
async def test_what_is_left_in_a_repository_does_not_run(
    agent: Agent, trick: tuple[str, str, str], tmp_path: Path
) -> None:
    mark = tmp_path / "PWNED"
    shown = await play(agent, trick[1].replace("{mark}", str(mark)))
    sh(trick[2], agent.pwd)
    assert not mark.exists(), shown
    # The trick itself is one: without walls the owner's command runs it.
    other = tmp_path / "other/work"
    other.mkdir(parents=True)
    sh(trick[0], other)
    sh(trick[1].replace("{mark}", str(mark)), other)
    sh(trick[2], other)
    assert mark.exists()


def protecting(**settings: Any) -> Any:
    return ("mkdir -p db/migrations", {"sandbox": {"backend": "bubblewrap", **settings}})


@pytest.mark.parametrize("agent", [protecting(protect=["db/migrations", "db/later"])], indirect=True, ids=["protect"])
async def test_what_is_protected_stays_though_its_parent_be_moved(agent: Agent) -> None:
    await play(agent, "mv db x; mkdir -p db/migrations; echo PWN > db/migrations/1; echo PWN > db/later")
    assert [p.name for p in (agent.pwd / "db").iterdir() if not p.name.startswith("later.from")] == ["migrations"]
    assert list((agent.pwd / "db/migrations").iterdir()) == []


@pytest.mark.parametrize("agent", [protecting(writes=["~/second"])], indirect=True, ids=["writes"])
async def test_a_second_folder_is_protected_like_the_first(agent: Agent, tmp_path: Path) -> None:
    second = tmp_path / "home/second"
    second.mkdir()
    sh(REPOSITORY, second)
    before = (second / ".git/config").read_text()
    await play(agent, "cd ~/second && echo PWN >> .git/config; mkdir .kt; echo PWN > .kt/config.toml; echo ok > fine")
    assert (second / ".git/config").read_text() == before
    assert not (second / ".kt").exists()
    assert (second / "fine").exists()


SWAP = """
import ctypes, os, time
os.makedirs('n/.git', exist_ok=True)
os.path.lexists('lnk') or os.symlink('{keys}', 'lnk')
libc = ctypes.CDLL(None)
end = time.time() + 6
while time.time() < end:
    libc.syscall(316, -100, b'n/.git', -100, b'lnk', 2)
"""


@pytest.mark.parametrize("agent", [protecting()], indirect=True, ids=["race"])
async def test_a_folder_swapped_for_a_link_meanwhile_leads_nowhere(agent: Agent, tmp_path: Path) -> None:
    keys = tmp_path / "home/.ssh"
    keys.mkdir()
    (keys / "id_rsa").write_text("CANARY")
    (agent.pwd / "swap.py").write_text(SWAP.replace("{keys}", str(keys)))
    swapping = asyncio.create_task(agent.sandbox.exec.run("python3 swap.py"))
    await asyncio.sleep(0.5)
    for _ in range(60):
        result = await agent.sandbox.exec.run("cat n/.git/id_rsa lnk/id_rsa; echo EVIL >> n/.git/authorized_keys")
        assert "CANARY" not in result.output
    swapping.cancel()
    await asyncio.wait([swapping])
    assert not (keys / "authorized_keys").exists()
