"""The plugin `restart`: an answer that was cut after some of it was shown is asked for again, its draft discarded."""

import random
from collections.abc import Awaitable, Callable

from kt import Agent, Message, Request, hookimpl
from kt.errors import ModelError
from kt.events import LLMRetry

RESTARTS, WAIT = 2, 1.0


class Restart:
    """Ask again up to twice where a service broke off in the middle of an answer.

    The transport itself tries again only as long as nothing was shown. Here the kernel publishes LLMRestarted, so that
    surfaces discard what they have shown; no tool of the cut answer has run, but for calls that only read.
    """

    @hookimpl(trylast=True)
    async def kt_around_llm_call(
        self, agent: Agent, request: Request, next: Callable[[Request], Awaitable[Message]]
    ) -> Message:
        for number in range(RESTARTS):
            try:
                return await next(request)
            except ModelError as error:
                if not getattr(error, "cut", False):
                    raise
                wait = WAIT * 2**number * random.uniform(0.5, 1.0)
                agent.bus.publish(LLMRetry(number + 2, wait, error.what))
                await agent.host.clock.sleep(wait)
        return await next(request)
