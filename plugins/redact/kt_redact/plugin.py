"""The guard that keeps secrets out of an agent's log, events, results, errors and requests."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from kt import Agent, Message, Request, ToolCall, ToolResult, Turn, TurnResult, hookimpl
from kt.errors import ConfigError, MissingPlugin
from kt.events import Advice, Event

from .data import Cleaner
from .records import CleanLog, Scrubber
from .secrets import Secrets
from .streams import Deltas


@dataclass(slots=True)
class RedactConfig:
    """`env`: further variables whose values are secrets; `tokens`: look for well-known token shapes as well."""

    env: list[str] = field(default_factory=list)
    tokens: bool = True


class Redact:
    """Keep known secrets, and what looks like a token, away from everything that leaves the agent.

    Best as a guard: then it stands between the model or tool and every other plugin.
    """

    Config = RedactConfig
    decides = False

    def __init__(self, config: RedactConfig | None = None) -> None:
        self.config = config or RedactConfig()
        if not all(name and "=" not in name for name in self.config.env):
            raise ConfigError("redact.env must list names of variables", hint="env: [MY_LOGIN]")
        self._secrets: Secrets | None = None
        self._sent: list[tuple[Message, Message]] = []
        self._sent_without: object = None

    @property
    def secrets(self) -> Secrets:
        assert self._secrets is not None, "the agent has not started"
        return self._secrets

    @property
    def _cleaner(self) -> Cleaner:
        clean = self.secrets.redact
        return Cleaner(partial(clean, tokens=self.config.tokens), partial(clean, tokens=False))

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        if self._secrets is None:
            self._secrets = _of_host(agent)
        else:
            agent.host.provide(self._secrets)  # a host that was closed in between has forgotten it
        self._learn(agent)
        if not isinstance(agent.log, CleanLog):
            scrubber = Scrubber(self._secrets, self._cleaner)
            agent.log = CleanLog(agent.log, scrubber, self._cleaner)
            agent.bus.scrub = scrubber.scrub if agent.bus.scrub is None else _both(agent.bus.scrub, scrubber.scrub)
        # Log and bus stay as they are at the end: other plugins end later, and that is recorded too.
        yield

    def _learn(self, agent: Agent) -> None:
        """Take up what the environment, the tools' needs and the places of keys have."""
        self.secrets.watch(*self.config.env, *(name for tool in agent.tool_list for name in tool.needs.secrets))
        try:
            self.secrets.read_stores()
        except Exception as error:
            # A place that can't be read gives its keys to nobody, so this is no reason to stop.
            agent.bus.publish(Advice(f"redact can't read a place of keys: {error}"))

    @hookimpl
    async def kt_around_turn(self, turn: Turn, next: Callable[[Turn], Awaitable[TurnResult]]) -> TurnResult:
        self.secrets.refresh()
        cleaner = self._cleaner
        turn.message = cleaner.clean(turn.message)
        return cleaner.clean(await cleaner.failing(next(turn)))

    @hookimpl(trylast=True)
    async def kt_around_tool_call(
        self, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        cleaner = self._cleaner
        return cleaner.clean(await cleaner.failing(next(call)))

    @hookimpl(trylast=True)
    async def kt_around_llm_call(self, request: Request, next: Callable[[Request], Awaitable[Message]]) -> Message:
        cleaner = self._cleaner
        deltas = Deltas(request.emit, partial(self.secrets.holder, tokens=self.config.tokens))
        messages, system = self._without(request.messages), cleaner.clean(request.system)
        reply = await cleaner.failing(next(replace(request, messages=messages, system=system, emit=deltas.emit)))
        deltas.end()
        return cleaner.said(reply)

    def _without(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Return the messages without secrets; each is looked at once, and its copy stays the same from then on."""
        if self._sent_without is not self.secrets.matcher:
            self._sent, self._sent_without = [], self.secrets.matcher
        known, cleaner = self._sent, self._cleaner
        for at, message in enumerate(messages):
            if at >= len(known) or known[at][0] is not message:
                del known[at:]
                known.append((message, cleaner.clean(message)))
        del known[len(messages) :]
        return messages if all(message is clean for message, clean in known) else [clean for _, clean in known]


def _of_host(agent: Agent) -> Secrets:
    """Return the secrets of the host; it has none yet where the plugin was given by hand and is not installed."""
    try:
        return agent.host.get(Secrets)
    except MissingPlugin:
        made = Secrets(agent.host)
        agent.host.provide(made)
        return made


def _both(first: Callable[[Event], None], second: Callable[[Event], None]) -> Callable[[Event], None]:
    def scrub(event: Event) -> None:
        first(event)
        second(event)

    return scrub
