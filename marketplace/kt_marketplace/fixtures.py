"""Fixtures for the tests of packs: `pytest -p kt_marketplace.fixtures`, or `addopts` in the pack's pyproject.toml.

`kt_home`, `kt_plugins`, `kt_agent`, `kt_run`, `kt_contract`; none acts unless a test asks for it.
"""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kt import Agent, Plugins
    from kt.testing import VirtualClock


@dataclass(frozen=True, slots=True)
class Ended:
    """A `kt` command that ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def kt_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a $KT_HOME of its own, and no other setting of its user's; what is installed stays installed."""
    from .install.path import folders

    packs = folders()
    monkeypatch.setattr(sys, "path", [*sys.path, *(folder for folder in packs if folder not in sys.path)])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), *packs])))
    for name in [name for name in os.environ if name.startswith("KT_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "kt-home"
    home.mkdir()
    monkeypatch.setenv("KT_HOME", str(home))
    return home


@pytest.fixture
def kt_plugins(kt_home: Path) -> "Plugins":
    """Return the installed plugins, as a fresh process would load them."""
    from kt import Plugins

    return Plugins()


@pytest.fixture
async def kt_agent(
    kt_home: Path, kt_plugins: "Plugins", tmp_path: Path
) -> "AsyncIterator[Callable[..., Awaitable[Agent]]]":
    """Return a function that starts an agent on a script: `await kt_agent(creature, script=[...], tools=[...])`.

    `script` is what `kt.testing.ScriptedLLM` takes, or an object with `stream`; `clock` a `VirtualClock` that the test
    moves; other keywords are `Agent.build`'s. It works in a folder of its own, and stops at the end of the test. For
    async tests (`pytest.mark.anyio`).
    """
    from contextlib import AsyncExitStack

    from kt import Host
    from kt.testing import running

    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:

        async def start(
            creature: object = None, *, script: object = (), clock: "VirtualClock | None" = None, **options: Any
        ) -> "Agent":
            host = await stack.enter_async_context(Host(kt_plugins, clock=clock))
            given = {"host": host, "pwd": work, "creature": creature or {"name": "test"}, **options}
            return await stack.enter_async_context(running(script, **given))

        yield start


@pytest.fixture
def kt_run(kt_home: Path, tmp_path: Path) -> Callable[..., Ended]:
    """Return a function that runs `kt` to its end, in a process of its own: `kt_run("run", "@kt-mine/creatures/x")`.

    `cwd` is the test's temporary folder unless it is given; `stdin` is text; `env` is added to the environment.
    """

    def run(*words: str | Path, cwd: Path = tmp_path, stdin: str = "", env: Mapping[str, str] | None = None) -> Ended:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "kt_cli.main", *map(str, words)],
            cwd=cwd, input=stdin, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def kt_contract(kt_plugins: "Plugins") -> Callable[[str | Path], None]:
    """Return a function that fails the test where `kt check` would: `kt_contract("kt-mine")`.

    It takes the name of an installed pack, its folder, or a wheel.
    """

    def contract(target: str | Path) -> None:
        __tracebackhide__ = True
        from .check import problems

        if found := problems(target, kt_plugins):
            lines = [f"{p.name}: {p.text}" + (f". fix: {p.fix}" if p.fix else "") for p in found]
            pytest.fail("\n".join(lines), pytrace=False)

    return contract
