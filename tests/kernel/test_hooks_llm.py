"""kt_around_llm_call: the same five uses, with streaming through `request.emit`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import anyio
import pytest
from kt import Agent, Message, Request, Text, Vetoed, hookimpl
from kt.errors import ModelError, PluginError
from kt.events import LLMRestarted, TextDelta, ThinkingDelta
from kt.testing import EventRecorder, ScriptedLLM, running

pytestmark = pytest.mark.anyio
Next = Callable[[Request], Awaitable[Message]]


def shown(events: EventRecorder) -> str:
    """Return the text a surface shows that obeys LLMRestarted."""
    text = ""
    for event in events.events:
        if isinstance(event, TextDelta):
            text += event.text
        elif isinstance(event, LLMRestarted):
            text = ""
    return text


class Broken:
    """A model whose first replies break off after a word; then it answers."""

    def __init__(self, failures: int = 1) -> None:
        self.failures = failures

    async def stream(self, request: Request) -> AsyncIterator[str | Message]:
        if self.failures:
            self.failures -= 1
            yield "half "
            raise ConnectionError("reset")
        yield "the whole "
        yield "answer"
        yield Message("assistant", [Text("the whole answer")])


class Refuses:
    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Message:
        raise Vetoed("no model today")


async def test_vetoed_ends_the_turn_denied_and_the_model_is_not_asked() -> None:
    llm = ScriptedLLM(["never"])
    async with running(llm, plugins=[Refuses]) as agent:
        result = await agent.run("hi")
        assert (result.status, str(result.error), result.turns) == ("denied", "no model today", 0)
        assert llm.requests == []


class Answers:
    @hookimpl
    async def kt_around_llm_call(self, request: Request) -> Message:
        return Message("assistant", [Text("from the cache")])


async def test_a_reply_without_next_is_streamed_like_any_other() -> None:
    llm = ScriptedLLM(["never"])
    async with running(llm, plugins=[Answers]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("hi")
        assert result.text == shown(events) == "from the cache"
        assert llm.requests == []


class Modifies:
    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Message:
        extra = Message("user", [Text("and be brief")])
        return await next(replace(request, messages=[*request.messages, extra], system="changed", tools=()))


async def test_a_changed_request_reaches_the_model_but_not_the_history() -> None:
    llm = ScriptedLLM(["ok"])
    async with running(llm, plugins=[Modifies]) as agent:
        await agent.run("hi")
        assert [m.text for m in llm.requests[0].messages] == ["hi", "and be brief"]
        assert llm.requests[0].system == "changed"
        assert [m.text for m in agent.history] == ["hi", "ok"]


class Shouts:
    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Message:
        def loud(delta: object) -> None:
            request.emit(delta.upper() if isinstance(delta, str) else delta)  # type: ignore[arg-type]

        reply = await next(replace(request, emit=loud))
        return replace(reply, parts=[Text(reply.text.upper())])


async def test_a_wrapped_emit_alters_deltas_as_they_come() -> None:
    async with running(["quiet words"], plugins=[Shouts]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("hi")
        assert [e.text for e in events.of(TextDelta)] == ["QUIET ", "WORDS"]
        assert result.text == agent.history[-1].text == "QUIET WORDS"
        assert events.of(LLMRestarted) == []


class Swallows:
    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Message:
        return await next(replace(request, emit=lambda delta: None))


async def test_deltas_a_hook_held_back_come_with_the_reply() -> None:
    async with running(["quiet words"], plugins=[Swallows]) as agent:
        events = EventRecorder(agent)
        await agent.run("hi")
        assert [e.text for e in events.of(TextDelta)] == ["quiet words"]
        assert events.of(LLMRestarted) == []


class Retries:
    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Message:
        try:
            return await next(request)
        except ModelError:
            return await next(request)


async def test_a_second_next_after_a_visible_delta_restarts_the_draft() -> None:
    async with running(Broken(), plugins=[Retries]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("hi")
        assert [(e.message, e.attempt) for e in events.of(LLMRestarted)] == [(1, 2)]
        assert result.text == shown(events) == "the whole answer"
        assert [m.text for m in agent.history] == ["hi", "the whole answer"]
        assert result.turns == 2


async def test_a_second_next_before_any_delta_restarts_nothing() -> None:
    async with running([ModelError("overloaded"), "fine"], plugins=[Retries]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("hi")
        assert result.text == shown(events) == "fine"
        assert events.of(LLMRestarted) == []


async def test_a_visible_thought_counts_as_a_delta() -> None:
    class Thinks(Broken):
        async def stream(self, request: Request) -> AsyncIterator[str | Message | ThinkingDelta]:  # type: ignore[override]
            if self.failures:
                self.failures -= 1
                yield ThinkingDelta("hm")
                raise ConnectionError("reset")
            yield Message("assistant", [Text("ok")])

    async with running(Thinks(), plugins=[Retries]) as agent:
        events = EventRecorder(agent)
        await agent.run("hi")
        assert [e.attempt for e in events.of(LLMRestarted)] == [2]


class TimesOut:
    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Message:
        with anyio.move_on_after(0.01):
            return await next(request)
        return Message("assistant", [Text("the model is slow")])


async def test_a_timeout_around_next_closes_the_stream_and_drops_its_draft() -> None:
    closed = asyncio.Event()

    class Hangs:
        async def stream(self, request: Request) -> AsyncIterator[str]:
            try:
                yield "well "
                await asyncio.Event().wait()
            finally:
                closed.set()

    async with running(Hangs(), plugins=[TimesOut]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("hi")
        assert closed.is_set()
        assert result.text == shown(events) == "the model is slow"
        assert len(events.of(LLMRestarted)) == 1


class Replaces:
    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Message:
        reply = await next(request)
        return replace(reply, parts=[Text("[redacted]")])


async def test_a_replaced_reply_is_shown_again_from_the_start() -> None:
    async with running(["my secret"], plugins=[Replaces]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("hi")
        assert len(events.of(LLMRestarted)) == 1
        assert result.text == shown(events) == agent.history[-1].text == "[redacted]"


class Aborts:
    def __init__(self, error: Exception) -> None:
        self.error = error

    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Message:
        count = 0

        def limited(delta: object) -> None:
            nonlocal count
            count += 1
            if count > 2:
                raise self.error
            request.emit(delta)  # type: ignore[arg-type]

        return await next(replace(request, emit=limited))


async def test_emit_that_raises_vetoed_aborts_the_stream() -> None:
    async with running(["one two three four"], plugins=[Aborts(Vetoed("enough"))]) as agent:
        result = await agent.run("hi")
        assert (result.status, result.text) == ("denied", "one two ")
        assert (agent.history[-1].text, agent.history[-1].finish) == ("one two ", "aborted")


async def test_a_bug_in_a_wrapped_emit_is_the_plugins_not_the_models() -> None:
    async with running(["one two three four"], plugins=[Aborts(ValueError("my own bug"))]) as agent:
        result = await agent.run("hi")
        assert isinstance(result.error, PluginError)
        assert "Aborts" in str(result.error)


class Breaks:
    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Message:
        reply = await next(request)
        raise ValueError(f"can't take {reply.text}")


async def test_a_plugins_exception_fails_the_turn_and_names_the_plugin() -> None:
    async with running(["this"], plugins=[Breaks]) as agent:
        result = await agent.run("hi")
        assert isinstance(result.error, PluginError)
        assert str(result.error) == "ValueError: can't take this (in plugin Breaks)"


async def test_the_models_own_error_is_not_blamed_on_the_plugin_it_passes() -> None:
    async with running(Broken(2), plugins=[Shouts]) as agent:
        result = await agent.run("hi")
        assert type(result.error) is ModelError
        assert str(result.error) == "ConnectionError: reset"


class Forgets:
    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Message:
        await next(request)
        return None  # type: ignore[return-value]


async def test_a_hook_that_returns_nothing_is_the_plugins_fault() -> None:
    async with running(["this"], plugins=[Forgets]) as agent:
        result = await agent.run("hi")
        assert isinstance(result.error, PluginError)
        assert "Forgets" in str(result.error)


async def test_two_hooks_see_the_deltas_from_the_inside_out() -> None:
    class Brackets:
        @hookimpl
        async def kt_around_llm_call(self, agent: Agent, request: Request, next: Next) -> Message:
            reply = await next(replace(request, emit=lambda d: request.emit(f"<{d}>" if isinstance(d, str) else d)))
            return replace(reply, parts=[Text(f"<{reply.text}>")])

    async with running(["word"], plugins=[Brackets, Shouts]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("hi")
        assert [e.text for e in events.of(TextDelta)] == ["<WORD>"]
        assert result.text == "<WORD>"
