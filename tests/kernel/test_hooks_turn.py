"""kt_around_turn, and the hooks around an agent's life: kt_prompt, kt_lifespan, kt_host_lifespan."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from typing import Any

import anyio
import pytest
from kt import Agent, Host, KTError, Message, Status, Text, TurnResult, Usage, Vetoed, hookimpl
from kt.errors import LimitReached, PluginError, UsageError
from kt.events import Refused, TurnEnded, TurnStarted
from kt.testing import EventRecorder, ScriptedLLM, running

pytestmark = pytest.mark.anyio
Next = Callable[[Any], Awaitable[TurnResult]]


class Refuses:
    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Next) -> TurnResult:
        raise Vetoed("come back tomorrow")


async def test_vetoed_ends_the_turn_denied() -> None:
    llm = ScriptedLLM(["never"])
    async with running(llm, plugins=[Refuses]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("hi")
        assert (result.status, result.exit_code, llm.requests) == ("denied", 77, [])
        assert [e.why for e in events.of(Refused)] == ["come back tomorrow"]
        with pytest.raises(Vetoed):
            result.unwrap()


class AnswersCommands:
    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Next) -> TurnResult:
        if turn.message.text == "/help":
            return TurnResult(text="no help here")
        return await next(turn)


async def test_a_result_without_next_is_the_turns() -> None:
    llm = ScriptedLLM(["model"])
    async with running(llm, plugins=[AnswersCommands]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("/help")
        assert (result.text, result.ok, result.usage, llm.requests) == ("no help here", True, Usage(), [])
        assert events.of(TurnEnded)[0].result is result
        assert (await agent.run("hi")).text == "model"


class Translates:
    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Next) -> TurnResult:
        turn.message = Message("user", [Text("good day")])
        return await next(turn)


class PassesACopy:
    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Next) -> TurnResult:
        return await next(copy(turn))


async def test_a_plugin_that_passes_on_another_turn_is_told() -> None:
    async with running(["hello"], plugins=[PassesACopy]) as agent:
        result = await agent.run("hi")
        assert isinstance(result.error, UsageError)
        assert result.error.hint == "change turn.message or turn.limits in place"


async def test_a_changed_turn_is_what_runs() -> None:
    async with running(["hello"], plugins=[Translates]) as agent:
        result = await agent.run("bonjour")
        assert [m.text for m in agent.history] == ["good day", "hello"]
        assert (result.turns, result.usage.total) == (1, 3)


class Replaces:
    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Next) -> TurnResult:
        result = await next(turn)
        return replace(result, text=result.text.upper(), output={"n": 1})


async def test_a_replaced_result_keeps_the_figures() -> None:
    async with running(["hello you"], plugins=[Replaces]) as agent:
        result = await agent.run("hi")
        assert (result.text, result.output, result.turns, result.usage.output) == ("HELLO YOU", {"n": 1}, 1, 2)
        assert result.duration > 0


class Retries:
    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Next) -> TurnResult:
        try:
            return await next(turn)
        except KTError:
            turn.message = Message("user", [Text("try again")])
            return await next(turn)


async def test_next_again_runs_the_loop_again() -> None:
    from kt.errors import ModelError

    async with running([ModelError("down"), "fine"], plugins=[Retries]) as agent:
        result = await agent.run("hi")
        assert (result.status, result.text, result.turns) == ("ok", "fine", 2)
        assert [m.text for m in agent.history] == ["hi", "try again", "fine"]


class TimesOut:
    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Next) -> TurnResult:
        with anyio.move_on_after(0.01):
            return await next(turn)
        raise LimitReached("the plugin's own limit")


async def test_a_timeout_around_next_ends_the_turn_with_a_valid_history(valid: Callable[[Any], None]) -> None:
    async def sleepy() -> None:
        await asyncio.Event().wait()

    async with running([[("sleepy", {})], "next"], tools=[sleepy], plugins=[TimesOut]) as agent:
        result = await agent.run("hi")
        assert (result.status, str(result.error)) == ("limit", "the plugin's own limit")
        valid(agent.history)
        assert (await agent.run("again")).text == "next"


class Forgets:
    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Next) -> TurnResult:
        await next(turn)
        return None  # type: ignore[return-value]


async def test_a_hook_that_returns_nothing_is_the_plugins_fault() -> None:
    async with running(["this"], plugins=[Forgets]) as agent:
        result = await agent.run("hi")
        assert isinstance(result.error, PluginError)
        assert "Forgets" in str(result.error)


async def test_what_ends_a_turn_badly_raises_through_the_hook() -> None:
    seen = []

    class Watches:
        @hookimpl
        async def kt_around_turn(self, turn: Any, next: Next) -> TurnResult:
            try:
                return await next(turn)
            except KTError as error:
                seen.append(type(error).__name__)
                raise

    async with running([], plugins=[Watches]) as agent:
        assert (await agent.run("hi")).status is Status.failed
        assert seen == ["ModelError"]


# Around an agent's life


class Says:
    def __init__(self, text: Any, name: str = "says") -> None:
        self.text, self.name = text, name

    @hookimpl
    def kt_prompt(self) -> Any:
        return self.text


async def test_the_prompt_is_the_creatures_own_then_the_plugins_in_order() -> None:
    async def later() -> str:
        return "async too"

    creature = {"name": "bee", "prompt": "You are a bee."}
    plugins = [Says("Fly.", "one"), Says(None, "two"), Says(later(), "three")]
    async with running(["hi"], creature=creature, plugins=plugins) as agent:
        assert list(agent.prompt) == [("bee", "You are a bee."), ("one", "Fly."), ("three", "async too")]
        assert agent.system == "You are a bee.\n\nFly.\n\nasync too"


async def test_the_prompt_changes_only_when_it_is_refreshed() -> None:
    says = Says("one")
    llm = ScriptedLLM(lambda request: "ok")
    async with running(llm, plugins=[says]) as agent:
        says.text = "two"
        await agent.run("a")
        await agent.refresh_prompt()
        await agent.run("b")
    assert [r.system for r in llm.requests] == ["one", "two"]


class Lives:
    def __init__(self, seen: list[str], name: str, error: Exception | None = None) -> None:
        self.seen, self.name, self.error = seen, name, error

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        if self.error:
            raise self.error
        self.seen.append(f"{self.name} in")
        yield
        self.seen.append(f"{self.name} out")


async def test_lifespans_are_left_in_reverse() -> None:
    seen: list[str] = []
    async with running([], plugins=[Lives(seen, "a"), Lives(seen, "b")]):
        assert seen == ["a in", "b in"]
    assert seen == ["a in", "b in", "b out", "a out"]


async def test_a_lifespan_that_fails_leaves_those_before_it_and_the_agent_not_started() -> None:
    seen: list[str] = []
    plugins = [Lives(seen, "a"), Lives(seen, "b", OSError("no port")), Lives(seen, "c")]
    agent = await Agent.build({}, llm=ScriptedLLM(["hi"]), plugins=plugins)
    with pytest.raises(OSError, match="no port"):
        await agent.start()
    assert seen == ["a in", "a out"]
    with pytest.raises(UsageError, match="not running"):
        await agent.run("hi")


async def test_an_agent_that_did_not_start_can_start_once_the_cause_is_gone() -> None:
    seen: list[str] = []
    bad = Lives(seen, "a", OSError("no port"))
    agent = await Agent.build({}, llm=ScriptedLLM(["hi"]), plugins=[bad])
    with pytest.raises(OSError, match="no port"):
        await agent.start()
    bad.error = None
    async with agent:
        assert (await agent.run("hi")).text == "hi"
    assert seen == ["a in", "a out"]


async def test_a_plugin_of_host_scope_is_one_for_all_agents_of_the_host(host: Host) -> None:
    class Shared:
        scope = "host"

    class Own:
        pass

    host.registry.plugin("shared", Shared)
    host.registry.plugin("own", Own)
    one, two = [await Agent.build({}, llm=ScriptedLLM(), plugins=["shared", "own"], host=host) for _ in range(2)]
    assert one.plugin("shared") is two.plugin("shared")
    assert one.plugin("own") is not two.plugin("own")


async def test_turn_events_frame_what_the_hook_sees() -> None:
    async with running(["ok"], plugins=[AnswersCommands]) as agent:
        events = EventRecorder(agent)
        await agent.run("/help")
        assert [type(e) for e in events.events] == [TurnStarted, TurnEnded]
