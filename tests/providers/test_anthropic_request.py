"""What goes out over Anthropic's wire: the SDK's own types accept it, marks slide, foreign parts are left out."""

import json
from pathlib import Path
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from kt import Agent, Host, Media, Message, Opaque, ProviderItem, Request, Text, Thinking, ToolCall, ToolResult, tool
from kt.errors import ConfigError
from kt_anthropic.reply import MessagesReply
from kt_anthropic.wire import MessagesOptions, build, wire
from kt_http.sse import SSEReader
from pydantic import ConfigDict, TypeAdapter

HERE = MessagesOptions(origin="api.test")
PLAIN = MessagesOptions(origin="api.test", caching="never")
SAMPLES = sorted((Path(__file__).parents[1] / "data/anthropic").glob("*.json"))
MARK = {"type": "ephemeral"}


class Sent(MessageCreateParamsStreaming):
    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]


ACCEPTS = TypeAdapter(Sent)


@tool
def look(at: str, deep: bool = False) -> str:
    """Look at something."""
    return at


def sent(*messages: Message, options: MessagesOptions = PLAIN, **fields: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(build(Request(messages, **fields), "claude-opus-4-5", options))
    ACCEPTS.validate_python(data)
    return data


def user(*parts: Any) -> Message:
    return Message("user", [Text(p) if isinstance(p, str) else p for p in parts])


def answered(path: Path) -> Message:
    """Return the message of a recorded answer, as the service at api.test would have given it."""
    case, reply = json.loads(path.read_text()), MessagesReply("api.test")
    if not case["stream"]:
        reply.feed_body(case["response"]["body"].encode())
        return reply.message()
    for event, data in SSEReader().feed(case["response"]["body"].encode() + b"\n\n"):
        reply.feed(event, data)
    return reply.message()


def test_settings_have_their_names_on_this_wire() -> None:
    settings = {"effort": "low", "service_tier": "auto", "stop": "END", "thinking": {"type": "adaptive"}}
    assert sent(user("hi"), system="Be brief.", settings=settings) == {
        "model": "claude-opus-4-5",
        "max_tokens": 8192,
        "stream": True,
        "output_config": {"effort": "low"},
        "service_tier": "auto",
        "stop_sequences": ["END"],
        "thinking": {"type": "adaptive"},
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    }
    assert sent(user("hi"), settings={"max_tokens": 5})["max_tokens"] == 5


def test_tools_and_a_schema_for_the_answer_are_sent() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "object", "properties": {}}}}
    body = sent(user("hi"), tools=[look], output_schema=schema)
    assert (body["tools"][0]["name"], body["tools"][0]["input_schema"]["required"]) == ("look", ["at"])
    form = body["output_config"]["format"]["schema"]
    assert form["additionalProperties"] is form["properties"]["a"]["additionalProperties"] is False


def test_pictures_and_documents_go_in_and_come_back_as_results() -> None:
    picture, file = "image/png", "application/pdf"
    parts = [
        Media(picture, data=b"png"),
        Media(picture, url="https://a.test/b.png"),
        Media(file, data=b"pdf", name="a"),
    ]
    parts += [Media(file, url="https://a.test/b.pdf"), Media("text/plain", data=b"words")]
    result = ToolResult("c1", [Text("see"), *parts])
    asked, said, answered_ = sent(
        user("see", *parts), Message("assistant", [ToolCall("c1", "look", "{}")]), Message("tool", [result])
    )["messages"]
    kinds = ["text", "image", "image", "document", "document", "document"]
    assert [b["type"] for b in asked["content"]] == kinds
    assert said["content"][0]["input"] == {}
    assert [b["type"] for b in answered_["content"][0]["content"]] == kinds
    with pytest.raises(ConfigError, match="can't carry audio/wav"):
        sent(user(Media("audio/wav", data=b"x")))


def test_the_results_of_a_turn_are_one_message_and_come_first() -> None:
    results = [ToolResult("c1", [Text("one")]), ToolResult("c2", [Text("no")], is_error=True), ToolResult("c3", [])]
    calls = Message("assistant", [ToolCall(f"c{i}", "look", "{}") for i in (1, 2, 3)])
    said = sent(user("go"), calls, Message("tool", results), user("and hurry"))["messages"]
    assert [m["role"] for m in said] == ["user", "assistant", "user"]
    assert [b["type"] for b in said[2]["content"]] == ["tool_result"] * 3 + ["text"]
    assert [b.get("is_error") for b in said[2]["content"][:3]] == [None, True, None]


def marks(body: dict[str, Any]) -> list[str]:
    """Return where the cache marks of a request are."""
    found = ["system" for b in body.get("system", ()) if "cache_control" in b]
    found += ["tools" for t in body.get("tools", ()) if "cache_control" in t]
    blocks = [(i, b) for i, m in enumerate(body["messages"]) for b in m["content"]]
    return [*found, *(f"message {i}" for i, b in blocks if "cache_control" in b)]


def test_the_marks_slide_with_the_conversation_and_are_four_at_most() -> None:
    history: list[Message] = []
    for turn in range(3):
        history += [user(f"question {turn}"), Message("assistant", [Text("answer")])]
    asked = [*history, user("last")]
    assert marks(sent(*asked, options=HERE, system="S", tools=[look])) == ["system", "message 4", "message 6"]
    assert marks(sent(*asked[:3], options=HERE, tools=[look])) == ["tools", "message 0", "message 2"]
    assert marks(sent(*asked, options=PLAIN, system="S")) == []
    own = [user(Text("a", cache="1h")), user(Text("b", cache="5m")), user(Text("c", cache="5m")), user("d")]
    body = sent(*own, options=HERE, system="S")
    assert len(marks(body)) == 4
    assert body["messages"][0]["content"][0]["cache_control"] == {**MARK, "ttl": "1h"}
    assert all("cache_control" not in json.loads(b"[" + e + b"]")[0] for m in asked for e in (m.encoded or {}).values())


def test_a_message_is_encoded_once() -> None:
    message = user("hi")
    sent(message, options=HERE)
    assert message.encoded == {"anthropic:api.test": b'{"type":"text","text":"hi"}'}
    message.encoded["anthropic:api.test"] = b'{"type":"text","text":"kept"}'
    assert sent(message)["messages"][0]["content"][0]["text"] == "kept"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_a_recorded_answer_can_be_sent_back(path: Path) -> None:
    message = answered(path)
    data = json.loads(build(Request([user("hi"), message]), "m", PLAIN))
    kinds = [b["type"] for m in data["messages"][1:] for b in m["content"]]
    assert kinds.count("tool_use") == len(message.tool_calls)
    if not any(isinstance(p, ProviderItem) for p in message.parts):
        ACCEPTS.validate_python(data)


def test_what_came_from_another_service_is_said_without_its_own_words() -> None:
    parts: list[Any] = [
        Thinking("hm", encrypted="e", x={"responses": {"origin": "b"}}),
        Thinking("hm", signature="s", x={"anthropic": {"origin": "elsewhere"}}),
        ProviderItem("web_search_call", "w1", {"a": 1}, x={"responses": {"origin": "b"}}),
        Opaque("odd", {"b": 2}),
        Text("said", citations=({"url": "u"},)),
        Text("  "),
        ToolCall("call|1 " + "x" * 80, "look", "[cut"),
    ]
    said, result = sent(Message("assistant", parts), Message("tool", [ToolResult(parts[-1].id, [Text("r")])]))[
        "messages"
    ]
    assert [b["type"] for b in said["content"]] == ["text", "tool_use"]
    assert said["content"][0] == {"type": "text", "text": "said"}
    assert said["content"][1]["input"] == {}
    assert said["content"][1]["id"] == result["content"][0]["tool_use_id"]


@pytest.mark.parametrize(
    ("quirks", "what"),
    [
        ({"cachin": "auto"}, "no option 'cachin'"),
        ({"caching": "yes"}, "caching is"),
        ({"max_tokens": 0}, "max_tokens is"),
    ],
)
def test_a_wrong_quirk_is_told(quirks: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        wire("api.test", quirks)


def events(*tables: dict[str, Any]) -> bytes:
    return b"".join(b"event: x\ndata: " + json.dumps(table).encode() + b"\n\n" for table in tables)


def reply(text: str, stop: str) -> bytes:
    """Return a whole streamed answer with one block of text."""
    message = {"id": "m", "model": "c", "role": "assistant", "content": [], "usage": {"input_tokens": 3}}
    body = events(
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    )
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + body


@pytest.mark.anyio
async def test_a_turn_that_the_service_paused_goes_on(server: Any, host: Host) -> None:
    server.answers = [reply("half ", "pause_turn"), reply("done", "end_turn")]
    llm = {"provider": "endpoint", "wire": "anthropic", "base_url": server.url, "model": "c"}
    async with await Agent.build({}, llm=llm, host=host) as agent:
        result = (await agent.run("go")).unwrap()
    assert (result.text, result.usage.input, result.turns) == ("half done", 6, 2)
    said = agent.history[-1].usage
    assert said is not None
    assert (said.input, said.output) == (6, 4)
    assert server.requests[1].json["messages"][-1]["content"] == [{"type": "text", "text": "half "}]
