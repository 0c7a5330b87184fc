"""Who summarises: the agent's own model, which has the conversation in its cache, or another one, which reads it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from kt import Agent, Host, Message, Provider, Request, Text, Tool, Usage
from kt.errors import ContextTooLong, TruncatedStream

from .gauge import DEFAULT_CONTEXT, prices_of
from .hooks import Compaction
from .settings import Settings
from .summary import text_of
from .transcript import pieces

Ask = Callable[[Request], Awaitable[Message]]
SMALLEST, CHARS = 2000, 1.5
"""The shortest piece of a transcript in characters, and how many characters of it go for a token of the context."""
READER = "You write notes about a conversation that you did not take part in."


@dataclass(slots=True)
class Model:
    """Hold a model to ask; the plugin `prices` takes it for an agent, of which it reads `model` and `host`."""

    provider: Provider
    model: str
    settings: Mapping[str, Any]
    host: Host


class Summariser:
    """Make one summary; `usage` is what it used so far, also where it fails.

    `context` is that of the agent's model in tokens. `fits` tells whether the messages and the instruction fit into it:
    then the agent's own model is asked with the same system prompt, tools and messages as in the turn, so that its
    prompt cache has all but the instruction. Else a model reads a transcript, in pieces, each with the notes so far.
    """

    def __init__(self, agent: Agent, settings: Settings, other: Model | None, *, context: int, fits: bool) -> None:
        own = other is None or other.model == agent.model
        self._model = Model(agent.provider, agent.model, agent.settings, agent.host) if own or other is None else other
        self._agent, self._settings = agent, settings
        self._context, self._whole = context if own else 0, own and fits
        self.usage = Usage()

    @property
    def model(self) -> str:
        """Return the name of the model that summarises."""
        return self._model.model

    async def make(self, compaction: Compaction) -> Message:
        """Return a message whose text is the summary. Raises ModelError where none can be had."""
        agent, prompt = self._agent, Message("user", [Text(compaction.prompt)])
        if self._whole:
            try:
                reply = await self._ask([*compaction.messages, prompt], agent.system, agent.tool_list)
            except ContextTooLong:
                reply = None
            if reply is not None and not reply.tool_calls:
                return replace(reply, usage=self.usage)
        return replace(await self._read(compaction), usage=self.usage)

    async def _read(self, compaction: Compaction) -> Message:
        """Return the summary of a transcript, whose pieces get shorter as long as they are too long."""
        size = int(self._known_context() * CHARS)
        while True:
            try:
                return await self._read_pieces(compaction, size)
            except ContextTooLong:
                if size <= SMALLEST:
                    raise
                size = max(size // 2, SMALLEST)

    async def _read_pieces(self, compaction: Compaction, size: int) -> Message:
        reply, notes = Message("assistant", []), ""
        for piece in pieces(compaction.messages, max(size, SMALLEST), result_chars=self._settings.result_chars):
            before = f"<notes>\n{notes}\n</notes>\n\n" if notes else ""
            asked = f"{before}<conversation>\n{piece}\n</conversation>\n\n{compaction.prompt}"
            reply = await self._ask([Message("user", [Text(asked)])], READER, ())
            notes = text_of(reply)
        return reply

    def _known_context(self) -> int:
        if not self._context:
            prices = prices_of(self._agent)
            self._context = (None if prices is None else prices.context(self._model)) or DEFAULT_CONTEXT
        return self._context

    async def _ask(self, messages: Sequence[Message], system: str, tools: Sequence[Tool]) -> Message:
        model = self._model
        reply = await through(self._agent, model.provider)(Request(messages, system, tools, model.settings))
        if (used := reply.usage) is not None:
            if used.cost is None and (prices := prices_of(self._agent)) is not None:
                used.cost = prices.price(model, used, reply=reply, settings=model.settings)
            self.usage.add(used)
        return reply


def through(agent: Agent, provider: Provider) -> Ask:
    """Return how to ask a provider: through the agent's guards and the plugins that the provider needs, no others."""
    needed = getattr(provider, "plugins", ())
    step: Ask = partial(_stream, provider)
    for impl in reversed(agent.hooks.impls("kt_around_llm_call")):
        if impl.owner.tier == "guard" or impl.owner.name in needed:
            step = partial(_wrapped, impl, agent, step)
    return step


async def _wrapped(impl: Callable[..., Any], agent: Agent, next: Ask, request: Request) -> Message:
    reply: Message = await impl(agent=agent, request=request, next=next)
    return reply


async def _stream(provider: Provider, request: Request) -> Message:
    stream: Any = provider.stream(request)
    reply: Message | None = None
    try:
        async for item in stream:
            if isinstance(item, Message):
                reply = item
    finally:
        if (close := getattr(stream, "aclose", None)) is not None:
            await close()
    if reply is None:
        raise TruncatedStream("the summary ended without its end mark", hint="try again")
    return reply
