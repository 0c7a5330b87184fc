"""Who is asked for the summary, how, what it costs, and what its text carries on."""

from typing import Any

import pytest
from kt import Agent, Media, Message, Request, Text, Thinking, ToolCall, ToolResult, Usage, hookimpl
from kt.errors import ContextTooLong, PluginError, UnknownName
from kt.testing import EventRecorder, ScriptedLLM
from kt_compaction.compactor import Compactor
from kt_compaction.events import CompactionEnded
from kt_compaction.gauge import Gauge
from kt_compaction.marks import is_summary
from kt_compaction.settings import Settings
from kt_compaction.transcript import pieces, shorten

pytestmark = pytest.mark.anyio


def page() -> str:
    """Read a page."""
    return "text"


async def test_the_agents_own_model_is_asked_after_the_very_request_of_the_turn(
    talk: Any, compacting: Any, filled: Any
) -> None:
    llm = talk()
    async with compacting(llm, tools=[page], creature={"name": "c", "prompt": "You are a clerk."}) as agent:
        filled(agent)
        before = list(agent.history)
        (await agent.run("x")).unwrap()
        await agent.plugin("compaction").compact()
        turn, [summary] = llm.requests[0], llm.summaries
        assert (summary.system, summary.tools, summary.settings) == (turn.system, turn.tools, turn.settings)
        said = summary.messages[:-1]
        assert all(a is b for a, b in zip(said, before[: len(said)], strict=True))
        assert summary.messages[-1].role == "user"


async def test_another_model_reads_a_transcript(talk: Any, compacting: Any, filled: Any, register: Any) -> None:
    cheap = talk(notes="cheap notes", model="cheap/small")
    register("provider", "cheap", lambda model, options, host: cheap)
    llm = talk()
    async with compacting(llm, model="cheap/small", tools=[page], result_chars=50) as agent:
        events = EventRecorder(agent)
        agent.add(Message("user", [Text("look"), Media("image/png", data=b"x", name="owl.png")]))
        agent.add(Message("assistant", [Thinking("hm"), ToolCall("a", "page", '{"n": 1}')]))
        agent.add(Message("tool", [ToolResult("a", [Text("word " * 100)], is_error=True, name="page")]))
        filled(agent)
        await agent.plugin("compaction").compact()
        assert "cheap notes" in agent.history[0].text
        assert not llm.summaries
        [asked] = cheap.summaries
        assert (asked.tools, len(asked.messages)) == ((), 1)
        text = asked.messages[0].text
        assert '[user]\nlook\n[owl.png]\n\n[assistant]\n[call of page] {"n": 1}\n\n[tool]\n' in text
        assert "[result of page, an error] " in text
        assert "characters left out" in text
        assert "hm" not in text.split()
        assert events.of(CompactionEnded)[0].usage.output == 10


async def test_the_model_of_the_agent_by_name_is_its_own(
    talk: Any, compacting: Any, filled: Any, register: Any
) -> None:
    register("provider", "same", lambda model, options, host: talk(notes=ValueError("not this one")))
    llm = talk(model="same/one")
    async with compacting(llm, model="same/one") as agent:
        filled(agent)
        await agent.plugin("compaction").compact()
        assert len(llm.summaries) == 1


async def test_a_model_that_nobody_knows_is_an_error_at_start(talk: Any, compacting: Any) -> None:
    with pytest.raises(UnknownName, match="nobody"):
        async with compacting(talk(), model="nobody/nothing"):
            pass


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"at": 0.2}, "target 0.3 < at 0.2"),
        ({"hard": 1.5}, "hard 1.5 <= 1"),
        ({"target": 0}, "target 0 <"),
        ({"context_tokens": 0}, "context_tokens 0 is no positive number"),
        ({"timeout": -1}, "timeout -1"),
        ({"att": 0.5}, "no setting 'att'"),
    ],
)
async def test_settings_that_make_no_sense_are_refused(settings: Any, why: str, talk: Any) -> None:
    with pytest.raises(PluginError, match=why):
        await Agent.build({}, llm=talk(), plugins=[{"compaction": settings}])


async def test_pieces_get_shorter_until_the_model_takes_them(talk: Any, compacting: Any, filled: Any) -> None:
    llm = talk(context=1500)
    async with compacting(llm) as agent:
        filled(agent, 60)
        await agent.plugin("compaction").compact()
        taken = [r for r in llm.summaries if "<conversation>" in r.messages[0].text]
        assert llm.refused > 1
        assert len(taken[-1].messages[0].text) < len(taken[0].messages[0].text)
        assert "<notes>\nthe notes so far\n</notes>" in taken[-1].messages[0].text
        assert is_summary(agent.history[0])


async def test_a_model_that_takes_nothing_fails(talk: Any, compacting: Any, filled: Any) -> None:
    llm = talk(notes=ContextTooLong("never"))
    async with compacting(llm) as agent:
        filled(agent, 60)
        with pytest.raises(Exception, match="no summary: never"):
            await agent.plugin("compaction").compact()
        assert len(llm.summaries) < 20


async def test_an_earlier_summary_is_summarised_with_the_rest(talk: Any, compacting: Any, filled: Any) -> None:
    llm = talk(notes="first notes")
    async with compacting(llm) as agent:
        filled(agent)
        await agent.plugin("compaction").compact()
        filled(agent)
        llm.notes = "second notes"
        await agent.plugin("compaction").compact()
        assert "first notes" in llm.summaries[1].messages[0].text
        assert [is_summary(m) for m in agent.history].count(True) == 1
        assert agent.history[0].text.startswith("[A summary of the earlier conversation; it takes the place of")
        assert agent.history[0].role == "user"


async def test_taint_is_not_washed_out(talk: Any, compacting: Any, filled: Any) -> None:
    async with compacting(talk()) as agent:
        agent.add(Message("user", [Text("a file", origin="file")]))
        agent.add(Message("assistant", [ToolCall("a", "page", "{}")]))
        agent.add(Message("tool", [ToolResult("a", [Text("a page", origin="web"), Text("a map", origin="mcp:maps")])]))
        filled(agent)
        await agent.plugin("compaction").compact()
        parts = agent.history[0].parts
        assert {p.origin for p in parts} == {"web", "mcp:maps", "file"}
        assert "the notes so far" in parts[0].text
        assert parts[0].origin == "mcp:maps"
        filled(agent)
        await agent.plugin("compaction").compact()
        assert {p.origin for p in agent.history[0].parts} == {"web", "mcp:maps", "file"}


class Spy:
    """See the requests that a tier sees."""

    def __init__(self, name: str, tier: str = "normal") -> None:
        self.name, self.tier = name, tier
        self.seen: list[Request] = []

    @hookimpl
    async def kt_around_llm_call(self, request: Any, next: Any) -> Any:
        self.seen.append(request)
        return await next(request)


async def test_guards_and_what_the_provider_needs_see_the_summary_asked_for(
    talk: Any, compacting: Any, filled: Any
) -> None:
    guard, needed, other, outer = Spy("guard"), Spy("needed"), Spy("other"), Spy("outermost", "outer")
    llm = talk(plugins=("needed",))
    settings = {"plugins": ["no:needed", needed, other, outer], "guards": [guard]}
    async with compacting(llm, **settings) as agent:
        filled(agent)
        await agent.plugin("compaction").compact()
        assert [len(spy.seen) for spy in (guard, needed, other, outer)] == [1, 1, 0, 0]
        (await agent.run("x")).unwrap()
        assert [len(spy.seen) for spy in (guard, needed, other, outer)] == [2, 2, 1, 1]


async def test_the_turn_pays_for_the_summary(talk: Any, compacting: Any, filled: Any) -> None:
    llm = talk(notes=Message("assistant", [Text("notes")], usage=Usage(1000, 7, cost=0.25)))
    async with compacting(llm) as agent:
        events = EventRecorder(agent)
        filled(agent)
        await agent.plugin("compaction").compact()
        llm.say = Message("assistant", [Text("fine")], finish="stop", usage=Usage(100, 1, cost=0.5))
        first, second = (await agent.run("x")).unwrap(), (await agent.run("y")).unwrap()
        assert (first.usage.input, first.usage.output, first.usage.cost) == (1100, 8, 0.75)
        assert (second.usage.input, second.usage.cost) == (100, 0.5)
        assert events.of(CompactionEnded)[0].usage == Usage(1000, 7, cost=0.25)


async def test_prices_are_those_of_the_model_that_was_asked(
    talk: Any, compacting: Any, filled: Any, register: Any
) -> None:
    register("provider", "cheap", lambda model, options, host: talk(model="cheap/small"))
    own = {"talk": {"input": 10.0, "output": 10.0, "context": 5000}, "cheap/small": {"input": 1.0, "output": 1.0}}
    async with compacting(talk(), model="cheap/small", plugins=[{"prices": {"prices": own}}]) as agent:
        events = EventRecorder(agent)
        filled(agent)
        await agent.plugin("compaction").compact()
        spent = events.of(CompactionEnded)[0].usage
        assert spent.cost == pytest.approx(spent.total / 1e6)
        usage = (await agent.run("x")).unwrap().usage
        assert usage.cost == pytest.approx(spent.total / 1e6 + (usage.total - spent.total) * 10 / 1e6)


async def test_the_context_is_what_prices_know(talk: Any, filled: Any) -> None:
    own = {"talk": {"context": 6000}}
    llm = talk()
    plugins = [Compactor(Settings()), {"prices": {"prices": own}}]
    async with await Agent.build({}, llm=llm, plugins=plugins) as agent:
        events = EventRecorder(agent)
        while "compaction_started" not in events.kinds:
            (await agent.run("a question " * 10)).unwrap()
        assert 4200 <= events.events[events.kinds.index("compaction_started")].tokens < 4400  # type: ignore[attr-defined]


async def test_usage_of_several_calls_in_one_reply_is_not_taken_for_the_context(talk: Any, compacting: Any) -> None:
    class Twice:
        @hookimpl
        async def kt_around_llm_call(self, request: Any, next: Any) -> Any:
            await next(request)
            reply = await next(request)
            reply.usage = Usage(10**6, 1)
            return reply

    async with compacting(talk(), plugins=[Twice()]) as agent:
        events = EventRecorder(agent)
        (await agent.run("x")).unwrap()
        (await agent.run("x")).unwrap()
        assert not [kind for kind in events.kinds if kind.startswith("compaction")]


async def test_nothing_is_done_as_long_as_nothing_is_due(compacting: Any) -> None:
    llm = ScriptedLLM(lambda request: "fine")
    async with compacting(llm) as agent:
        for _ in range(20):
            (await agent.run("x")).unwrap()
        assert len(llm.requests) == 20
        assert len(agent.history) == 40


def test_a_transcript_is_cut_into_pieces() -> None:
    messages = [Message("user", [Text(f"message {n} " * 5)]) for n in range(10)]
    texts = pieces(messages, 200, result_chars=50)
    assert all(len(text) <= 200 for text in texts)
    assert "\n\n".join(texts) == pieces(messages, 10**6, result_chars=50)[0]
    assert pieces([], 200, result_chars=50) == []
    [one] = pieces([Message("user", [Text("y" * 1000)])], 200, result_chars=50)
    assert len(one) <= 200


def test_shortening_says_what_is_missing() -> None:
    assert shorten("a" * 10, 10) == "a" * 10
    text = shorten("a" * 500 + "b" * 500, 100)
    assert len(text) <= 100
    assert text.startswith("aaa")
    assert text.endswith("bbb")
    assert "[... 900 characters left out ...]" in text
    assert shorten("abcdef", 3) == "abc"


async def test_a_model_that_tells_no_usage_is_estimated_and_each_message_once(talk: Any, compacting: Any) -> None:
    class Silent(ScriptedLLM):
        async def stream(self, request: Any) -> Any:
            async for item in super().stream(request):
                if isinstance(item, Message):
                    item.usage = None
                yield item

    llm = Silent(lambda request: "an answer of some length " * 10)
    async with compacting(llm, context_tokens=3000) as agent:
        events = EventRecorder(agent)
        while "compaction_ended" not in events.kinds:
            (await agent.run("go on")).unwrap()
        started = events.events[events.kinds.index("compaction_started")]
        assert started.reason == "full"  # type: ignore[attr-defined]
        assert 2850 <= started.tokens < 3000  # type: ignore[attr-defined]
    gauge = Gauge(Settings())
    history = [Message("user", [Text("word " * 100)])]
    first = gauge.now(history)
    assert gauge.counted == 1
    assert gauge.now(history) == first > 100
    assert gauge.now([*history, *history]) == 2 * first
    assert gauge.now([]) == 0  # somebody cut the history: what was known of it is void
