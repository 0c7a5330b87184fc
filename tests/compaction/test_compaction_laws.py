"""Laws: whatever the conversation, what compaction leaves is a valid one, with its end and everything pinned in it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from kt import Message, Text, ToolCall, ToolResult, encode
from kt.errors import ModelError, UsageError
from kt.testing import EventRecorder, running
from kt_compaction.compactor import Compactor
from kt_compaction.events import CompactionEnded
from kt_compaction.marks import PINNED, SUMMARY, is_summary, mark, pinned
from kt_compaction.plan import make_plan
from kt_compaction.sizes import size_of

STEP = st.tuples(
    st.sampled_from(["user", "assistant", "system", "calls", "split"]),
    st.integers(1, 400),  # characters
    st.integers(1, 4),  # parallel calls
    st.sampled_from(["", "", "", "web", "mcp:maps"]),
    st.sampled_from([None, None, None, None, None, PINNED, SUMMARY]),
)


def conversation(steps: Sequence[Any]) -> list[Message]:
    """Return a valid conversation: texts, rounds of parallel calls, and rounds whose results come in two messages."""
    out: list[Message] = []
    for number, (kind, size, calls, origin, marked) in enumerate(steps):
        x = None if marked is None else mark(marked)
        if kind in ("user", "assistant", "system"):
            out.append(Message(kind, [Text("x" * size, origin=origin)], x=x))
            continue
        ids = [f"call_{i}" for i in range(calls)] if number % 2 else [f"{number}_{i}" for i in range(calls)]
        out.append(Message("assistant", [ToolCall(id, "look", "{}") for id in ids], x=x))
        results = [ToolResult(id, [Text("r" * size, origin=origin)]) for id in ids]
        groups = [results[:1], results[1:]] if kind == "split" and calls > 1 else [results]
        out += [Message("tool", list(group)) for group in groups]
    return out


CONVERSATIONS = st.lists(STEP, min_size=1, max_size=30).map(conversation)


def calls_and_results(history: Sequence[Message]) -> list[tuple[str, int]]:
    """Return the ids of what is left open or has no call, by walking through the history."""
    open_calls, wrong = set(), []
    for place, message in enumerate(history):
        for part in message.parts:
            if isinstance(part, ToolCall):
                open_calls.add(part.id)
            elif isinstance(part, ToolResult):
                if part.call_id not in open_calls:
                    wrong.append((part.call_id, place))
                open_calls.discard(part.call_id)
    return wrong + [(id, -1) for id in open_calls]


@settings(max_examples=300, deadline=None)
@given(CONVERSATIONS, st.integers(-500, 5000), st.booleans())
def test_a_plan_keeps_pairs_whole_the_order_and_what_is_pinned(history: Any, room: int, in_turn: bool) -> None:
    assert not calls_and_results(history)
    users = [m for m in history if m.role == "user"]
    current = users[-1] if in_turn and users else None
    sizes = [size_of(m) for m in history]
    plan = make_plan(history, sizes, room, current=current)
    if plan is None:
        return
    cut = len(plan.prefix)
    tail = history[cut:]
    assert plan.fits(history)
    assert tail
    assert tail[0].role != "tool"
    assert not calls_and_results(plan.kept)
    assert not calls_and_results(tail)
    after = [*plan.kept, *tail]
    places = [next(at for at, other in enumerate(history) if other is m) for m in after]
    assert places == sorted(set(places))
    assert all(any(m is other for other in after) for m in history if pinned(m))
    assert plan.size == sum(sizes[:cut])
    assert plan.replaced == plan.size - sum(map(size_of, plan.kept)) > 0
    if current is not None and tail[0].role != "user" and size_of(current) * 40 < room:
        assert any(m is current for m in after) or is_summary(current)


@settings(max_examples=300, deadline=None)
@given(CONVERSATIONS, st.integers(0, 5000))
def test_what_stays_has_room_or_is_as_little_as_there_can_be(history: Any, room: int) -> None:
    sizes = [size_of(m) for m in history]
    plan = make_plan(history, sizes, room)
    if plan is None:
        return
    cut = len(plan.prefix)
    moving = sum(size for m, size in zip(history[cut:], sizes[cut:], strict=True) if not pinned(m))
    fixed = sum(size for m, size in zip(history, sizes, strict=True) if pinned(m))
    later = [place for place in range(cut + 1, len(history)) if not calls_and_results(history[:place])]
    assert moving + fixed <= room or not later


@settings(max_examples=100, deadline=None)
@given(CONVERSATIONS, st.sampled_from(["notes", "  ", ModelError("down")]))
def test_an_agents_history_is_shorter_and_valid_or_the_same(history: Any, notes: Any) -> None:
    before = encode(history)
    left, events = asyncio.run(compacted(history, notes))
    ended = events.of(CompactionEnded)
    if not ended:
        assert encode(left) == before
        assert all(a is b for a, b in zip(left, history, strict=True))
        return
    tail = len(history) - ended[0].messages
    assert is_summary(left[0])
    assert all(a is b for a, b in zip(left[-tail:], history[-tail:], strict=True))
    assert not calls_and_results(left)
    assert all(any(m is other for other in left) for m in history if pinned(m))
    assert sum(map(size_of, left)) < sum(map(size_of, history))
    replaced = [m for m in history if all(m is not other for other in left)]
    inner = [p for m in replaced for part in m.parts for p in (part, *getattr(part, "parts", ()))]
    assert {p.origin for p in inner} - {""} <= {p.origin for p in left[0].parts}


async def compacted(history: Sequence[Message], notes: Any) -> Any:
    """Compact an agent's conversation; return what is left of it, and the events."""

    async def stream(request: Any) -> Any:
        if isinstance(notes, Exception):
            raise notes
        yield Message("assistant", [Text(notes)], finish="stop")

    llm = SimpleNamespace(stream=stream, model="short")
    async with running(llm, plugins=[Compactor()]) as agent:
        events = EventRecorder(agent)
        for message in history:
            agent.add(message)
        with suppress(ModelError, UsageError):
            await agent.plugin("compaction").compact()
        return agent.history, events
