"""One action a reply: {"tool": name, "arguments": {...}} or {"answer": text}; its schema, prompt and parser."""

import json
import re
from collections.abc import Sequence
from typing import Any

from kt import Message, Part, Text, Tool, ToolCall

INTRO = """# Tools
Reply with one JSON object and nothing else: {"tool": "NAME", "arguments": {...}} to use a tool, or {"answer": "TEXT"} \
when you are done."""


def schema_of(tools: Sequence[Tool], answer: Any = None) -> dict[str, Any]:
    """Return the JSON schema of an action; `answer` is the schema of the answer, text by default."""
    definitions: dict[str, Any] = {}
    choices = []
    for tool in tools:
        arguments = dict(tool.parameters)
        definitions.update(arguments.pop("$defs", {}))
        choices.append(_object({"tool": {"const": tool.name}, "arguments": arguments}))
    answer = dict(answer or {"type": "string"})
    definitions.update(answer.pop("$defs", {}))
    choices.append(_object({"answer": answer}))
    return {"anyOf": choices, **({"$defs": definitions} if definitions else {})}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def describe(tools: Sequence[Tool]) -> str:
    """Return the prompt's section on the tools: a line each, shorter than their schemas."""
    return "\n".join([INTRO, *(_line(tool) for tool in tools)])


def _line(tool: Tool) -> str:
    schema = tool.parameters
    required = schema.get("required", ())
    names = [n if n in required else f"{n}?" for n in schema.get("properties", {})]
    return f"- {tool.name}({', '.join(names)}): {tool.description.partition(chr(10))[0]}"


def project(messages: Sequence[Message]) -> list[Message]:
    """Return the conversation as such a model knows it: actions as its own text, results as the user's."""
    out: list[Message] = []
    for message in messages:
        if message.role == "tool":
            said = [f"Result of {p.name}:\n{p.text}" for p in message.parts if p.kind == "tool_result"]
            out.append(Message("user", [Text("\n\n".join(said))]))
        elif message.role == "assistant":
            actions = [action_text(call) for call in message.tool_calls] or [dump({"answer": message.text})]
            out.append(Message("assistant", [Text("\n".join(actions))]))
        else:
            out.append(message)
    return out


def action_text(call: ToolCall) -> str:
    return f'{{"tool": {dump(call.name)}, "arguments": {call.args_text or "{}"}}}'


def parse(text: str, number: int) -> list[Part]:
    """Return what a reply says: a call, or the answer. What is no action is an answer as it stands.

    `number` makes the call's id unique in the conversation.
    """
    action = _first_object(text)
    if isinstance(action.get("tool"), str):
        return [ToolCall(f"text_{number}", action["tool"], dump(action.get("arguments") or {}))]
    if "answer" in action:
        answer = action["answer"]
        return [Text(answer if isinstance(answer, str) else dump(answer))]
    return [Text(text)]


def _first_object(text: str) -> dict[str, Any]:
    """Return the JSON object a text begins with, also inside a fence; {} where there is none."""
    bare = re.sub(r"^\s*```(?:json)?\s*\n", "", text).lstrip()
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(bare)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
