"""Answers of Chat Completions: each way in which services differ, and nothing lost."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Text, Thinking, ToolCall, Usage
from kt.errors import TruncatedStream
from kt.events import ThinkingDelta, ToolCallDelta
from kt_http.errors import ErrorInStream, Malformed
from kt_openai.chat_reply import ChatReply, usage_of


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": "r1", "model": "m-1", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def piece(args: Any = None, *, id: str | None = None, name: str | None = None, **more: Any) -> dict[str, Any]:
    function = {k: v for k, v in {"name": name, "arguments": args}.items() if v is not None}
    return {**more, **({} if id is None else {"id": id}), "function": function}


def played(*chunks: Any, done: bool = True) -> tuple[ChatReply, list[Any]]:
    reply, out = ChatReply("api.test"), []
    for chunk in chunks:
        out += reply.feed("message", json.dumps(chunk).encode())
    if done:
        out += reply.feed("message", b"[DONE]")
    return reply, out


def calls(*pieces: dict[str, Any], finish: str | None = "tool_calls") -> list[tuple[str, str, str]]:
    reply, _ = played(*(delta(tool_calls=[p]) for p in pieces), delta(finish))
    return [(c.id, c.name, c.args_text) for c in reply.finish().tool_calls]


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


# Tool calls


def test_fragments_of_parallel_calls_are_joined_by_index() -> None:
    got = calls(
        piece("", id="a", name="f", index=0),
        piece('{"x"', index=0),
        piece("", id="b", name="g", index=1),
        piece(": 1}", index=0),
        piece("{}", index=1),
    )
    assert got == [("a", "f", '{"x": 1}'), ("b", "g", "{}")]


def test_arguments_are_kept_byte_for_byte() -> None:
    odd = '{ "a" :1.0,"a": 2 , "é":"\\u00e9" }\n'
    assert calls(piece(odd[:9], id="a", name="f", index=0), piece(odd[9:], index=0))[0][2] == odd
    assert calls(piece('{"cut', id="a", name="f", index=0))[0][2] == '{"cut'


@pytest.mark.parametrize("index", [{}, {"index": None}, {"index": 0}], ids=["missing", "null", "always 0"])
def test_calls_without_a_usable_index_are_told_apart_by_id_and_name(index: dict[str, Any]) -> None:
    got = calls(
        piece('{"n":', id="a", name="f", **index), piece("1}", **index), piece('{"n": 2}', id="b", name="f", **index)
    )
    assert got == [("a", "f", '{"n":1}'), ("b", "f", '{"n": 2}')]


def test_id_and_name_repeated_in_every_fragment_are_one_call() -> None:
    assert calls(*(piece(a, id="a", name="f", index=0) for a in ("{", '"x":', "1}"))) == [("a", "f", '{"x":1}')]


def test_a_new_id_on_every_fragment_without_a_name_is_one_call() -> None:
    got = calls(piece("{", id="a", name="f", index=0), piece('"x":', id="b", index=0), piece("1}", id="c", index=0))
    assert got == [("a", "f", '{"x":1}')]


@pytest.mark.parametrize("id", [None, ""])
def test_calls_without_ids_get_ids_of_their_own(id: str | None) -> None:
    got = calls(piece('{"n":1}', id=id, name="f", index=0), piece('{"n":2}', id=id, name="f", index=0))
    assert [(name, args) for _, name, args in got] == [("f", '{"n":1}'), ("f", '{"n":2}')]
    assert len({id for id, _, _ in got} - {""}) == 2


@pytest.mark.parametrize("index", [{}, {"index": 7}, {"index": "0"}])
def test_a_fragment_of_a_call_that_was_not_opened_is_malformed(index: dict[str, Any]) -> None:
    reply, opened = ChatReply(), delta(tool_calls=[piece("{", id="a", name="f", index=0)])
    if index:
        feed(reply, opened)
    with pytest.raises(Malformed, match="not opened"):
        feed(reply, delta(tool_calls=[piece("}", **index)]))


def test_arguments_that_are_an_object_become_text() -> None:
    assert calls(piece({"x": "é"}, id="a", name="f", index=0)) == [("a", "f", '{"x": "é"}')]


@pytest.mark.parametrize("finish", ["stop", "tool_calls", "eos", None])
def test_calls_decide_that_the_finish_is_tool_calls(finish: str | None) -> None:
    reply, _ = played(delta(tool_calls=[piece("{}", id="a", name="f", index=0)]), delta(finish))
    message = reply.finish()
    assert (message.finish, message.finish_raw) == ("tool_calls", finish or "")


def test_a_complete_call_is_shown_when_the_next_starts_and_is_the_one_in_the_message() -> None:
    reply, out = played(
        delta(tool_calls=[piece('{"x":1}', id="a", name="f", index=0)]),
        delta(tool_calls=[piece("{", id="b", name="g", index=1)]),
        done=False,
    )
    assert out[:2] == [ToolCallDelta("a", '{"x":1}', "f"), ToolCall("a", "f", '{"x":1}')]
    rest = [d for chunk in (delta(tool_calls=[piece("}", index=1)]), delta("tool_calls")) for d in feed(reply, chunk)]
    assert [d for d in rest if isinstance(d, ToolCall)] == [ToolCall("b", "g", "{}")]
    assert reply.finish().tool_calls[0] is out[1]


def feed(reply: ChatReply, chunk: dict[str, Any]) -> list[Any]:
    return list(reply.feed("message", json.dumps(chunk).encode()))


def test_a_call_that_is_cut_is_not_shown_as_complete() -> None:
    for finish, args in (("length", "{}"), ("tool_calls", '{"x":')):
        _, out = played(delta(tool_calls=[piece(args, id="a", name="f", index=0)]), delta(finish), done=False)
        assert not [d for d in out if isinstance(d, ToolCall)]


def test_a_call_that_grew_after_it_was_shown_is_another_one_in_the_message() -> None:
    reply, out = played(
        delta(tool_calls=[piece(id="a", name="f", index=0)]),
        delta(tool_calls=[piece("{}", id="b", name="g", index=1)]),
        delta(tool_calls=[piece('{"late":1}', index=0)]),
        delta("tool_calls"),
    )
    assert [d.args_text for d in out if isinstance(d, ToolCall) and d.name == "f"] == [""]
    assert reply.finish().tool_calls[0].args_text == '{"late":1}'


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
    assert (message.finish, message.parts[0].kind, message.parts[0].text) == ("refusal", "refusal", "I won't")


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


# Usage and leftovers


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
