"""The plugin `quarantine`: sees which plugins failed in a run, and which acted without failing."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from kt import Agent, Turn, TurnResult, hookimpl
from kt.errors import KTError, PluginError
from kt.events import AgentStarted, Event, LLMEnded, PluginFailed, ToolEnded, TurnEnded

from .ledger import Key, protected, settle

SHOWN = 200
"""Characters of an error that are kept."""
OCCASIONS: dict[str, type[Event]] = {
    "kt_around_turn": TurnEnded,
    "kt_around_llm_call": LLMEnded,
    "kt_around_tool_call": ToolEnded,
}
"""What must have happened in a run before a plugin with a hook has acted in it."""


class Quarantine:
    """Count failing runs of plugins; a run is the life of a host, with all its agents.

    A failure is a listener or task that raised, and an error of a hook that is no `KTError` but a `PluginError`. What
    a guard does is its own affair, and an object given in Python has no distribution that could be left out.
    """

    tier = "outer"
    scope = "host"

    def __init__(self) -> None:
        self._failed: dict[Key, str] = {}
        self._acted: set[Key] = set()
        self._agents = 0

    @hookimpl(tryfirst=True)
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        happened: set[type] = set()
        kinds: tuple[type[Event], ...] = (AgentStarted, *OCCASIONS.values())
        offs = [agent.bus.on(kind, lambda event: happened.add(type(event))) for kind in kinds]
        offs.append(agent.bus.on(PluginFailed, lambda event: self._heard(agent, event)))
        self._agents += 1
        try:
            yield
        finally:
            # A lifespan or prompt that raises ends the start; what is left while it does is told of no error.
            if AgentStarted not in happened and (error := sys.exception()) is not None:
                self._blame(agent, error)
            for off in offs:
                off()
            self._acted |= {key for label, key in _watched(agent).items() if _acted(agent, label, happened)}
            self._agents -= 1
            if not self._agents:
                self._settle(agent)

    @hookimpl(tryfirst=True)
    async def kt_around_turn(
        self, agent: Agent, turn: Turn, next: Callable[[Turn], Awaitable[TurnResult]]
    ) -> TurnResult:
        try:
            return await next(turn)
        except Exception as error:
            self._blame(agent, error)
            raise

    def _blame(self, agent: Agent, error: BaseException) -> None:
        """Note the failure of the plugin that an error names; one that a plugin raises on purpose is none."""
        key = _watched(agent).get(str(getattr(error, "kt_plugin", "")))
        if key is not None and (isinstance(error, PluginError) or not isinstance(error, KTError)):
            self._failed[key] = _shown(agent, f"{type(error).__name__}: {error}")

    def _heard(self, agent: Agent, event: PluginFailed) -> None:
        """Note the failure of a listener or task, by the plugin's name or that of its class, if just one has it."""
        owners = [a.label for a in agent.active if event.plugin == a.name or _is_of(event.plugin, type(a.plugin))]
        key = _watched(agent).get(owners[0]) if len(owners) == 1 else None
        if key is not None:
            self._failed[key] = _shown(agent, event.error)

    def _settle(self, agent: Agent) -> None:
        failed, acted, self._failed, self._acted = self._failed, self._acted, {}, set()
        try:
            settle(agent.host.registry, failed, acted)
        except (OSError, KTError) as error:
            agent.bus.publish(PluginFailed("quarantine", f"{type(error).__name__}: {error}"))


def _watched(agent: Agent) -> dict[str, Key]:
    """Return the plugins of an agent that may be left out, by what errors call them."""
    watched = {}
    for active in agent.active:
        distribution, _, version = active.dist.partition(" ")
        free = active.tier == "guard" or not distribution or active.name == "quarantine"
        if not free and not protected(agent.host.registry, active.name):
            watched[active.label] = (active.name, distribution, version)
    return watched


def _is_of(listener: str, cls: type) -> bool:
    return listener.startswith(f"{cls.__qualname__}.")


def _acted(agent: Agent, label: str, happened: set[type]) -> bool:
    """Tell whether there was an occasion for everything that a plugin takes part in."""
    hooks = [hook for hook in OCCASIONS if any(impl.owner.label == label for impl in agent.hooks.impls(hook))]
    return TurnEnded in happened and all(OCCASIONS[hook] in happened for hook in hooks)


def _shown(agent: Agent, text: str) -> str:
    """Return an error in one line, without the secrets that this process knows."""
    redactor = agent.host.registry.find("redactor", "default")
    line = " ".join(text.split())
    return (line if redactor is None else str(redactor.load()(line)))[:SHOWN]
