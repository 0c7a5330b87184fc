"""Commands in a conversation, answered without the model."""

from collections.abc import Awaitable, Callable
from typing import Any

from kt import Agent, TurnResult, Usage, hookimpl


class Slash:
    """Answer `/tools` and `/usage`; what is no command goes to the model."""

    chat_commands = ("tools", "usage")

    def __init__(self) -> None:
        self.spent = Usage()

    @hookimpl
    async def kt_around_turn(self, agent: Agent, turn: Any, next: Callable[[Any], Awaitable[TurnResult]]) -> TurnResult:
        match turn.message.text.strip() if turn.message else "":
            case "/tools":
                return TurnResult(text=", ".join(agent.tools) or "none")
            case "/usage":
                return TurnResult(text=f"{self.spent.input} tokens in, {self.spent.output} out")
        try:
            return await next(turn)
        finally:
            self.spent.add(turn.usage)
