"""The pytest plugin for authors of packs: it costs nothing unused, and each fixture does what it says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Only the named plugins are loaded, so that it makes no difference whether the entry point is installed."""


def run_pytest(folder: Path, text: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run a test file with the fixtures, in a process of its own."""
    (folder / "test_it.py").write_text(text)
    named = ["-p", "kt_marketplace.fixtures", "-p", "anyio"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *named, *options, "test_it.py"],
        cwd=folder, env={**os.environ, **ALONE}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def passes(folder: Path, text: str) -> None:
    done = run_pytest(folder, text)
    assert done.returncode == 0, done.stdout + done.stderr


def test_loading_the_plugin_imports_next_to_nothing_of_kt() -> None:
    program = "import sys, kt_marketplace.fixtures; print(*sorted(m for m in sys.modules if m.startswith('kt')))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["kt", "kt._marks", "kt_marketplace", "kt_marketplace.fixtures"]


def test_a_run_that_uses_none_of_them_imports_next_to_nothing_of_kt(tmp_path: Path) -> None:
    passes(
        tmp_path,
        "import sys\n\n\ndef test_it(tmp_path):\n"
        "    assert [m for m in sys.modules if m.startswith('kt.')] == ['kt._marks']\n"
        "    assert 'pydantic' not in sys.modules\n",
    )


def test_nothing_is_autouse_and_nothing_else_is_defined(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "def test_it(request):\n    print('used', request.fixturenames)\n", "-s")
    assert "used ['request']" in done.stdout
    listed = run_pytest(tmp_path, "def test_it(): pass\n", "--fixtures").stdout
    section = listed.partition("fixtures defined from kt_marketplace.fixtures")[2].partition("fixtures defined from")[0]
    names = [line.split()[0] for line in section.splitlines() if line.startswith("kt_")]
    assert sorted(names) == ["kt_agent", "kt_contract", "kt_home", "kt_plugins", "kt_run"]


def test_a_home_is_its_own_and_settings_of_the_user_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KT_HOME", "/nowhere")
    monkeypatch.setenv("KT_PLUGINS", "no-such-plugin")
    passes(
        tmp_path,
        "import os\n\n\ndef test_it(kt_home, kt_plugins):\n"
        "    assert {k: v for k, v in os.environ.items() if k.startswith('KT_')} == {'KT_HOME': str(kt_home)}\n"
        "    assert kt_plugins.registry.get('config', 'home')() == kt_home\n"
        "    assert list(kt_home.iterdir()) == []\n",
    )


def test_an_agent_plays_its_script_and_is_stopped_at_the_end(tmp_path: Path) -> None:
    passes(
        tmp_path,
        """
import kt
import pytest
from kt import tool
from kt.events import TurnEnded
from kt.testing import ScriptedLLM, VirtualClock

pytestmark = pytest.mark.anyio
stopped = []


@pytest.fixture
def anyio_backend():
    return "asyncio"


@tool(effect="read")
def where(ctx: kt.Context) -> str:
    "Tell the working folder."
    return str(ctx.pwd)


async def test_it(kt_agent, tmp_path):
    llm = ScriptedLLM(["Good day."])
    other = await kt_agent(script=llm)
    assert (await other.run("hello")).text == "Good day."
    assert len(llm.requests) == 1
    owl = {"name": "owl", "prompt": "You are an owl."}
    agent = await kt_agent(owl, script=[[("where", {})], "There."], tools=[where])
    result = (await agent.run("Where are you?")).unwrap()
    assert result.tool_calls[0].result == str(tmp_path / "work")
    assert "You are an owl." in agent.system
    agent.host.spawn(note(), name="note")


async def note():
    import asyncio
    try:
        await asyncio.Event().wait()
    finally:
        stopped.append(True)


async def test_the_agents_of_the_test_before_are_stopped():
    assert stopped == [True]


async def test_time_moves_when_told(kt_agent):
    clock = VirtualClock()
    agent = await kt_agent(script=["Tick."], clock=clock)
    async def later():
        await agent.host.clock.sleep(60)
        agent.send("now")
    agent.host.spawn(later(), name="later")
    async with agent.bus.stream(TurnEnded) as ended:
        await clock.advance(60)
        assert (await anext(ended)).result.text == "Tick."
""",
    )


def test_kt_runs_in_a_process_with_the_home_of_the_test(tmp_path: Path) -> None:
    passes(
        tmp_path,
        """
def test_it(kt_run, kt_home, tmp_path):
    (tmp_path / "owl.toml").write_text('prompt = "You are an owl."')
    done = kt_run("run", "./owl.toml", "--model", "scripted", stdin="hello")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("This is the scripted demo")
    assert [path.name for path in kt_home.iterdir()] == ["sessions"]
    assert kt_run("run", "./wren.toml", "hello").code == 66
    (tmp_path / "nest").mkdir()
    words = "run", "../owl.toml", "hello", "--model", "scripted"
    assert kt_run(*words, cwd=tmp_path / "nest").code == 0
    assert kt_run(*words, cwd=tmp_path / "nest", env={"KT_PLUGINS": "no-such-plugin"}).code == 78
""",
    )


def test_a_contract_that_does_not_hold_fails_with_its_lines(tmp_path: Path) -> None:
    info = tmp_path / "kt_stump-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: kt-stump\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kt]\nstump = kt_stump\n")
    (tmp_path / "kt_stump").mkdir()
    (tmp_path / "kt_stump" / "__init__.py").write_text("")
    done = run_pytest(tmp_path, "def test_contract(kt_contract):\n    kt_contract('kt-stump')\n")
    assert done.returncode == 1
    assert "manifest: kt_stump/kt-pack.toml is missing. fix: write it" in done.stdout
    (tmp_path / "kt_stump" / "kt-pack.toml").write_text(
        '[pack]\nname = "kt-stump"\nversion = "1.0"\ndescription = "A stump"\nkt = ">=0.1"\n'
    )
    passes(tmp_path, "def test_contract(kt_contract):\n    kt_contract('kt-stump')\n")
