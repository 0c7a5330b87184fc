"""What goes out over Chat Completions, held against the types of OpenAI's own SDK."""

import json
from typing import Any

from kt import Media, Message, Refusal, Request, Text, Thinking, ToolCall, ToolResult, tool
from kt_openai.chat import ChatOptions, build
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from pydantic import ConfigDict, TypeAdapter


class Sent(CompletionCreateParamsStreaming):
    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]


ACCEPTS = TypeAdapter(Sent)


@tool
def look(at: str, deep: bool = False) -> str:
    """Look at something."""
    return at


def test_openais_own_types_accept_a_conversation_with_everything_in_it() -> None:
    picture = Media("image/png", data=b"png")
    results: list[Any] = [ToolResult("c1", [Text("seen")]), ToolResult("c2", [picture], is_error=True)]
    messages = [
        Message("system", [Text("More rules.")]),
        Message("user", [Text("see"), picture, Media("image/png", url="https://a.test/b.png")]),
        Message("user", [Media("audio/wav", data=b"w"), Media("application/pdf", data=b"pdf", name="a.pdf")]),
        Message("assistant", [Thinking("hm", signature="s"), Text("I look."), ToolCall("c1", "look", '{"at": "é"}')]),
        Message("tool", results[:1]),
        Message("assistant", [ToolCall("c2", "look", "")]),
        Message("tool", results[1:]),
        Message("assistant", [Refusal("no")]),
        Message("user", [Text("go on")]),
    ]
    settings = {"effort": "low", "max_tokens": 9, "temperature": 0.5, "stop": ["END"], "parallel_tool_calls": False}
    request = Request(messages, "Be brief.", [look], settings, {"type": "object", "properties": {}})
    options = ChatOptions(origin="api.test", max_tokens_name="max_completion_tokens")
    data = json.loads(build(request, "gpt-4.1", options))
    ACCEPTS.validate_python(data)
    assert [m["role"] for m in data["messages"]].count("tool") == 2
