"""What goes out over the Responses wire: OpenAI's own types accept it, and foreign parts are left out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from kt import Media, Message, Opaque, ProviderItem, Refusal, Request, Text, Thinking, ToolCall, ToolResult, tool
from kt.errors import ConfigError
from kt_http.sse import SSEReader
from kt_openai.responses import ResponsesOptions, build, wire
from kt_openai.responses_items import parts_of
from kt_openai.responses_reply import ResponsesReply
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from pydantic import ConfigDict, TypeAdapter

HERE = ResponsesOptions(origin="api.test")
SAMPLES = sorted((Path(__file__).parents[1] / "data/responses").glob("*.json"))
SAMPLES = [path for path in SAMPLES if "error" not in path.stem]


class Sent(ResponseCreateParamsStreaming):
    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]


ACCEPTS = TypeAdapter(Sent)


@tool
def look(at: str, deep: bool = False) -> str:
    """Look at something."""
    return at


def sent(*messages: Message, options: ResponsesOptions = HERE, model: str = "gpt-5", **fields: Any) -> dict[str, Any]:
    body = build(Request(messages, **fields), model, options)
    data: dict[str, Any] = json.loads(body)
    # The SDK's type wants an id for reasoning; the service, which keeps nothing here, would not find it.
    said = [{"id": "rs", **item} if item.get("type") == "reasoning" else item for item in data["input"]]
    ACCEPTS.validate_python({**data, "input": said})
    return data


def user(*parts: Any) -> Message:
    return Message("user", [Text(p) if isinstance(p, str) else p for p in parts])


def answered(path: Path) -> Message:
    """Return the message of a recorded answer, as the service at api.test would have given it."""
    case, reply = json.loads(path.read_text()), ResponsesReply("api.test")
    for event, data in SSEReader().feed(case["response"]["body"].encode() + b"\n\n"):
        reply.feed(event, data)
    return reply.message()


def test_settings_have_their_names_on_this_wire() -> None:
    body = sent(user("hi"), system="Be brief.", settings={"effort": "low", "max_tokens": 9, "temperature": 0.5})
    assert body == {
        "model": "gpt-5",
        "stream": True,
        "store": False,
        "instructions": "Be brief.",
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "low"},
        "max_output_tokens": 9,
        "temperature": 0.5,
        "input": [{"role": "user", "content": "hi"}],
    }


@pytest.mark.parametrize(
    ("model", "asks", "included"),
    [
        ("gpt-4.1", "auto", False),
        ("o3", "auto", True),
        ("gpt-5.4-mini", "auto", True),
        ("x", "always", True),
        ("o3", "never", False),
    ],
)
def test_encrypted_reasoning_is_asked_for_where_a_model_has_it(model: str, asks: Any, included: bool) -> None:
    body = sent(user("hi"), model=model, options=ResponsesOptions("api.test", asks))
    assert ("include" in body) is included


def test_tools_and_a_schema_for_the_answer_are_sent() -> None:
    body = sent(user("hi"), tools=[look], output_schema={"type": "object"}, settings={"text": {"verbosity": "low"}})
    assert body["tools"][0]["name"] == "look"
    assert body["tools"][0]["parameters"]["properties"]["deep"] == {"default": False, "type": "boolean"}
    assert body["text"]["format"]["schema"] == {"type": "object"}
    assert body["text"]["verbosity"] == "low"


def test_pictures_and_files_go_in() -> None:
    picture, file = "image/png", "application/pdf"
    parts = [Media(picture, data=b"png"), Media(picture, url="https://a.test/b.png"), Media(picture, file_id="f1")]
    parts += [Media(file, data=b"pdf", name="a"), Media(file, url="https://a.test/b.pdf"), Media(file, file_id="f2")]
    (message,) = sent(user("see", *parts))["input"]
    assert [c["type"] for c in message["content"]] == ["input_text", *["input_image"] * 3, *["input_file"] * 3]
    assert message["content"][1]["image_url"] == "data:image/png;base64,cG5n"


def test_results_go_back_with_what_they_hold() -> None:
    results = [
        ToolResult("c1", [Text("one"), Text("two")]),
        ToolResult("c2", [Text("see"), Media("image/png", data=b"png")], is_error=True),
    ]
    first, second = sent(Message("tool", results))["input"]
    assert (first["call_id"], first["output"]) == ("c1", "onetwo")
    assert [c["type"] for c in second["output"]] == ["input_text", "input_image"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_a_recorded_answer_can_be_sent_back(path: Path) -> None:
    message = answered(path)
    said = sent(user("hi"), message)["input"][1:]
    kinds = [i.get("type", "message") for i in said]
    assert kinds.count("function_call") == len(message.tool_calls)
    assert all("id" not in item for item in said if item.get("type") in ("reasoning", "function_call", None))
    kept = [p.encrypted for p in message.parts if isinstance(p, Thinking) and p.encrypted]
    assert [i["encrypted_content"] for i in said if i.get("type") == "reasoning" and i.get("encrypted_content")] == kept


def foreign() -> Message:
    parts: Sequence[Any] = [
        Thinking("hm", signature="sig", x={"anthropic": {"origin": "b"}}),
        ProviderItem("web_search", "w1", {"a": 1}, x={"anthropic": {"origin": "b"}}),
        Opaque("odd", {"b": 2}),
        Text("said", citations=({"url": "u"},)),
        Refusal("no"),
        ToolCall("toolu_" + "x" * 80, "look", '{"at": "é"}', x={"chat": {"origin": "c"}}),
    ]
    return Message("assistant", list(parts))


def test_what_came_from_another_service_is_said_without_its_own_words() -> None:
    call_id = foreign().tool_calls[0].id
    message, call, result = sent(foreign(), Message("tool", [ToolResult(call_id, [Text("r")])]))["input"]
    assert message == {"role": "assistant", "content": "saidno"}
    assert (call["name"], call["arguments"]) == ("look", '{"at": "é"}')
    assert len(call["call_id"]) <= 64
    assert call["call_id"] == result["call_id"]


def test_a_call_of_a_custom_tool_and_its_result_keep_their_kind() -> None:
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "sql", "input": "select 1"}
    said = Message("assistant", parts_of(item, "api.test"))
    call, result = sent(said, Message("tool", [ToolResult("c1", [Text("1")])]))["input"]
    assert (call["type"], call["input"], result["type"]) == (item["type"], "select 1", "custom_tool_call_output")


def test_a_message_is_encoded_once() -> None:
    message = user("hi")
    sent(message)
    assert message.encoded is not None
    (key,) = message.encoded
    message.encoded[key] = b'{"role":"user","content":"kept"}'
    assert sent(message)["input"][0]["content"] == "kept"


def test_a_wrong_quirk_is_told() -> None:
    with pytest.raises(ConfigError, match="no option 'encrypted_reasonin'") as caught:
        wire("api.test", {"encrypted_reasonin": "auto"})
    assert "encrypted_reasoning" in caught.value.hint
    with pytest.raises(ConfigError, match="encrypted_reasoning is 'yes'"):
        wire("api.test", {"encrypted_reasoning": "yes"})
