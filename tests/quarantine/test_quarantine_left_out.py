"""What `kt run` leaves out: a plugin in quarantine, but never one that somebody in the run has for a guard."""

from pathlib import Path
from typing import Any

import pytest
from kt import Creature, Plugins, hookimpl
from kt_cli.left_out import left_out
from kt_cli.settings import RunSettings
from kt_quarantine.ledger import LIMIT, settle


class Boom:
    @hookimpl
    def kt_prompt(self) -> str:
        return ""


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what tells which plugins a run of a file leaves out; `boom` is in quarantine."""
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    plugins = Plugins()
    plugins.registry.owner = ("kt-boom", "1.0")
    plugins.registry.plugin("boom", Boom)
    plugins.registry.add("subagent", "held", {"description": "d", "prompt": "p", "guards": ["boom"]})
    for _ in range(LIMIT):
        settle(plugins.registry, {("boom", "kt-boom", "1.0"): "x"}, set())

    def told(text: str) -> set[str]:
        file = tmp_path / "c.yaml"
        file.write_text(text)
        settings = RunSettings(plugins, cwd=tmp_path, profile="default", use=[])
        creature: Creature = plugins.registry.get("loader", "creature")(plugins, str(file))
        return set(left_out(settings, creature, {"profile": "default", "plugins": []}))

    (tmp_path / "other.yaml").write_text("name: other\nprompt: p\nguards: [boom]\n")
    (tmp_path / "circle.yaml").write_text("name: circle\nprompt: p\nsubagents: [./circle.yaml]\n")
    return told


SUB = "name: s, description: d, prompt: p"


@pytest.mark.parametrize(
    "text",
    [
        "prompt: x\nplugins: [boom]\n",
        "prompt: x\nplugins: [boom]\nsubagents: [explore]\n",
        f"prompt: x\nplugins: [boom]\nsubagents: [{{{SUB}, plugins: [boom]}}]\n",
        "prompt: x\nplugins: [boom]\nsubagents: [./circle.yaml]\n",
    ],
)
def test_what_nobody_has_for_a_guard_is_left_out(out: Any, text: str) -> None:
    assert out(text) == {"boom"}


@pytest.mark.parametrize(
    "text",
    [
        "prompt: x\nguards: [boom]\n",
        f"prompt: x\nplugins: [boom]\nsubagents: [{{{SUB}, guards: [boom]}}]\n",
        "prompt: x\nplugins: [boom]\nsubagents: [held]\n",
        "prompt: x\nplugins: [boom]\nsubagents: [./other.yaml]\n",
        "prompt: x\nplugins: [boom]\nsubagents: [{name: s, base: held}]\n",
        f"prompt: x\nplugins: [boom]\nsubagents: [{{{SUB}, subagents: [{{{SUB}, guards: [boom]}}]}}]\n",
        "prompt: x\nplugins: [boom]\nvariants: {compact: {subagents: [held]}}\n",
        "terrarium: {name: t, root: {prompt: r}, creatures: [{name: m, prompt: x, subagents: [held]}]}\n",
    ],
    ids=["own", "table", "name", "reference", "base", "nested", "variant", "team"],
)
def test_what_any_agent_of_the_run_has_for_a_guard_stays(out: Any, text: str) -> None:
    assert out(text) == set()
