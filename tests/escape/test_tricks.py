"""Escapes in several steps: one call prepares, the walls of the next are built on what it left."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from kt import Agent
from kt.testing import ScriptedLLM
from kt_sandbox.probe import MAKES, missing

from .world import CANARY, World

pytestmark = pytest.mark.anyio

FAKE_WORKTREE = """
mkdir -p fake/worktrees/w && echo {work}/.git > fake/worktrees/w/gitdir && echo {out}/repo > fake/worktrees/w/commondir
echo ref: x > fake/HEAD; echo "gitdir: {where}" > .git
"""
TRICKS: dict[str, tuple[str, ...]] = {
    "a folder we protect, as a link to keys": ("ln -s {home}/.aws .husky", "cat .husky/credentials {home}/.aws/*"),
    "our own folder, as a link to keys": ("ln -s {home}/.aws .kt", "cat .kt/credentials {home}/.aws/credentials"),
    "a repository, as a link": ("ln -s {out}/repo .git", "cat {out}/repo/config; echo PWN >> {out}/repo/config"),
    "a repository's folder, as a link": (
        "mkdir .git && ln -s {out} .git/hooks && ln -s {out}/file .git/config",
        "cat .git/config {out}/file; echo PWN > .git/hooks/planted; echo PWN > {out}/planted",
    ),
    "a nested repository, as a link": ("mkdir n && ln -s {out}/repo n/.git", "cat {out}/repo/config"),
    "a worktree that lies inside": (
        FAKE_WORKTREE.replace("{where}", "{work}/fake/worktrees/w"),
        "cat {out}/repo/config; echo PWN >> {out}/repo/config",
    ),
    "a worktree that lies outside": (
        FAKE_WORKTREE.replace("{where}", "{out}/repo"),
        "cat {out}/repo/config; echo PWN >> {out}/repo/config",
    ),
    "the working folder itself, moved away": (
        "mv {work} {work}2 2>/dev/null; ln -s {out} {work}; cd / && rmdir {work} && ln -s {out} {work}",
        "echo PWN > {work}/planted; cat file",
    ),
    "a link to a file tool's folder": ("ln -s {out} d", "echo PWN > d/planted; cat d/file"),
}
FILE_TRICKS = ("write", "read")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("tricks").resolve())
    yield world
    world.end()


@pytest.fixture(params=[*MAKES, "none"])
async def agent(request: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Agent]:
    if request.param != "none" and (why := missing()[request.param]):
        pytest.skip(f"{request.param} does not work here: {why}")
    world.fill()
    for path in sorted(world.work.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    (world.out / "repo").mkdir()
    for name in ("HEAD", "config", "gitdir"):
        (world.out / "repo" / name).write_text(CANARY)
    monkeypatch.setenv("HOME", str(world.home))
    monkeypatch.delenv("KT_HOME", raising=False)
    settings = {"sandbox": {"backend": request.param, "require": "none"}}
    creature = {"name": "tricky", "tools": ["bash", "read", "write"]}
    async with await Agent.build(
        creature, llm=ScriptedLLM(), plugins=[settings], unguarded=True, pwd=world.work
    ) as agent:
        yield agent


async def play(agent: Agent, calls: list[tuple[str, dict[str, Any]]]) -> str:
    agent.provider = ScriptedLLM([*([call] for call in calls), "done"])
    records = (await agent.run("go")).tool_calls
    return "\n".join(f"{r.result or ''}{r.error or ''}" for r in records)


def outside(world: World) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in world.out.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", TRICKS)
async def test_a_trick_of_programs(name: str, agent: Agent, world: World) -> None:
    values = {"out": world.out, "home": world.home, "work": world.work}
    steps = list(TRICKS[name])
    for key, value in values.items():
        steps = [step.replace("{" + key + "}", str(value)) for step in steps]
    before = outside(world)
    shown = await play(agent, [("bash", {"command": step, "timeout": 20}) for step in steps])
    out = CANARY in shown or outside(world) != before
    # Without walls too a file tool refuses a working folder that became a link.
    assert out == (agent.sandbox.level == "none" and "moved" not in name), shown


@pytest.mark.parametrize("name", [n for n in TRICKS if "moved" not in n])
async def test_a_trick_of_programs_and_file_tools(name: str, agent: Agent, world: World) -> None:
    """File tools run in our own process, on what a program left: links lead nowhere."""
    values = {"out": world.out, "home": world.home, "work": world.work}
    first = TRICKS[name][0]
    for key, value in values.items():
        first = first.replace("{" + key + "}", str(value))
    links = [".husky/credentials", ".kt/credentials", ".git/config", ".git/hooks/planted", "n/.git/config", "d/file"]
    before = outside(world)
    calls: list[tuple[str, dict[str, Any]]] = [("bash", {"command": first, "timeout": 20})]
    calls += [("read", {"path": link}) for link in links]
    calls += [("write", {"path": link, "content": "PWN"}) for link in links]
    shown = await play(agent, calls)
    assert CANARY not in shown
    assert outside(world) == before
