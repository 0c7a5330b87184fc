"""Messages, usage and their JSON: what goes in comes out."""

import json
from typing import Any, TypeVar, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kt import (
    Media,
    Message,
    Opaque,
    Part,
    ProviderItem,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
    decode,
    encode,
)
from kt.events import InputAccepted, LLMEnded, QuestionAsked, TextDelta, ToolStarted

T = TypeVar("T")
text = st.text(max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
data = st.recursive(scalars, lambda x: st.lists(x, max_size=3) | st.dictionaries(text, x, max_size=3), max_leaves=5)
common = {
    "origin": st.sampled_from(["", "web", "mcp:files"]),
    "cache": st.none() | st.sampled_from(["5m", "1h"]),
    "x": st.none() | st.dictionaries(text, data, max_size=2),
}
optional = st.none() | text
texts = st.builds(Text, text, citations=st.lists(data, max_size=2).map(tuple), **common)
media = st.builds(
    Media, text, data=st.none() | st.binary(max_size=9), url=optional, file_id=optional, name=text, **common
)
thinking = st.builds(
    Thinking, text, signature=optional, encrypted=optional, redacted=st.booleans(), summary=st.booleans(), **common
)
arguments = st.none() | st.dictionaries(text, data, max_size=3)
calls = st.builds(ToolCall, id=text, name=text, args_text=text, arguments=arguments, **common)
items = st.builds(ProviderItem, type=text, id=text, data=data, **common)
refusals = st.builds(Refusal, text, **common)
opaque = st.builds(Opaque, type=text, data=data, **common)
leaves = texts | media | thinking | calls | items | refusals | opaque
results = st.builds(ToolResult, text, st.lists(leaves, max_size=2), is_error=st.booleans(), name=text, **common)
counts = st.integers(0, 10**9)
usages = st.builds(Usage, counts, counts, counts, counts, counts, cost=st.none() | st.floats(0, 1e6))
messages = st.builds(
    Message,
    role=st.sampled_from(["user", "assistant", "tool", "system"]),
    parts=st.lists(leaves | results, max_size=3),
    id=text,
    model=text,
    finish=text,
    usage=st.none() | usages,
    usage_raw=data,
    seconds=st.floats(0, 1e6),
    x=st.none() | st.dictionaries(text, data, max_size=2),
)


def there_and_back(value: T) -> T:
    return decode(type(value), json.dumps(encode(value)))


@settings(max_examples=150, deadline=None)
@given(messages)
def test_a_message_survives_json(message: Message) -> None:
    assert there_and_back(message) == message


@pytest.mark.parametrize("kind", get_args(Part))
def test_the_strategy_makes_every_kind_of_part(kind: type) -> None:
    made = {Text: texts, Media: media, Thinking: thinking, ToolCall: calls, ToolResult: results}
    made |= {ProviderItem: items, Refusal: refusals, Opaque: opaque}
    assert kind in made


def test_defaults_are_left_out() -> None:
    message = Message("user", [Text("hi")])
    assert encode(message) == {"role": "user", "parts": [{"kind": "text", "text": "hi"}]}


def test_caches_and_the_kernels_state_are_left_out() -> None:
    call = ToolCall("c1", "read", "{}", state=object())
    message = Message("assistant", [call], encoded={"wire": b"x"})
    assert encode(message)["parts"] == [{"kind": "tool_call", "id": "c1", "name": "read", "args_text": "{}"}]
    assert there_and_back(message) == message == Message("assistant", [ToolCall("c1", "read", "{}")])


def test_argument_text_is_byte_exact() -> None:
    odd = '{ "a" :1.0,\t"b":"\\u00e9", "b":2 }'
    assert there_and_back(ToolCall("c1", "f", odd)).args_text == odd


@pytest.mark.parametrize("text", ["\ud83d", "half an emoji \udc00 inside"])
def test_a_lone_surrogate_survives_json(text: str) -> None:
    assert there_and_back(Message("assistant", [Text(text)])).text == text


@pytest.mark.parametrize("value", ['{"role": "user"}', '{"role": "user", "parts": [{"kind": "nope"}]}', "[]", "{"])
def test_what_is_no_message_is_refused(value: str) -> None:
    with pytest.raises(ValueError):
        decode(Message, value)


@pytest.mark.parametrize(
    "event",
    [
        TextDelta("a", 1, 2),
        LLMEnded(Message("assistant", [Text("a")]), Usage(1, 2, cost=0.5), 3, seq=4),
        ToolStarted(ToolCall("c", "f", "{}", {}), "once", 2, seq=9),
        InputAccepted(Message("user", [Text("a")]), "job"),
        QuestionAsked("q1", "sure?", ["y", "n"], "permission", "c", {"path": "a"}),
    ],
)
def test_an_event_has_its_type_and_survives(event: Any) -> None:
    assert encode(event)["type"] == event.kind
    assert there_and_back(event) == event


# Reading a message


def test_the_text_of_a_message_is_its_text_parts() -> None:
    message = Message("assistant", [Thinking("hm"), Text("a"), ToolCall("c", "f", "{}"), Text("b"), Refusal("no")])
    assert message.text == "ab"
    assert [c.id for c in message.tool_calls] == ["c"]
    assert ToolResult("c", [Text("a"), Media("image/png", url="u"), Text("b")]).text == "ab"


# Usage


def total(*usages: Usage) -> Usage:
    out = Usage()
    for usage in usages:
        out.add(usage)
    return out


@given(st.lists(usages, max_size=4))
def test_tokens_add_up(given: list[Usage]) -> None:
    out = total(*given)
    for name in ("input", "output", "cached", "cache_write", "reasoning", "total"):
        assert getattr(out, name) == sum(getattr(u, name) for u in given)


def test_known_costs_add_up() -> None:
    assert total(Usage(1, 1, cost=0.25), Usage(1, 1, cost=0.5)).cost == 0.75


@pytest.mark.parametrize("order", [1, -1])
def test_an_unknown_cost_makes_the_sum_unknown(order: int) -> None:
    usages = [Usage(1, 1, cost=0.25), Usage(1, 1), Usage(1, 1, cost=0.5)]
    assert total(*usages[::order]).cost is None


@pytest.mark.parametrize("order", [1, -1])
def test_what_spent_nothing_does_not_make_the_cost_unknown(order: int) -> None:
    assert total(*[Usage(), Usage(1, 1, cost=0.25), Usage()][::order]).cost == 0.25


@pytest.mark.parametrize("order", [1, -1])
def test_a_cost_without_tokens_is_not_lost(order: int) -> None:
    assert total(*[Usage(cost=0.25), Usage(1, 1, cost=0.5)][::order]).cost == 0.75
