"""What counts as a failing run of a plugin, what ends the count, and what is never counted."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import kt
import pytest
from kt import Agent, Host, KTError, Plugins, hookimpl
from kt.errors import DataError, LimitReached, PluginError, UnknownName
from kt.events import PluginFailed, TurnEnded
from kt.testing import EventRecorder, ScriptedLLM
from kt_quarantine.ledger import LIMIT, quarantined, release, settle

pytestmark = pytest.mark.anyio
SECRET = "sk-quarantine-0123456789abcdef"


class Boom:
    """Fail in every turn while `broken`."""

    broken = True

    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Any) -> Any:
        if Boom.broken:
            raise ValueError("no luck")
        return await next(turn)


class BoomTool:
    @hookimpl
    async def kt_around_tool_call(self, call: Any, next: Any) -> Any:
        if Boom.broken:
            raise ValueError("no luck with tools")
        return await next(call)


class BoomListener:
    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        def heard(event: TurnEnded) -> None:
            raise ValueError(f"can't hear {SECRET}")

        off = agent.bus.on(TurnEnded, heard)
        yield
        off()


class BoomStart:
    @hookimpl
    def kt_prompt(self) -> str:
        raise ValueError("no prompt")


class Bound:
    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Any) -> Any:
        raise LimitReached("enough for today")


@kt.tool(effect="read")
def ping() -> str:
    """Answer."""
    return "pong"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("KT_HOME", str(folder))
    monkeypatch.setattr(Boom, "broken", True)
    folder.mkdir()
    return folder


def made(version: str = "1.0") -> Plugins:
    """Return what is installed, and a distribution kt-boom with plugins that fail."""
    plugins = Plugins()
    plugins.registry.owner = ("kt-boom", version)
    for cls in (Boom, BoomTool, BoomListener, BoomStart, Bound):
        plugins.registry.plugin(cls.__name__, cls)
    plugins.registry.plugin("granting", Boom, grants=True)
    plugins.registry.plugin("essential", Boom, essential=True)
    return plugins


async def run(installed: Plugins, *enabled: Any, steps: Any = ("hi",), **options: Any) -> Any:
    """Play one run with the quarantine and these plugins; return the turn's result, or what ended the start."""
    async with Host(installed) as host:
        given = {"tools": [ping], "plugins": ["quarantine", *enabled], **options}
        agent = await Agent.build({"name": "a"}, llm=ScriptedLLM(steps), host=host, **given)
        try:
            async with agent:
                return await agent.run("hello")
        except Exception as error:
            return error


def counts(plugins: Plugins) -> dict[str, int]:
    """Return the failures that are on record."""
    file = Path(plugins.registry.get("config", "home")()) / "quarantine.json"
    return {row["plugin"]: row["failures"] for row in json.loads(file.read_text())} if file.is_file() else {}


@pytest.mark.parametrize(
    ("name", "steps", "error"),
    [
        ("Boom", ["hi"], "ValueError: no luck"),
        ("BoomTool", [[("ping", {})], "hi"], "ValueError: no luck with tools"),
        ("BoomListener", ["hi"], "ValueError: can't hear"),
        ("BoomStart", ["hi"], "ValueError: no prompt"),
    ],
)
async def test_a_plugin_that_fails_in_three_runs_in_a_row_is_in_quarantine(name: str, steps: Any, error: str) -> None:
    plugins = made()
    for number in range(1, LIMIT + 1):
        assert quarantined(plugins.registry) == []
        await run(plugins, name, steps=list(steps))
        assert counts(plugins) == {name: number}
    (culprit,) = quarantined(plugins.registry)
    assert (culprit.plugin, culprit.distribution, culprit.version) == (name, "kt-boom", "1.0")
    assert culprit.error.startswith(error)


async def test_a_run_in_which_it_acts_without_failing_ends_the_count() -> None:
    plugins = made()
    for _ in range(LIMIT - 1):
        await run(plugins, "Boom")
    Boom.broken = False
    assert (await run(plugins, "Boom")).ok
    assert counts(plugins) == {}


async def test_a_run_without_an_occasion_to_fail_says_nothing() -> None:
    plugins = made()
    for _ in range(2):
        await run(plugins, "BoomTool", steps=[[("ping", {})], "hi"])
    assert (await run(plugins, "BoomTool")).ok
    assert counts(plugins) == {"BoomTool": 2}
    Boom.broken = False
    assert (await run(plugins, "BoomTool", steps=[[("ping", {})], "hi"])).ok
    assert counts(plugins) == {}


async def test_a_run_is_counted_once_whatever_its_agents_do() -> None:
    plugins = made()
    async with Host(plugins) as host:

        async def agent(name: str) -> Agent:
            return await Agent.build(
                {"name": name}, llm=ScriptedLLM(["x", "y"]), host=host, plugins=["quarantine", "Boom"]
            )

        async with await agent("parent") as parent:
            await parent.run("a")
            async with await agent("child") as child:
                await child.run("b")
                await child.run("c")
                Boom.broken = False
                assert (await child.run("d")).ok
    assert counts(plugins) == {"Boom": 1}


async def test_what_a_plugin_raises_on_purpose_is_no_failure() -> None:
    plugins = made()
    result = await run(plugins, "Bound")
    assert isinstance(result.error, LimitReached)
    assert counts(plugins) == {}


@pytest.mark.parametrize("name", ["granting", "essential"])
async def test_what_grants_rights_or_is_essential_is_never_counted(name: str) -> None:
    plugins = made()
    for _ in range(LIMIT + 1):
        assert isinstance((await run(plugins, name)).error, PluginError)
    assert counts(plugins) == {}


async def test_a_failing_guard_goes_on_failing_closed() -> None:
    plugins = made()
    for _ in range(LIMIT + 2):
        steps = [[("ping", {})], "denied then"]
        result = await run(plugins, steps=steps, guards=["BoomTool"])
        assert "denied: guard BoomTool" in result.tool_calls[0].error
        assert quarantined(plugins.registry) == []
    assert counts(plugins) == {}


async def test_what_is_essential_is_in_use_whatever_the_list_says() -> None:
    registry = made().registry
    for _ in range(LIMIT):
        settle(registry, {("essential", "kt-boom", "1.0"): "x"}, set())
    assert quarantined(registry) == []


async def test_an_object_given_in_python_is_not_counted() -> None:
    plugins = made()
    for _ in range(LIMIT):
        assert isinstance((await run(plugins, Boom())).error, PluginError)
    assert counts(plugins) == {}


async def test_a_new_version_starts_afresh() -> None:
    old = made()
    for _ in range(LIMIT):
        await run(old, "Boom")
    assert len(quarantined(old.registry)) == 1
    new = made("1.1")
    assert quarantined(new.registry) == []
    await run(new, "Boom")
    assert len(quarantined(old.registry)) == 1
    assert quarantined(new.registry) == []


async def test_one_plugin_that_fails_does_not_count_for_another() -> None:
    plugins = made()
    for _ in range(LIMIT):
        await run(plugins, "BoomListener", "BoomTool")
    assert [culprit.plugin for culprit in quarantined(plugins.registry)] == ["BoomListener"]


async def test_an_error_is_kept_without_the_secrets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    await run(made(), "BoomListener")
    assert counts(made()) == {"BoomListener": 1}
    assert SECRET not in (home / "quarantine.json").read_text()


async def test_a_list_that_cannot_be_read_is_told_and_stays(home: Path) -> None:
    (home / "quarantine.json").write_text("{")
    plugins = made()
    with pytest.raises(DataError, match="quarantine") as raised:
        quarantined(plugins.registry)
    assert str(home / "quarantine.json") in raised.value.where
    async with Host(plugins) as host:
        agent = await Agent.build({}, llm=ScriptedLLM(["x"]), host=host, plugins=["quarantine", "Boom"])
        recorder = EventRecorder(agent)
        async with agent:
            await agent.run("hello")
    assert [event.plugin for event in recorder.of(PluginFailed)] == ["quarantine"]
    assert (home / "quarantine.json").read_text() == "{"


async def test_a_plugin_is_released_and_counted_from_none() -> None:
    plugins = made()
    for _ in range(LIMIT):
        await run(plugins, "Boom", "BoomListener")
    with pytest.raises(UnknownName, match="Bom") as raised:
        release(plugins.registry, "Bom")
    assert raised.value.hint == "did you mean Boom?"
    assert [culprit.plugin for culprit in release(plugins.registry, "Boom")] == ["Boom"]
    assert [culprit.plugin for culprit in quarantined(plugins.registry)] == ["BoomListener"]
    assert [culprit.plugin for culprit in release(plugins.registry, None)] == ["BoomListener"]
    assert release(plugins.registry, None) == []
    with pytest.raises(KTError):
        release(plugins.registry, "Boom")
