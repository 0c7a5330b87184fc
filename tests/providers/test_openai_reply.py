"""Answers of Chat Completions: each way in which services differ, and nothing lost."""

import json
from typing import Any

import pytest
from chat_script import delta, piece, played
from hypothesis import given
from hypothesis import strategies as st
from kt import Text, Thinking
from kt.errors import TruncatedStream
from kt.events import ThinkingDelta
from kt_http.errors import ErrorInStream, Malformed
from kt_openai.chat_reply import ChatReply


def test_text_comes_as_deltas_and_whole() -> None:
    reply, out = played(delta(role="assistant", content=""), delta(content="Hel"), delta(content="lo"), delta("stop"))
    message = reply.finish()
    assert out == ["Hel", "lo"]
    assert (message.parts, message.finish, message.finish_raw) == ([Text("Hello")], "stop", "stop")
    assert (message.role, message.model, message.response_id, message.wire) == ("assistant", "m-1", "r1", "chat")


def test_an_answer_without_its_end_mark_is_never_an_answer() -> None:
    with pytest.raises(TruncatedStream):
        played(delta(content="Hel"), done=False)[0].finish()
    assert played(delta(content="Hel"), delta("stop"), done=False)[0].finish().text == "Hel"
    assert played(delta(content="Hel"))[0].finish().finish == "stop"


def test_parts_come_in_the_order_thinking_text_refusal_calls() -> None:
    chunk = delta("stop", content="t", reasoning="r", refusal="no", tool_calls=[piece("{}", id="a", name="f", index=0)])
    assert [p.kind for p in played(chunk)[0].finish().parts] == ["thinking", "text", "refusal", "tool_call"]


# Thinking


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thinking_comes_from_either_field_and_only_once(field: str) -> None:
    both = {"reasoning_content": "ab", "reasoning": "ab"}
    reply, out = played(delta(**{field: "ab"}), delta("stop", **(both if field == "reasoning_content" else {})))
    expected = "abab" if field == "reasoning_content" else "ab"
    part = reply.finish().parts[0]
    assert isinstance(part, Thinking)
    assert (part.text, part.x) == (expected, {"chat": {"origin": "api.test", "field": field}})
    assert "".join(d.text for d in out if isinstance(d, ThinkingDelta)) == expected


def test_reasoning_details_are_joined_by_index_with_the_signature_of_a_textless_fragment() -> None:
    def detail(index: int = 0, kind: str = "reasoning.text", **fields: str) -> dict[str, Any]:
        return delta(reasoning_details=[{"type": kind, "index": index, **fields}])

    reply, _ = played(
        detail(text="", signature=""),
        detail(text="Let me "),
        detail(text="think"),
        detail(signature="SIG=="),
        detail(1, "reasoning.encrypted", data="SECRET"),
        delta("stop", content="x"),
    )
    part = reply.finish().parts[0]
    assert isinstance(part, Thinking)
    assert (part.signature, part.encrypted) == ("SIG==", "SECRET")
    assert part.x is not None
    assert part.x["chat"]["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "text": "Let me think", "signature": "SIG=="},
        {"type": "reasoning.encrypted", "index": 1, "data": "SECRET"},
    ]


def test_content_that_is_a_list_gives_thinking_text_and_what_nobody_knows() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    reply, out = played(
        delta(content=[thinking]),
        delta("stop", content=[{"type": "text", "text": "4"}, {"type": "reference", "ids": [1]}]),
    )
    message = reply.finish()
    assert [(p.kind, getattr(p, "text", None)) for p in message.parts][:2] == [("thinking", "hm"), ("text", "4")]
    assert message.parts[2].kind == "opaque"
    assert message.parts[2].data == {"type": "reference", "ids": [1]}
    assert out[0].text == "hm"
    assert out[1] == "4"


# Ends and errors


@pytest.mark.parametrize(
    ("raw", "finish"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "refusal"), ("tool_calls", "stop"), ("odd", "other")],
)
def test_finish_is_normalised_and_kept_raw(raw: str, finish: str) -> None:
    message = played(delta(raw, content="x"))[0].finish()
    assert (message.finish, message.finish_raw) == (finish, raw)


def test_an_empty_refusal_is_none_and_a_real_one_is_a_part() -> None:
    assert played(delta("stop", content="x", refusal=""))[0].finish().finish == "stop"
    message = played(delta(refusal="I "), delta("stop", refusal="won't"))[0].finish()
    assert (message.finish, message.parts[0].kind, getattr(message.parts[0], "text", None)) == (
        "refusal",
        "refusal",
        "I won't",
    )


@pytest.mark.parametrize(
    ("event", "chunk", "data"),
    [
        ("message", {"error": {"message": "down", "code": 502}}, {"message": "down", "code": 502}),
        ("message", {**delta("error"), "error": {"message": "down"}}, {"message": "down"}),
        ("error", {"error": {"message": "bad"}}, {"message": "bad"}),
        ("error", {"message": "bad"}, {"message": "bad"}),
        ("message", {"object": "error", "message": "bad"}, {"object": "error", "message": "bad"}),
        (
            "message",
            {"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "x"}}]},
            {"message": "x"},
        ),
    ],
)
def test_an_error_inside_an_answer_is_raised(event: str, chunk: dict[str, Any], data: Any) -> None:
    with pytest.raises(ErrorInStream) as caught:
        ChatReply().feed(event, json.dumps(chunk).encode())
    assert caught.value.data == data


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b'{"a":1} x',
        b'"text"',
        b"[1]",
        b"null",
        b"\xff\xfe",
        b'{"choices":5}',
        b'{"choices":[7]}',
        b'{"choices":[{"delta":"x"}]}',
        b'{"choices":[{"delta":{"content":7}}]}',
        b'{"choices":[{"delta":{"tool_calls":[{"function":"f"}]}}]}',
        b'{"choices":[{"delta":{"tool_calls":[{"index":[0],"function":{"name":"f"}}]}}]}',
        b"[" * 100_000,
    ],
)
def test_a_malformed_chunk_is_a_typed_error(data: bytes) -> None:
    with pytest.raises(Malformed):
        ChatReply().feed("message", data)


WORDS = ["text", "thinking", "stop"]
FIELDS = """choices delta message content tool_calls function index id name arguments usage x_groq reasoning type text
    reasoning_details refusal annotations finish_reason thinking error prompt_tokens prompt_tokens_details"""


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(WORDS),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=4),
        max_leaves=12,
    ).map(lambda value: value if isinstance(value, dict) and "choices" in value else {"choices": [{"delta": value}]})
)
def test_no_json_makes_anything_but_a_typed_error(value: Any) -> None:
    reply = ChatReply()
    try:
        reply.feed("message", json.dumps(value).encode())
    except (Malformed, ErrorInStream):
        return
    assert reply.message().role == "assistant"
