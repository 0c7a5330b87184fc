"""Twenty secrets planted wherever an agent can meet one; none is in its log, events, results, errors or requests."""

import asyncio
import base64
import json
import traceback
from collections.abc import Callable
from typing import Any

import kt
import pytest
from kt.errors import KTError, ProviderDown, TurnWaiting
from kt.events import (
    Advice,
    Event,
    LLMRetry,
    PluginFailed,
    QuestionAsked,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolEnded,
    ToolProgress,
)
from kt.testing import ScriptedLLM
from kt_redact.forms import forms

pytestmark = pytest.mark.anyio

CANARIES = [f'canary-{n:02d}"{"qwertyuiopasdfghjklzxc"[n:]}-ü$/{n * 7919}' for n in range(20)]


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, value in enumerate(CANARIES):
        monkeypatch.setenv(f"CANARY_{number}_KEY", value)


def in_it(what: str) -> list[str]:
    """Return the canaries that a text gives away, in whatever form."""
    return [value for value in CANARIES if any(form in what for form in forms(value))]


def told(events: list[Event]) -> str:
    """Return all that events say, as JSON, and what their deltas say when they are put together."""
    of: dict[str, str] = {}
    for event in events:
        if isinstance(event, TextDelta | ThinkingDelta | ToolCallDelta | ToolProgress):
            key = event.kind + getattr(event, "id", "") + getattr(event, "call_id", "")
            of[key] = of.get(key, "") + event.text
    return json.dumps([kt.encode(e) for e in events], ensure_ascii=False) + "\n".join(of.values())


def sent(llm: Any) -> str:
    return json.dumps([[kt.encode(list(r.messages)), r.system] for r in llm.requests], ensure_ascii=False)


def said(*parts: kt.Part, finish: str = "stop") -> kt.Message:
    return kt.Message("assistant", list(parts), finish=finish)


def encoded(n: int) -> str:
    """Return canary n in one of the encodings."""
    value = CANARIES[n]
    data = value.encode()
    ways: list[Callable[[], str]] = [
        lambda: value,
        lambda: base64.b64encode(b"u:" + data + b"!").decode(),
        lambda: data.hex(),
        lambda: json.dumps({"v": value}),
        lambda: base64.urlsafe_b64encode(data).decode(),
    ]
    return ways[n % len(ways)]()


GOT: list[dict[str, Any]] = []


@kt.tool
async def use(ctx: kt.Context[Any], key: str) -> str:
    """Use a key, telling how it goes."""
    GOT.append({"key": key})
    text = f"using {CANARIES[4]} and {encoded(11)}"
    for i in range(0, len(text), 5):
        ctx.progress(text[i : i + 5])
    ctx.progress(f"{CANARIES[5]} done", 0.5)
    ctx.agent.bus.publish(Advice(f"do not use {CANARIES[6]}"))
    await ctx.ask(f"May I use {CANARIES[7]}?", [f"yes {CANARIES[7]}", "no"], data={CANARIES[7]: [CANARIES[8]]})
    return " ".join(encoded(n) for n in range(9, 15))


@kt.tool
def fail() -> str:
    """Fail."""
    raise ValueError(f"could not log in with {CANARIES[15]}")


@kt.tool
def refuse() -> str:
    """Refuse."""
    raise KTError(f"no {CANARIES[16]}", where=f"/{CANARIES[16]}", hint=f"not {CANARIES[16]}")


class Outside:
    """A plugin that denies a call, and listens badly."""

    @kt.hookimpl
    async def kt_around_tool_call(self, call: kt.ToolCall, next: Callable[..., Any]) -> Any:
        if call.name == "denied":
            raise kt.Vetoed(f"never with {CANARIES[17]}")
        return await next(call)

    @kt.hookimpl
    def kt_prompt(self) -> str:
        return f"The key is {CANARIES[18]}."


@kt.tool
def denied() -> str:
    """Never run."""
    return ""


def calls() -> kt.Message:
    arguments = json.dumps({"key": CANARIES[0]})
    return said(
        kt.Thinking(f"I know {CANARIES[1]}", signature="sealed"),
        kt.Text(f"With {CANARIES[2]}, then "),
        kt.Text(f"{encoded(3)} again"),
        kt.ToolCall("c1", "use", arguments),
        kt.ToolCall("c2", "fail", "{}"),
        kt.ToolCall("c3", "refuse", "{}"),
        kt.ToolCall("c4", "denied", "{}"),
        finish="tool_calls",
    )


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_none_of_twenty_canaries_comes_out(size: int, watched: Any, cut: Any) -> None:
    GOT.clear()
    llm = cut(calls(), said(kt.Text(f"It was {CANARIES[19]}.")), size=size)
    tools = [use, fail, refuse, denied]
    async with watched(llm, tools=tools, plugins=[Outside(), "early"]) as (agent, journal, recorder):
        agent.bus.on(ToolEnded, lambda event: 1 / 0)
        with agent.questions.attached():
            turn = asyncio.create_task(agent.run(f"my key is {CANARIES[9]}"))
            async with agent.bus.stream(QuestionAsked) as questions:
                asked = await anext(questions)
                assert in_it(told([asked, *agent.questions.pending])) == []
                agent.questions.answer(asked.id, asked.choices[0])
            result = await turn
        history = json.dumps([kt.encode(m) for m in agent.history if m.role == "user"])
    assert [{"key": CANARIES[0]}] == GOT, "what runs is what the model asked for"
    assert result.text == "It was [redacted CANARY_19_KEY]."
    assert [bool(r.error) for r in result.tool_calls] == [False, True, True, True]
    everything = {
        "log": "\n".join(journal.lines),
        "events": told(recorder.events),
        "result": json.dumps(kt.encode(result), ensure_ascii=False) + repr(result),
        "requests": sent(llm),
    }
    assert {name: in_it(text) for name, text in everything.items()} == {name: [] for name in everything}
    for number in (4, 5, 6, 7, 8, 11):
        assert f"[redacted CANARY_{number}_KEY]" in everything["events"]
    assert "[redacted CANARY_17_KEY]" in everything["requests"]
    assert in_it(history) == []
    assert recorder.of(PluginFailed)


async def test_the_draft_is_the_answer_also_where_a_secret_is_spread_over_parts(watched: Any, cut: Any) -> None:
    value = CANARIES[0]
    reply = said(kt.Text(f"a {value[:9]}"), kt.Text(f"{value[9:]} b"))
    async with watched(cut(reply, size=4)) as (agent, _, recorder):
        result = await agent.run("go")
    assert result.text == "a [redacted CANARY_0_KEY] b"
    assert "".join(e.text for e in recorder.of(TextDelta)) == result.text
    assert "llm_restarted" not in recorder.kinds


async def test_the_beginning_of_a_secret_at_the_end_of_an_answer_is_shown(watched: Any, cut: Any) -> None:
    reply = said(kt.Thinking("is it canary-1"), kt.Text("it is not canary-0"), kt.ToolCall("c", "fail", '{"canary-2'))
    async with watched(cut(reply, said(kt.Text("ok"))), tools=[fail]) as (agent, _, recorder):
        await agent.run("go")
    assert "".join(e.text for e in recorder.of(TextDelta)) == "it is not canary-0ok"
    assert "".join(e.text for e in recorder.of(ThinkingDelta)) == "is it canary-1"
    assert "".join(e.text for e in recorder.of(ToolCallDelta)) == '{"canary-2'
    assert "llm_restarted" not in recorder.kinds


class Spy:
    """A plugin that keeps what comes by, as any other plugin could."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def _see(self, work: Any) -> Any:
        try:
            self.seen.append(await work)
        except Exception as error:
            self.seen.append("".join(traceback.format_exception(error)))
            raise
        return self.seen[-1]

    @kt.hookimpl
    async def kt_around_turn(self, turn: kt.Turn, next: Callable[..., Any]) -> Any:
        return await self._see(next(turn))

    @kt.hookimpl
    async def kt_around_llm_call(self, request: kt.Request, next: Callable[..., Any]) -> Any:
        return await self._see(next(request))

    @kt.hookimpl
    async def kt_around_tool_call(self, call: kt.ToolCall, next: Callable[..., Any]) -> Any:
        return await self._see(next(call))


async def test_other_plugins_get_to_see_no_secrets(watched: Any, cut: Any) -> None:
    @kt.tool
    def wait() -> str:
        """Wait."""
        raise TurnWaiting(f"for {CANARIES[0]}")

    @kt.tool
    def echo(key: str) -> str:
        """Say it."""
        return key

    class Broken:
        @kt.hookimpl
        async def kt_around_llm_call(self, request: kt.Request, next: Callable[..., Any]) -> Any:
            if request.messages[-1].text == "four":
                raise ValueError(CANARIES[3])
            return await next(request)

    spy = Spy()
    calls = said(kt.ToolCall("c1", "refuse", "{}"), kt.ToolCall("c2", "wait", "{}"), finish="tool_calls")
    other = said(kt.ToolCall("c3", "echo", json.dumps({"key": CANARIES[4]})), finish="tool_calls")
    llm = cut(calls, other, said(kt.Text(CANARIES[2])), ProviderDown(CANARIES[1]))
    async with watched(llm, tools=[refuse, wait, echo], plugins=[spy, Broken()]) as (agent, *_):
        results = [await agent.run(word) for word in ("one", "two", "three", "four")]
    assert [r.status for r in results] == ["waiting", "ok", "failed", "failed"]
    seen = [v for v in spy.seen if not isinstance(v, kt.Message) or not v.tool_calls]  # these calls run as they are
    texts = [v if isinstance(v, str) else json.dumps(kt.encode(v), ensure_ascii=False) for v in seen]
    assert len(texts) == 10
    for number, text in enumerate(texts):
        assert in_it(text) == ([CANARIES[3]] if number == 8 else []), "Broken stands between the spy and the guard"
    assert [any(f"[redacted CANARY_{n}_KEY]" in text for text in texts) for n in (0, 1, 2, 3, 4, 16)] == [True] * 6


async def test_a_failing_provider_gives_nothing_away(watched: Any, cut: Any) -> None:
    error = ProviderDown(f"refused {CANARIES[0]}", where=f"https://{CANARIES[1]}@x", hint=f"change {CANARIES[2]}")
    error.__cause__ = OSError(f"cause {CANARIES[3]}")
    error.add_note(f"note {CANARIES[4]}")
    async with watched(cut(error)) as (agent, journal, recorder):
        result = await agent.run("go")
    assert isinstance(result.error, ProviderDown)
    text = "".join(traceback.format_exception(result.error)) + result.error.line()
    assert "note [redacted CANARY_4_KEY]" in text
    assert "OSError: cause [redacted CANARY_3_KEY]" in text
    assert in_it(text + "\n".join(journal.lines) + told(recorder.events)) == []
    assert result.text == "half a secret: ", "what may have been half of one was not let out"
    assert (
        recorder.of(LLMRetry)[0].reason == "reason refused [redacted CANARY_0_KEY] (https://[redacted CANARY_1_KEY]@x)"
    )


async def test_a_waiting_turn_gives_nothing_away(watched: Any) -> None:
    llm = ScriptedLLM([[("use", {"key": "k"})], "done"])
    async with watched(llm, tools=[use]) as (agent, journal, recorder):
        agent.questions.wait = True
        result = await agent.run("go")
        assert (result.status, type(result.error)) == ("waiting", TurnWaiting)
        assert in_it(json.dumps(kt.encode(result)) + repr(result) + str(result.error)) == []
        again = await agent.answer(result.pending[0].id, "yes")
        assert again is not None
        assert again.ok
    assert in_it("\n".join(journal.lines) + told(recorder.events) + sent(llm)) == []


async def test_a_log_that_fails_gives_nothing_away(watched: Any) -> None:
    class Full:
        lasting = True

        def append(self, record: kt.events.Logged) -> int:
            return 1

        async def durable(self) -> None:
            raise OSError(f"/{CANARIES[0]} is full")

    async with watched(ScriptedLLM(["hi"]), journal=Full()) as (agent, _, recorder):
        result = await agent.run("go")
        agent.log = kt.MemoryLog()  # so that the agent can stop
    assert result.status == "failed"
    assert "".join(traceback.format_exception(result.error)).count("[redacted CANARY_0_KEY]")
    assert in_it("".join(traceback.format_exception(result.error)) + told(recorder.events)) == []
