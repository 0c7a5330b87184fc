"""Which plugins act: the profile's, the creature's, the caller's; the caller may drop any, a creature none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from kt import Agent, Host, Profile, ToolCall, ToolResult, Vetoed, hookimpl
from kt.errors import ConfigError, PluginError, UnknownName
from kt.testing import ScriptedLLM

pytestmark = pytest.mark.anyio
Next = Callable[[ToolCall], Awaitable[ToolResult]]


@dataclass
class Level:
    level: int = 0
    label: str = ""


class Plugin:
    Config = Level

    def __init__(self, config: Level) -> None:
        self.config = config


class Guard:
    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> ToolResult:
        raise Vetoed("no")


@pytest.fixture
def named(host: Host) -> Host:
    for name in ("a", "b", "c"):
        host.registry.plugin(name, Plugin)
    host.registry.plugin("guard", Guard)
    return host


async def built(host: Host, creature: dict[str, Any] | None = None, llm: Any = None, **options: Any) -> Agent:
    return await Agent.build(creature or {}, llm=llm or ScriptedLLM(), host=host, **options)


def names(agent: Agent) -> list[tuple[str, str]]:
    return [(active.name, active.tier) for active in agent.active]


async def test_nothing_acts_unless_it_is_enabled(named: Host) -> None:
    assert names(await built(named)) == []


async def test_order_is_profile_then_creature_then_caller_then_objects_then_guards(named: Host) -> None:
    profile = Profile(plugins={"c": None}, guards=("guard",))
    agent = await built(named, {"plugins": ["b"]}, profile=profile, plugins=[Level(), "a"])
    assert names(agent) == [*((n, "normal") for n in ("c", "b", "a", "Level")), ("guard", "guard")]


async def test_no_name_takes_a_profiles_plugin_away(named: Host) -> None:
    profile = Profile(plugins={"a": None, "b": None})
    assert names(await built(named, profile=profile, plugins=("no:a",))) == [("b", "normal")]


async def test_no_name_takes_a_creatures_plugin_away(named: Host) -> None:
    assert names(await built(named, {"plugins": ["a", "b"]}, plugins=("no:a",))) == [("b", "normal")]


async def test_no_name_of_a_plugin_that_is_not_enabled_changes_nothing(named: Host) -> None:
    assert names(await built(named, plugins=("no:a", "b"))) == [("b", "normal")]


async def test_later_settings_are_laid_over_earlier_ones(named: Host) -> None:
    profile = Profile(plugins={"a": {"level": 1, "label": "profile"}})
    agent = await built(named, profile=profile, plugins=[{"a": {"level": 2}}])
    assert agent.plugin("a").config == Level(2, "profile")


async def test_the_callers_settings_win_over_the_creatures(named: Host) -> None:
    agent = await built(named, {"plugins": {"a": {"level": 1}}}, plugins=[{"a": {"level": 2}}])
    assert agent.plugin("a").config.level == 2


async def test_a_creature_cannot_disable_a_plugin(named: Host) -> None:
    with pytest.raises(ConfigError, match="can't disable a plugin"):
        await built(named, {"plugins": ["no:a"]}, profile=Profile(plugins={"a": None}))


class Compact(ScriptedLLM):
    variant = "compact"


async def test_a_variant_of_a_creature_cannot_drop_the_users_guard(named: Host) -> None:
    creature = {"variants": {"compact": {"plugins": {"no:guard": None}}}}
    with pytest.raises(ConfigError, match="can't disable a plugin"):
        await built(named, creature, Compact(), profile=Profile(guards=("guard",)))


async def test_a_provider_cannot_drop_the_users_guard(named: Host) -> None:
    class Sly(ScriptedLLM):
        plugins = ("no:guard",)

    with pytest.raises(ConfigError, match="can't disable a plugin"):
        await built(named, llm=Sly(), profile=Profile(guards=("guard",)))


async def test_a_variant_adds_its_plugins_for_the_provider_that_wants_it(named: Host) -> None:
    creature = {"plugins": ["a"], "variants": {"compact": {"plugins": {"b": {"level": 7}}}}}
    assert names(await built(named, creature)) == [("a", "normal")]
    agent = await built(named, creature, Compact())
    assert names(agent) == [("a", "normal"), ("b", "normal")]
    assert agent.plugin("b").config.level == 7


async def test_a_creature_may_demand_a_guard(named: Host) -> None:
    assert names(await built(named, {"guards": ["guard"]})) == [("guard", "guard")]


async def test_a_guard_that_is_asked_for_twice_stands_once(named: Host) -> None:
    agent = await built(named, {"guards": ["guard"]}, profile=Profile(guards=("guard",)), guards=["guard"])
    assert names(agent) == [("guard", "guard")]


async def test_a_guard_among_the_plugins_is_still_a_guard(named: Host) -> None:
    profile = Profile(plugins={"guard": None}, guards=("guard",))
    assert names(await built(named, profile=profile)) == [("guard", "guard")]


async def test_a_guard_gets_its_settings_from_the_plugins_table(named: Host) -> None:
    profile = Profile(plugins={"a": {"level": 4}}, guards=("a",))
    agent = await built(named, profile=profile)
    assert (names(agent), agent.plugin("a").config.level) == ([("a", "guard")], 4)


async def test_an_unknown_guard_is_an_error(named: Host) -> None:
    with pytest.raises(UnknownName, match="no plugin named 'gard'"):
        await built(named, guards=["gard"])


async def test_a_bad_guard_is_an_error_even_where_bad_plugins_are_skipped(named: Host) -> None:
    named.plugins.skip_bad = True
    named.registry.plugin("broken", "kt_nowhere:Guard")
    assert names(await built(named, plugins=["broken", "a"])) == [("a", "normal")]
    assert "broken" in named.plugins.failed
    with pytest.raises(PluginError, match=r"plugin 'broken' of kt-test 1\.0 does not load"):
        await built(named, guards=["broken"])


async def test_a_class_with_a_wrong_hook_is_skipped_where_bad_plugins_are(named: Host) -> None:
    class Odd:
        @hookimpl
        def kt_prompt(self, wrong: int) -> str:
            return ""

    named.plugins.skip_bad = True
    named.registry.plugin("odd", Odd)
    assert names(await built(named, plugins=["odd", "a"])) == [("a", "normal")]
    assert "odd" in named.plugins.failed
