"""What every registered thing promises: what `kt check` looks for in any pack, and what we ask of our own beyond it."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from kt import Agent, Entry, Host, Plugins
from kt.errors import DataError, KTError
from kt.testing import ScriptedLLM
from kt_marketplace.check.kinds import outcome_of

pytestmark = pytest.mark.anyio

PLUGINS = Plugins()
REGISTRY = PLUGINS.registry
SETTINGS: dict[str, dict[str, Any]] = {
    "output": {"type": str},
    "terrarium": {"add": [{"base": "@kt-biome/creatures/reviewer"}]},
}
"""Settings of plugins that can't do without."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))


def folder(tmp_path: Path) -> Path:
    """Return a folder to work in, beside our own."""
    (tmp_path / "work").mkdir(exist_ok=True)
    return tmp_path / "work"


def each(*kinds: str) -> Any:
    """Run a test for each entry of the kinds, or of all."""
    entries = [e for e in REGISTRY.entries() if not kinds or e.kind in kinds]
    return pytest.mark.parametrize("entry", entries, ids=[f"{e.kind} {e.name}" for e in entries])


def parameters(target: Any) -> list[str]:
    return list(inspect.signature(target).parameters)


def test_there_is_something_of_every_kind() -> None:
    kinds = {e.kind for e in REGISTRY.entries()}
    assert {"provider", "tool", "plugin", "command", "run_option", "build_option", "format", "profile", "creature",
            "loader", "sandbox"} <= kinds  # fmt: skip


@each()
def test_it_keeps_what_every_pack_is_checked_for(entry: Entry) -> None:
    assert outcome_of(entry, PLUGINS).problems == ()
    assert entry.dist
    assert entry.version


@each("creature", "terrarium")
def test_a_short_name_leads_to_a_file(entry: Entry) -> None:
    assert REGISTRY.get("config", "reference")(PLUGINS, entry.name, kind=entry.kind).is_file()


@each("tool")
def test_a_tool_has_a_schema_that_every_provider_takes(entry: Entry) -> None:
    schema = entry.load().parameters
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert set(schema.get("required", ())) <= set(schema.get("properties", {}))


@each("plugin")
async def test_a_plugin_lets_a_turn_pass(entry: Entry, tmp_path: Path) -> None:
    answer = '"Hello."' if entry.name == "output" else "Hello."
    plugins = [{entry.name: SETTINGS.get(entry.name, {})}]
    async with (
        Host(PLUGINS) as host,
        await Agent.build(
            {"name": "t"}, llm=ScriptedLLM([answer]), plugins=plugins, host=host, pwd=folder(tmp_path)
        ) as agent,
    ):
        (active,) = agent.active
        assert active.label == f"{entry.name} ({entry.dist} {entry.version})"
        assert active.tier in ("outer", "normal")
        result = (await agent.run("hi")).unwrap()
    assert result.text == answer


@each("plugin")
async def test_a_plugin_refuses_a_setting_it_does_not_have(entry: Entry) -> None:
    settings = {**SETTINGS.get(entry.name, {}), "no_such_setting": 1}
    with pytest.raises(KTError, match="no_such_setting"):
        await Agent.build({"name": "t"}, llm=ScriptedLLM(), plugins=[{entry.name: settings}], host=Host(PLUGINS))


@each("provider")
async def test_a_provider_is_made_of_model_options_and_host(entry: Entry) -> None:
    target, given = entry.load(), {"no_such_option": 1}
    key = entry.data.get("key_env")
    if entry.data.get("table"):
        named = target.get("key_env")
        assert key == (named if isinstance(named, str | None) else named[0])
        target, given = REGISTRY.get("provider", "endpoint"), {**target, **given}
    assert parameters(target) == ["model", "options", "host"]
    async with Host(PLUGINS) as host:
        with pytest.raises(KTError) as raised:
            target("m", given, host)
    assert raised.value.exit_code in (65, 66, 78)
    assert key is None or re.fullmatch(r"[A-Z][A-Z0-9_]*_API_KEY", key)


@each("command")
def test_a_command_refuses_an_option_it_does_not_have(entry: Entry) -> None:
    with pytest.raises(KTError) as raised:
        entry.load()(["--no-such-option"], PLUGINS)
    assert raised.value.exit_code == 2


@each("build_option")
def test_a_build_option_is_no_keyword_of_the_kernel(entry: Entry) -> None:
    assert entry.name not in inspect.signature(Agent.build).parameters or entry.name in ("output_type", "subagents")


@each("format")
def test_a_format_gives_data_and_positions_and_places_what_is_broken(entry: Entry) -> None:
    file = Path(f"x.{entry.name}")
    data, locate = entry.load()("", file)
    assert data in ({}, None)
    assert locate(["anything", 0]) == (1, 1)
    with pytest.raises(DataError) as raised:
        entry.load()("\x00{[", file)
    assert re.match(rf"x\.{entry.name}:\d+:\d+", raised.value.where)


REFERENCES = [
    reference
    for dist in sorted({point.dist for point, _ in PLUGINS.modules.values()})
    for reference in REGISTRY.get("config", "creatures_of")(PLUGINS, dist)
]


@pytest.mark.parametrize("reference", REFERENCES)
async def test_a_creature_of_a_pack_builds_and_answers(reference: str, tmp_path: Path) -> None:
    creature = REGISTRY.get("loader", "creature")(PLUGINS, reference)
    assert len(creature.description) > 10
    assert len(creature.prompt) > 100
    assert not any(":" in tool for tool in creature.tools)
    for variant in (None, *creature.variants):
        llm = ScriptedLLM(["Hello."])
        llm.variant = variant  # type: ignore[attr-defined]
        async with (
            Host(PLUGINS) as host,
            await Agent.build(reference, llm=llm, profile="default", host=host, pwd=folder(tmp_path)) as agent,
        ):
            chosen = creature.variant(variant)
            extra = set(agent.tools) - {*chosen.tools, *(["task"] if chosen.subagents else [])}
            assert set(agent.tools) >= set(chosen.tools)
            assert bool(extra) == ("terrarium" in chosen.plugins), extra
            assert (await agent.run("hi")).unwrap().text == "Hello."
            assert agent.limits.max_turns is not None


@pytest.mark.parametrize("reference", REFERENCES)
async def test_a_creature_of_a_pack_that_can_do_harm_brings_a_guard(reference: str, tmp_path: Path) -> None:
    async with Host(PLUGINS) as host:
        agent = await Agent.build(reference, llm=ScriptedLLM(), host=host, unguarded=True, pwd=folder(tmp_path))
    risky = [tool.name for tool in agent.tool_list if tool.needs.net or (tool.needs.exec and tool.effect != "read")]
    assert not risky or [active for active in agent.active if active.tier == "guard"], risky


def test_every_creature_that_is_registered_is_listed_by_its_pack() -> None:
    reference = REGISTRY.get("config", "reference")
    listed = {reference(PLUGINS, r) for r in REFERENCES}
    assert {reference(PLUGINS, e.name) for e in REGISTRY.entries("creature")} <= listed
