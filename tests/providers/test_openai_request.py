"""Requests of Chat Completions: what is sent, and that old messages are not encoded again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Media, Message, Request, Text, Thinking, ToolCall, ToolResult, tool
from kt.errors import ConfigError
from kt_openai.chat import ChatOptions, build
from kt_openai.chat_reply import ChatReply


@tool(effect="read")
def look(path: str, deep: bool = False) -> str:
    """Look at a path."""
    return path


def sent(*messages: Message, options: ChatOptions = ChatOptions(), **fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(build(Request(list(messages), **fields), "m-1", options))
    return body


def user(*parts: Any) -> Message:
    return Message("user", [Text(p) if isinstance(p, str) else p for p in parts])


def said(*messages: Message, options: ChatOptions = ChatOptions()) -> list[Any]:
    encoded: list[Any] = sent(*messages, options=options)["messages"]
    return encoded


def test_a_request_streams_and_asks_for_usage() -> None:
    assert sent(user("hi"), system="Be kind.") == {
        "model": "m-1",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}],
    }


def test_tools_are_functions_with_their_schema() -> None:
    tools = sent(user("hi"), tools=[look, look])["tools"]
    assert tools[0] == tools[1]
    assert tools[0]["type"] == "function"
    assert tools[0]["function"]["name"] == "look"
    assert tools[0]["function"]["description"] == "Look at a path."
    assert tools[0]["function"]["parameters"]["required"] == ["path"]


def test_settings_pass_through_and_none_takes_a_field_away() -> None:
    body = sent(user("hi"), settings={"temperature": 0, "stream_options": None, "effort": "low", "x_own": {"a": 1}})
    assert "stream_options" not in body
    assert (body["temperature"], body["reasoning_effort"], body["x_own"]) == (0, "low", {"a": 1})


def test_a_request_that_does_not_stream_has_no_stream_options() -> None:
    body = sent(user("hi"), settings={"stream": False})
    assert body["stream"] is False
    assert "stream_options" not in body


def test_max_tokens_has_the_name_the_service_wants() -> None:
    options = ChatOptions(max_tokens_name="max_completion_tokens")
    assert sent(user("hi"), settings={"max_tokens": 5})["max_tokens"] == 5
    assert sent(user("hi"), settings={"max_tokens": 5}, options=options)["max_completion_tokens"] == 5


def test_an_output_schema_is_a_response_format() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    expected = {"type": "json_schema", "json_schema": {"name": "output", "schema": schema, "strict": False}}
    assert sent(user("hi"), output_schema=schema)["response_format"] == expected


def test_calls_and_results_keep_ids_and_argument_text() -> None:
    odd = '{ "a":1.0 }'
    calls = Message("assistant", [Text("look"), ToolCall("a", "f", odd), ToolCall("b", "g", "")])
    results = Message("tool", [ToolResult("a", [Text("1"), Text("2")]), ToolResult("b", [Text("no")], is_error=True)])
    assert said(user("hi"), calls, results)[1:] == [
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": odd}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
            "content": "look",
        },
        {"role": "tool", "tool_call_id": "a", "content": "12"},
        {"role": "tool", "tool_call_id": "b", "content": "no"},
    ]


def test_calls_alone_have_null_content_and_nothing_at_all_has_empty_content() -> None:
    assert said(Message("assistant", [ToolCall("a", "f", "{}")]))[0]["content"] is None
    assert said(Message("assistant", [])) == [{"role": "assistant", "content": ""}]


def test_media_go_as_their_kind() -> None:
    parts = [
        "see",
        Media("image/png", b"\x89", x={"chat": {"detail": "low"}}),
        Media("image/png", url="http://a/b.png"),
        Media("audio/wav", b"RIFF"),
        Media("application/pdf", b"%PDF", name="a.pdf"),
        Media("application/pdf", file_id="file-1"),
    ]
    assert said(user(*parts))[0]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"detail": "low", "url": "data:image/png;base64,iQ=="}},
        {"type": "image_url", "image_url": {"url": "http://a/b.png"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]


def test_what_the_wire_cannot_carry_is_an_error_not_a_silence() -> None:
    with pytest.raises(ConfigError, match="can't carry application/pdf by address"):
        sent(user(Media("application/pdf", url="http://a/b.pdf")))


def test_an_image_that_a_tool_returns_follows_its_results_in_a_user_message() -> None:
    results = Message("tool", [ToolResult("a", [Media("image/png", b"\x89")]), ToolResult("b", [Text("ok")])])
    first, second, third = said(results)
    assert (first["role"], first["tool_call_id"]) == ("tool", "a")
    assert first["content"]
    assert (second["tool_call_id"], second["content"]) == ("b", "ok")
    assert third["role"] == "user"
    assert [item["type"] for item in third["content"]] == ["text", "image_url"]
    assert "a" in third["content"][0]["text"]


def test_what_belongs_to_another_wire_is_left_out() -> None:
    message = Message("assistant", [Thinking("hm", "sig", x={"anthropic": {}}), Text("4")], wire="anthropic")
    assert said(message) == [{"role": "assistant", "content": "4"}]


# Thinking again

THOUGHT = {"id": "r", "choices": [{"index": 0, "finish_reason": "tool_calls"}]}


def thought(origin: str = "api.test", **fields: Any) -> Message:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    choice = {"index": 0, "delta": {"tool_calls": [call], **fields}, "finish_reason": "tool_calls"}
    reply = ChatReply(origin)
    reply.feed("message", json.dumps({"choices": [choice]}).encode())
    return reply.finish()


RESULT = Message("tool", [ToolResult("a", [Text("1")])])
HERE = ChatOptions(origin="api.test")


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {
            "reasoning": "hm",
            "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "hm", "signature": "S"}],
        },
        {"reasoning_details": [{"type": "reasoning.encrypted", "index": 0, "data": "X"}]},
    ],
)
def test_thinking_is_sent_back_in_a_tool_loop_as_it_came(fields: dict[str, Any]) -> None:
    again = said(user("hi"), thought(**fields), RESULT, options=HERE)[1]
    assert {k: v for k, v in again.items() if k.startswith("reasoning")} == fields


def test_thinking_in_a_content_list_is_sent_back_there() -> None:
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "so"}]
    assert said(user("hi"), thought(content=content), RESULT, options=HERE)[1]["content"] == content


def test_content_that_nobody_knows_goes_back_only_where_it_came_from() -> None:
    content = [{"type": "text", "text": "so"}, {"type": "reference", "reference_ids": [1]}]
    assert said(user("hi"), thought(content=content), RESULT, options=HERE)[1]["content"] == content
    assert said(user("hi"), thought("other.test", content=content), RESULT, options=HERE)[1]["content"] == "so"


def test_a_refusal_is_sent_back_as_one() -> None:
    assert said(user("hi"), thought(refusal="I won't"))[1]["refusal"] == "I won't"


def test_thinking_of_an_earlier_turn_or_another_service_is_not_sent() -> None:
    old = thought(reasoning_content="hm")
    assert "reasoning_content" not in said(user("hi"), old, RESULT, user("more"), options=HERE)[1]
    assert "reasoning_content" not in said(user("hi"), thought("other.test", reasoning_content="hm"), options=HERE)[1]


def test_when_thinking_is_sent_can_be_chosen() -> None:
    history = [user("hi"), thought(reasoning_content="hm"), RESULT, user("more")]
    always = ChatOptions(origin="api.test", replay_reasoning="always")
    never = ChatOptions(origin="api.test", replay_reasoning="never")
    assert said(*history, options=always)[1]["reasoning_content"] == "hm"
    assert "reasoning_content" not in said(*history[:3], options=never)[1]
    assert said(*history[:3], options=HERE)[1]["reasoning_content"] == "hm"


def test_an_answer_is_sent_back_as_it_was_said() -> None:
    item = {
        "role": "assistant",
        "content": "see",
        "tool_calls": [
            {
                "id": "a",
                "type": "function",
                "function": {"name": "f", "arguments": '{"x" :1}'},
                "extra_content": {"s": "S"},
            }
        ],
    }
    reply = ChatReply("api.test")
    reply.feed_body(json.dumps({"choices": [{"message": item, "finish_reason": "tool_calls"}]}).encode())
    assert said(user("hi"), reply.finish(), options=HERE)[1] == item


# Cost and bytes


def test_a_message_is_encoded_once_and_its_bytes_are_used_again() -> None:
    history = [user("one"), thought(reasoning_content="hm"), user("two")]
    first = build(Request(history), "m", HERE)
    assert build(Request(history), "m", HERE) == first
    for message in history:
        assert message.encoded is not None
        message.encoded = dict.fromkeys(message.encoded, b'"kept"')
    history.append(user("three"))
    assert said(*history, options=HERE) == ["kept", "kept", "kept", {"role": "user", "content": "three"}]


@given(st.text())
def test_any_text_is_sent_as_valid_json_in_utf8(text: str) -> None:
    body = sent(user(text))
    expected = text.encode("utf-8", "replace").decode()
    assert body["messages"][0]["content"] == expected


def test_a_lone_surrogate_does_not_break_the_request() -> None:
    assert said(user("a\udc80b"))[0]["content"] == "a?b"
