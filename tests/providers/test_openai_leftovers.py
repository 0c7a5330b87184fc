"""Usage in our terms, whole bodies, and what nobody knows: nothing of an answer is lost."""

import json
from typing import Any

import pytest
from chat_script import delta, piece, played
from kt import Text, ToolCall, Usage
from kt_http.errors import ErrorInStream
from kt_openai.chat_reply import ChatReply, usage_of


def test_the_last_usage_wins_wherever_it_stands() -> None:
    first, last = {"prompt_tokens": 5, "completion_tokens": 1}, {"prompt_tokens": 5, "completion_tokens": 9}
    for chunks in (
        [{**delta(content="x"), "usage": first}, {**delta("stop"), "usage": last}],
        [delta("stop", content="x"), {"choices": [], "usage": last}, {"choices": [], "cost": "0"}],
        [delta("stop", content="x"), {"choices": [], "usage": last}, {**delta(), "usage": None}],
        [delta("stop", content="x"), {**delta(), "x_groq": {"usage": last}}],
        [{"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop", "usage": last}]}],
    ):
        message = played(*chunks)[0].finish()
        assert (message.usage, message.usage_raw) == (Usage(5, 9), last)


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
            },
            Usage(9, 5, cached=4, cache_write=2),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 5, "prompt_cache_hit_tokens": 3}, Usage(9, 5, cached=3)),
        ({"prompt_tokens": 9, "completion_tokens": 5, "cached_tokens": 3}, Usage(9, 5, cached=3)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 5,
                "total_tokens": 14,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(9, 5, reasoning=3),
        ),
        (
            {
                "prompt_tokens": 12,
                "completion_tokens": 1,
                "total_tokens": 303,
                "completion_tokens_details": {"reasoning_tokens": 290},
            },
            Usage(12, 291, reasoning=290),
        ),
        ({"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.25}, Usage(1, 1, cost=0.25)),
        ({"prompt_tokens": 1, "completion_tokens": 1, "cost_in_usd_ticks": 2_500_000_000}, Usage(1, 1, cost=0.25)),
        ({"prompt_tokens": None, "completion_tokens": "x", "prompt_tokens_details": None}, Usage()),
    ],
)
def test_usage_is_normalised(raw: dict[str, Any], usage: Usage) -> None:
    assert usage_of(raw) == usage


def test_no_usage_is_unknown_not_zero() -> None:
    assert played(delta("stop", content="x"))[0].finish().usage is None


def test_what_nobody_knows_is_kept() -> None:
    reply, _ = played(
        {**delta(content="a", channel="final"), "provider": "P"},
        {**delta(content="b", channel="final", audio={"id": "x"}), "service_tier": "flex"},
        delta("stop", tool_calls=[piece("{}", id="a", name="f", index=0, type="function", extra_content={"sig": "S"})]),
    )
    message = reply.finish()
    assert message.x == {
        "chat": {
            "provider": "P",
            "service_tier": "flex",
            "deltas": [{"channel": "final"}, {"channel": "final", "audio": {"id": "x"}}],
        }
    }
    assert message.tool_calls[0].x == {"chat": {"origin": "api.test", "extra_content": {"sig": "S"}}}


def test_annotations_are_citations_of_the_text() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "http://a"}}
    reply, _ = played(delta(content="", annotations=[note]), delta("stop", content="see"))
    assert reply.finish().parts == [Text("see", citations=(note,))]


def test_only_the_first_of_several_choices_is_the_answer() -> None:
    second = {"choices": [{"index": 1, "delta": {"content": "B"}, "finish_reason": "stop"}]}
    assert played(delta(content="A"), second, delta("stop"))[0].finish().text == "A"


# Bodies


def test_a_whole_body_gives_the_same_message_as_its_stream() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    two = [call, {**call, "id": "", "function": {"name": "g", "arguments": "{}"}}]
    said = {"role": "assistant", "content": "hi", "reasoning_content": "hm", "refusal": None, "tool_calls": two}
    body = {"id": "r1", "model": "m-1", "choices": [{"index": 0, "message": said, "finish_reason": "tool_calls"}]}
    reply = ChatReply("api.test")
    out = reply.feed_body(json.dumps(body).encode())
    message = reply.finish()
    assert [p.kind for p in message.parts] == ["thinking", "text", "tool_call", "tool_call"]
    assert [(c.name, c.args_text) for c in message.tool_calls] == [("f", '{"x":1}'), ("g", "{}")]
    assert [d for d in out if isinstance(d, ToolCall)] == message.tool_calls
    assert out.index("hi") >= 0
    assert message.finish == "tool_calls"


def test_a_body_without_an_answer_is_an_error() -> None:
    for body in (b'{"detail":"Not allowed"}', b'{"choices":[]}', b'{"error":{"message":"x"}}'):
        with pytest.raises(ErrorInStream):
            ChatReply().feed_body(body)
