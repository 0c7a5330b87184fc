"""What a plugin class must look like: checked when the agent is built, each mistake named."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from kt import Agent, Host, Message, Request, hookimpl
from kt.errors import MissingPlugin, PluginError, UnknownName
from kt.testing import ScriptedLLM, running

pytestmark = pytest.mark.anyio
Next = Callable[[Request], Awaitable[Message]]


class UnknownHook:
    @hookimpl
    async def kt_around_everything(self, agent: Agent) -> None: ...


class UnknownArgument:
    @hookimpl
    async def kt_around_llm_call(self, agent: Agent, request: Request, nxt: Next) -> None: ...


class NotAsync:
    @hookimpl
    def kt_around_llm_call(self, request: Request, next: Next) -> None: ...


async def refused(plugin: Any, **options: Any) -> PluginError:
    with pytest.raises(PluginError) as caught:
        await Agent.build({}, llm=ScriptedLLM(), plugins=[plugin], **options)
    assert caught.value.exit_code == 78
    return caught.value


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        (UnknownHook, ("UnknownHook", "kt_around_everything")),
        (UnknownArgument, ("UnknownArgument", "kt_around_llm_call", "nxt")),
        (NotAsync, ("NotAsync.kt_around_llm_call must be 'async def'",)),
    ],
)
async def test_a_hook_that_does_not_fit_is_an_error_naming_class_hook_and_argument(
    plugin: type, words: tuple[str, ...]
) -> None:
    error = await refused(plugin)
    assert all(word in error.what for word in words), error.what
    assert error.where == __name__


async def test_the_error_has_no_object_address_in_it() -> None:
    assert re.findall(r"\d{6,}", (await refused(UnknownArgument)).what) == []


async def test_a_hook_that_does_not_fit_names_the_distribution_of_a_named_plugin(host: Host) -> None:
    host.registry.plugin("odd", UnknownArgument)
    error = await refused("odd", host=host)
    assert "kt-test 1.0" in str(error)
    assert "'odd'" in str(error)


async def test_an_optional_hook_may_be_unknown() -> None:
    class Optional:
        @hookimpl(optionalhook=True)
        async def kt_around_everything(self, agent: Agent) -> None: ...

    async with running(["hi"], plugins=[Optional]) as agent:
        assert (await agent.run("hi")).ok


async def test_a_hook_may_take_fewer_arguments_in_any_order() -> None:
    seen: list[object] = []

    class Few:
        @hookimpl
        async def kt_around_llm_call(self, next: Next, request: Request) -> Message:
            seen.append(request)
            return await next(request)

        @hookimpl
        def kt_prompt(self) -> str:
            return "few"

    async with running(["hi"], plugins=[Few]) as agent:
        await agent.run("hi")
        assert len(seen) == 1
        assert agent.system == "few"


async def test_an_unmarked_method_is_no_hook() -> None:
    class Unmarked:
        async def kt_around_llm_call(self, request: Request, next: Next) -> Message:
            raise AssertionError

    async with running(["hi"], plugins=[Unmarked]) as agent:
        assert (await agent.run("hi")).ok


async def test_hooks_of_a_base_class_count() -> None:
    class Base:
        @hookimpl
        def kt_prompt(self) -> str:
            return "inherited"

    class Derived(Base):
        pass

    async with running([], plugins=[Derived]) as agent:
        assert agent.system == "inherited"


@dataclass
class Settings:
    limit: int = 3
    words: tuple[str, ...] = ()


class Configured:
    Config = Settings

    def __init__(self, config: Settings) -> None:
        self.config = config


async def configured(host: Host, settings: dict[str, Any]) -> Settings:
    host.registry.plugin("configured", Configured)
    agent = await Agent.build({}, llm=ScriptedLLM(), plugins=[{"configured": settings}], host=host)
    config: Settings = agent.plugin("configured").config
    return config


async def test_settings_are_validated_into_the_plugins_config(host: Host) -> None:
    assert await configured(host, {"words": ["a", "b"]}) == Settings(3, ("a", "b"))


async def test_an_unknown_setting_is_named_with_the_nearest(host: Host) -> None:
    with pytest.raises(PluginError, match="plugin 'configured' has no setting 'limitt'") as caught:
        await configured(host, {"limitt": 3})
    assert caught.value.hint == "did you mean limit?"


async def test_a_setting_of_the_wrong_type_is_named(host: Host) -> None:
    with pytest.raises(PluginError, match=r"setting 'limit' of plugin 'configured': .*integer"):
        await configured(host, {"limit": "many"})


async def test_a_pydantic_config_is_validated_too(host: Host) -> None:
    from pydantic import BaseModel, Field

    class Model(BaseModel):
        share: float = Field(0.5, le=1)

    class Shares(Configured):
        Config = Model  # type: ignore[assignment]

    host.registry.plugin("shares", Shares)
    with pytest.raises(PluginError, match="setting 'share' of plugin 'shares'"):
        await Agent.build({}, llm=ScriptedLLM(), plugins=[{"shares": {"share": 2}}], host=host)


async def test_a_plugin_without_config_takes_no_settings(host: Host) -> None:
    class Plain:
        pass

    host.registry.plugin("plain", Plain)
    with pytest.raises(PluginError, match="plugin 'plain' takes no settings, but was given a, b"):
        await Agent.build({}, llm=ScriptedLLM(), plugins=[{"plain": {"b": 1, "a": 2}}], host=host)


async def test_a_plugin_whose_constructor_fails_is_named(host: Host) -> None:
    class Needy:
        def __init__(self) -> None:
            raise RuntimeError("no display")

    host.registry.plugin("needy", Needy)
    with pytest.raises(PluginError, match=r"needy.*no display"):
        await Agent.build({}, llm=ScriptedLLM(), plugins=["needy"], host=host)


async def test_a_class_gets_the_defaults_of_its_config() -> None:
    agent = await Agent.build({}, llm=ScriptedLLM(), plugins=[Configured])
    assert agent.plugin("Configured").config == Settings()


async def test_an_unknown_plugin_has_its_nearest_names(host: Host) -> None:
    host.registry.plugin("budget", Configured)
    with pytest.raises(UnknownName, match="no plugin named 'budgets'") as caught:
        await Agent.build({}, llm=ScriptedLLM(), plugins=["budgets"], host=host)
    assert caught.value.hint == "did you mean budget?"


async def test_plugin_finds_an_enabled_plugin_and_says_how_to_enable_one() -> None:
    plugin = Configured(Settings())
    async with running([], plugins=[plugin]) as agent:
        assert agent.plugin("Configured") is plugin
        with pytest.raises(MissingPlugin, match="plugin 'budget' is not enabled in 'test'") as caught:
            agent.plugin("budget")
        assert caught.value.hint == "Agent.build(plugins=['budget'])"
