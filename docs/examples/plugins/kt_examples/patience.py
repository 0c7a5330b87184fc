"""A retry around the model."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kt import Agent, Message, Request, hookimpl
from kt.errors import ProviderDown, TruncatedStream
from kt.events import LLMRetry


@dataclass(slots=True)
class PatienceConfig:
    """`attempts`: how often a request is made in all; `wait`: seconds before the second, doubled each time."""

    attempts: int = 3
    wait: float = 1.0


class Patience:
    """Ask again when the model is down or its answer was cut; outermost, so that a retry passes every other plugin."""

    Config = PatienceConfig
    tier = "outer"

    def __init__(self, config: PatienceConfig) -> None:
        self.config = config

    @hookimpl
    async def kt_around_llm_call(
        self, agent: Agent, request: Request, next: Callable[[Request], Awaitable[Message]]
    ) -> Message:
        wait = self.config.wait
        for attempt in range(1, self.config.attempts):
            try:
                return await next(request)
            except (ProviderDown, TruncatedStream) as error:
                agent.bus.publish(LLMRetry(attempt, wait, str(error)))
            await agent.host.clock.sleep(wait)
            wait *= 2
        return await next(request)
