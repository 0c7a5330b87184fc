"""Attacks on runs: a pack takes part without having been asked about, or makes kt fall over."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Plugins
from kt.testing import ScriptedLLM
from kt_cli.running import build_agent
from kt_cli.settings import RunSettings
from kt_marketplace.install.errors import Refused
from kt_marketplace.install.path import folders, lock_file, packs_folder

from .installing import Home
from .red_team import CREATURE, GREEDY, PLAIN, REGISTER_TOOL, REGISTERS, TOOL, A, kt, made
from .test_install_folders import repository as repository
from .wheels import make_pack, unpack


@dataclass
class Stranger:
    """A pack that pip installed; `taken_part` is whether a run with it went on though nobody was asked."""

    folder: Path
    site: Path = field(init=False)

    def __post_init__(self) -> None:
        self.canary = self.folder / "imported"
        tool = TOOL.format(first=f"open({str(self.canary)!r}, 'w').close()", effect="read", needs="")
        ends = "from contextlib import asynccontextmanager\n@asynccontextmanager\nasync def ends(agent):\n    yield\n"
        more = "registry.input('zin', 'zpond.ends:ends')"
        wheel = made(self.folder, {
            "zpond/__init__.py": f"{REGISTER_TOOL}    {more}\n", "zpond/tools.py": tool, "zpond/ends.py": ends,
            CREATURE: "description: d\nprompt: evil\ntools: [./t.py:croak]\n", "zpond/creatures/a/t.py": tool,
            "zpond/creatures/a/evals.yaml": "tasks: [{name: one, prompt: go, checks: [{answer: ok}]}]\n",
            "zpond/prompts/p.md": "evil",
        })  # fmt: skip
        self.site = unpack(wheel, self.folder / "site")
        (self.folder / "script.json").write_text('["ok"]')

    def run(self, command: str, creature: str, *words: str) -> "subprocess.CompletedProcess[str]":
        (self.folder / "c.yaml").write_text(creature)
        prompt = ["hi"] if command == "run" else []
        script = ["--scripted", str(self.folder / "script.json")]
        reference = creature if creature.startswith("@") else "./c.yaml"
        return kt(command, reference, *prompt, *script, *words, cwd=self.folder, PYTHONPATH=str(self.site))


@pytest.fixture
def stranger(home: Home, tmp_path: Path) -> Stranger:
    return Stranger(tmp_path)


def test_the_first_run_of_a_stranger_asks(stranger: Stranger) -> None:
    assert stranger.run("run", "@zpond/creatures/a").returncode == 77
    assert stranger.run("run", "prompt: x\ntools: [ztool]\n").returncode == 77


@pytest.mark.parametrize(
    "creature",
    [
        "base: '@zpond/creatures/a'\n",
        "prompt: x\ntools: ['zpond.tools:croak']\n",
        "prompt: x\ninput: zin\n",
        "prompt: x\ninput: {name: zin}\n",
        "prompt: x\nsubagents: ['@zpond/creatures/a']\n",
        "prompt: x\nsubagents: [{name: s, base: '@zpond/creatures/a'}]\n",
        "prompt: x\nsubagents: [{name: s, description: d, prompt: p, tools: [ztool]}]\n",
        "prompt: 'x {{include @zpond/prompts/p.md}}'\n",
        "terrarium: {name: t, root: {prompt: r}, creatures: [{name: m, base: '@zpond/creatures/a'}]}\n",
    ],
)
def test_no_way_into_a_run_goes_around_the_question(stranger: Stranger, creature: str) -> None:
    assert stranger.run("run", creature).returncode == 77


def test_kt_eval_asks(stranger: Stranger) -> None:
    assert stranger.run("eval", "@zpond/creatures/a").returncode == 77


def test_kt_run_add_asks(stranger: Stranger) -> None:
    assert stranger.run("run", "prompt: x\n", "--add", "@zpond/creatures/a=m").returncode == 77


def test_a_pack_without_an_entry_point_asks(stranger: Stranger) -> None:
    (next(stranger.site.glob("*.dist-info")) / "entry_points.txt").unlink()
    assert stranger.run("run", "@zpond/creatures/a").returncode == 77


def test_nothing_of_a_creature_is_imported_before_the_yes(stranger: Stranger) -> None:
    assert stranger.run("run", "@zpond/creatures/a").returncode == 77
    assert not stranger.canary.exists()


@pytest.mark.parametrize(
    "words", [["context"], ["doctor"], ["run", "--explain", "--model", "scripted"], ["info", "ztool"]]
)
def test_to_look_at_a_stranger_imports_nothing(stranger: Stranger, words: list[str]) -> None:
    reference = [] if words[0] == "info" else ["@zpond/creatures/a"]
    kt(words[0], *reference, *words[1:], PYTHONPATH=str(stranger.site))
    assert not stranger.canary.exists()


async def minded(creature: Any, **options: Any) -> Agent:
    """Return an agent that nobody had to be asked about."""
    sys.path += [folder for folder in folders() if folder not in sys.path]
    agent = await Agent.build(creature, llm=ScriptedLLM(["x"]), host=Host(Plugins()), guards=["packs"], **options)
    async with agent:
        return agent


@pytest.mark.anyio
async def test_a_lock_says_nothing_of_another_copy(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"zpond/__init__.py": REGISTER_TOOL, "zpond/tools.py": PLAIN}
    home.install(made(tmp_path, files, provides=[("tool", "ztool")]))
    monkeypatch.syspath_prepend(str(unpack(made(tmp_path, files, "9.9"), tmp_path / "site")))
    with pytest.raises(Refused):
        await minded({"name": "x", "tools": ["ztool"]})


@pytest.mark.anyio
async def test_nobody_calls_themselves_official(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"zpond/__init__.py": REGISTER_TOOL, "zpond/tools.py": PLAIN}
    wheel = made(tmp_path, files | {"kt_websearch.egg-info/entry_points.txt": "[kt]\nz = zpond\n"}, entry_points={})
    monkeypatch.syspath_prepend(str(unpack(wheel, tmp_path / "site")))
    with pytest.raises(Refused):
        await minded({"name": "x", "tools": ["ztool"]})


@pytest.mark.parametrize("more", ["tools: ['zpond.tools:croak']", "subagents: [{name: s, prompt: p, tools: [ztool]}]"])
@pytest.mark.anyio
async def test_no_tool_declares_more_than_its_pack(home: Home, tmp_path: Path, more: str) -> None:
    files = {"zpond/__init__.py": REGISTER_TOOL, "zpond/tools.py": GREEDY, CREATURE: f"prompt: x\n{more}\n"}
    home.install(made(tmp_path, files, provides=[("tool", "ztool"), *A]))
    with pytest.raises(Refused, match="does not say"):
        await minded("@zpond/creatures/a", profile="default")


@pytest.mark.anyio
async def test_quarantine_takes_no_guard_from_a_sub_agent(home: Home, tmp_path: Path) -> None:
    code = REGISTERS.format("registry.plugin('zg', 'zpond.p:G')")
    guard = (
        "from kt import hookimpl\nclass G:\n    @hookimpl\n    async def kt_around_tool_call(self, agent, call, next):"
    )
    guard += "\n        assert call.name != 'read'\n        return await next(call)\n"
    home.install(made(tmp_path, {"zpond/__init__.py": code, "zpond/p.py": guard}, provides=[("plugin", "zg")]))
    sys.path += folders()
    row = {"plugin": "zg", "distribution": "zpond", "version": "1.0", "failures": 3, "error": "E"}
    (home.folder / "quarantine.json").write_text(json.dumps([row]))
    (tmp_path / "secret").write_text("the secret")
    (tmp_path / "c.yaml").write_text(
        "prompt: x\nplugins: [zg]\nsubagents: [{name: s, description: d, prompt: p, guards: [zg], tools: [read]}]\n"
    )
    settings = RunSettings(Plugins(), cwd=tmp_path, profile=None, use=[])
    settings.creature = str(tmp_path / "c.yaml")
    heard: list[str] = []

    def inner(request: Any) -> str:
        heard.append(str(request.messages[-1]))
        return "done"

    call = [("task", {"agent": "s", "prompt": "go", "wait": True})]
    script = ScriptedLLM([call, [("read", {"path": "secret"})], inner, "done"])
    async with await build_agent(settings, llm=script) as agent:
        await agent.run("hi")
    assert heard
    assert "the secret" not in "".join(heard)


def _break_the_lock(home: Home) -> None:
    lock_file().write_text("{")


def _remove_the_packs(home: Home) -> None:
    shutil.rmtree(packs_folder())


def _add_a_file(home: Home) -> None:
    (home.site / "zz.py").touch()


@pytest.mark.parametrize(
    ("harm", "code", "says"),
    [(_break_the_lock, 65, "E-DATA"), (_remove_the_packs, 78, "E-NOTBUILT"), (_add_a_file, 65, "E-TAMPERED")],
)
def test_a_run_ends_where_packs_are_not_as_they_were_inspected_though_it_names_none(
    home: Home, tmp_path: Path, harm: Callable[[Home], None], code: int, says: str
) -> None:
    home.install(make_pack(tmp_path, "kt-pond"))
    (tmp_path / "script.json").write_text('["ok"]')
    (tmp_path / "c.yaml").write_text("prompt: x\n")
    words = ("run", "./c.yaml", "hi", "--scripted", str(tmp_path / "script.json"))
    assert kt(*words, cwd=tmp_path).returncode == 0
    harm(home)
    ended = kt(*words, cwd=tmp_path)
    assert (ended.returncode, ended.stdout, says in ended.stderr) == (code, "", True), ended.stderr


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "raise KeyboardInterrupt", "import os; os._exit(4)"])
def test_a_pack_does_not_prevent_its_removal(home: Home, tmp_path: Path, code: str) -> None:
    home.install(made(tmp_path, {"zpond/__init__.py": f"{code}\n"}))
    kt("uninstall", "zpond", "--yes")
    assert home.versions == {}


def test_entry_points_that_are_no_text_end_nothing(home: Home, tmp_path: Path) -> None:
    (tmp_path / "x-1.dist-info").mkdir()
    (tmp_path / "x-1.dist-info" / "entry_points.txt").write_bytes(b"[x]\na = \xff\n")
    assert kt("--help", PYTHONPATH=str(tmp_path)).returncode == 0
