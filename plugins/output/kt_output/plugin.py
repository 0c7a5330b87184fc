"""Send the schema, validate the answer, ask again with what was wrong."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from kt import Agent, KTError, Message, Plan, Request, Text, hookimpl
from kt.errors import ConfigError

WRAPPED = "value"


class OutputError(KTError):
    """Say that no answer fitted the type."""

    code = "E-OUTPUT"


@dataclass(slots=True)
class OutputConfig:
    """`type`: a pydantic model, dataclass or JSON type; `attempts`: how often the model is asked in all."""

    type: Any
    attempts: int = 3


def output_type(plan: Plan, value: Any) -> None:
    """Enable the plugin for a type."""
    plan.use("output", {"type": value})


class TypedOutput:
    """Make `result.output` a validated value of a type; what is no tool call must be JSON that fits."""

    Config = OutputConfig

    def __init__(self, config: OutputConfig) -> None:
        from pydantic import PydanticUserError, TypeAdapter

        self.attempts = config.attempts
        try:
            self.adapter: Any = TypeAdapter(config.type)
            schema = self.adapter.json_schema()
        except PydanticUserError as error:
            raise ConfigError(f"output_type {config.type!r} has no schema: {error.message}") from error
        self.wrapped = schema.get("type") != "object"
        # Providers that enforce a schema want an object at its top.
        self.schema = _object(schema) if self.wrapped else schema

    @hookimpl
    async def kt_around_llm_call(
        self, agent: Agent, request: Request, next: Callable[[Request], Awaitable[Message]]
    ) -> Message:
        turn = agent.turn
        assert turn is not None
        sent = replace(request, output_schema=self.schema)
        if not getattr(agent.provider, "enforces_schema", False):
            rule = f"Give your final answer as JSON only, fitting this schema: {json.dumps(self.schema)}"
            sent = replace(sent, system=f"{request.system}\n\n{rule}".strip())
        for attempt in range(1, self.attempts + 1):
            reply = await next(sent)
            if reply.tool_calls:
                return reply
            try:
                turn.output = self._validated(reply.text)
            except ValueError as error:
                problem = _complaint(error)
            else:
                return reply
            if attempt < self.attempts:
                again = Message("user", [Text(f"That does not fit: {problem}. Answer again, with JSON only.")])
                sent = replace(sent, messages=[*sent.messages, reply, again])
        raise OutputError(f"no answer of {self.attempts} fitted the output type: {problem}")

    def _validated(self, text: str) -> Any:
        data = json.loads(_unfenced(text))
        if self.wrapped and isinstance(data, dict) and set(data) == {WRAPPED}:
            data = data[WRAPPED]
        return self.adapter.validate_json(json.dumps(data), strict=False)


def _object(schema: dict[str, Any]) -> dict[str, Any]:
    inner = {k: v for k, v in schema.items() if k != "$defs"}
    outer = {"type": "object", "properties": {WRAPPED: inner}, "required": [WRAPPED], "additionalProperties": False}
    return {**outer, **({"$defs": schema["$defs"]} if "$defs" in schema else {})}


def _unfenced(text: str) -> str:
    fenced = re.fullmatch(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", text, re.DOTALL)
    return fenced[1] if fenced else text


def _complaint(error: ValueError) -> str:
    errors = getattr(error, "errors", None)
    if errors is None:
        return f"it is not JSON ({error})"
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the value'}: {e['msg']}" for e in errors()[:5])
