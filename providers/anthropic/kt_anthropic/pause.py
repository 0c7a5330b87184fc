"""The plugin `resume_pause`: a turn that Anthropic paused while its own tools ran is asked to go on."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from kt import Message, Request, Usage, hookimpl

MAX_PAUSES = 10


class ResumePause:
    """Send an answer that ended with pause_turn back until it is whole, and take the pieces as one."""

    @hookimpl(trylast=True)
    async def kt_around_llm_call(self, request: Request, next: Callable[[Request], Awaitable[Message]]) -> Message:
        reply = await next(request)
        for _ in range(MAX_PAUSES):
            if reply.finish_raw != "pause_turn":
                break
            more = await next(replace(request, messages=[*request.messages, reply]))
            reply = replace(more, parts=[*reply.parts, *more.parts], usage=_sum(reply.usage, more.usage))
        return reply


def _sum(first: Usage | None, second: Usage | None) -> Usage | None:
    """Return what two pieces of an answer used."""
    if first is None or second is None:
        return first or second
    whole = replace(first)
    whole.add(second)
    return whole
