"""Replace native tool calls by actions in text, around every request."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from kt import Agent, Message, Request, ToolCall, hookimpl

from .actions import describe, parse, project, schema_of
from .answers import AnswerStream


class TextCalls:
    """Let a model without native tool calls use tools: one schema-constrained action a reply.

    The request that goes on has no tools; the system prompt describes them, and the reply must fit the schema of an
    action. The conversation keeps real calls, so that it can move to another model.
    """

    def __init__(self) -> None:
        self._calls = 0

    @hookimpl(trylast=True)
    async def kt_around_llm_call(
        self, agent: Agent, request: Request, next: Callable[[Request], Awaitable[Message]]
    ) -> Message:
        if not request.tools:
            return await next(replace(request, messages=project(request.messages)))
        stream = AnswerStream()

        def emit(delta: object) -> None:
            if not isinstance(delta, str):
                request.emit(delta)  # type: ignore[arg-type]
            elif piece := stream.feed(delta):
                request.emit(piece)

        reply = await next(
            replace(
                request,
                system=f"{request.system}\n\n{describe(request.tools)}".strip(),
                messages=project(request.messages),
                tools=(),
                output_schema=schema_of(request.tools, request.output_schema),
                emit=emit,
            )
        )
        self._calls += 1
        parts = [part for part in reply.parts if part.kind != "text"] + parse(reply.text, self._calls)
        calls = any(isinstance(part, ToolCall) for part in parts)
        finish = "tool_calls" if calls else "stop" if reply.finish == "tool_calls" else reply.finish
        return replace(reply, parts=parts, finish=finish)
