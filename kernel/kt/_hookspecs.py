"""The hooks of the kernel. Plugins may take fewer arguments than a hook offers, and add hooks with `kt_addhooks`.

A hook is for an answer that matters; where deleting the listener must not change what the agent does, use an event.
An exception from an around-hook fails the turn, with a note that names the plugin; from a guard it is a denial.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, TypeAlias

from ._marks import hookspec

if TYPE_CHECKING:
    from ._agent import Agent
    from ._host import Host
    from ._messages import Json, Message, ToolCall, ToolResult
    from ._plugins import HookSpecs
    from ._provider import Request
    from ._registry import Registry
    from ._turn import Turn, TurnResult

    NextTurn: TypeAlias = Callable[[Turn], Awaitable[TurnResult]]
    NextLLM: TypeAlias = Callable[[Request], Awaitable[Message]]
    NextTool: TypeAlias = Callable[[ToolCall], Awaitable[ToolResult]]


class Specs:
    """Hook specifications. The first three are called on entry modules, the others on plugin instances."""

    @hookspec
    def kt_addhooks(self, manager: "HookSpecs") -> None:
        """Add hook specifications: `manager.add_hookspecs(MySpecs)`. Runs once, before anything is checked."""

    @hookspec
    def kt_register(self, registry: "Registry") -> None:
        """Name what the plugin offers, as "module:attribute" strings. Runs once at load; import nothing heavy."""

    @hookspec(firstresult=True)
    def kt_resolve(self, kind: str, name: str) -> object:
        """Find a reference that is neither registered, nor a path, nor in a pack; return None to pass.

        Runs when a name of `kind` is looked up. Return the thing itself or the path of its file.
        """

    @hookspec
    def kt_host_lifespan(self, host: "Host") -> AbstractAsyncContextManager[None]:
        """Start what is shared by all agents of a host. An async context manager, entered before its first agent."""

    @hookspec
    def kt_lifespan(self, agent: "Agent") -> AbstractAsyncContextManager[None]:
        """Start and stop with the agent. An async context manager; left in reverse order at `agent.stop()`."""

    @hookspec
    def kt_prompt(self, agent: "Agent") -> str | None:
        """Return a section for the system prompt. Runs at start and on `agent.refresh_prompt()`, never per call."""

    @hookspec
    async def kt_around_turn(self, agent: "Agent", turn: "Turn", next: "NextTurn") -> "TurnResult":
        """Wrap a turn, from its input to its result. Return a TurnResult without `next` to answer yourself.

        A turn that ends otherwise than ok raises through here; raise Vetoed to refuse it (status denied).
        """

    @hookspec
    async def kt_around_llm_call(self, agent: "Agent", request: "Request", next: "NextLLM") -> "Message":
        """Wrap one request to the model. Change it with `next(replace(request, ...))`, never in place.

        Deltas go through `request.emit(delta)`, which you may wrap. Calling `next` again after a visible delta
        publishes LLMRestarted.
        """

    @hookspec
    async def kt_around_tool_call(self, agent: "Agent", call: "ToolCall", next: "NextTool") -> "ToolResult":
        """Wrap one validated call. Return a ToolResult without `next`, or raise Vetoed, and the tool does not run.

        Calling `next` again runs the tool again, unless its effect is "once" and it already started: that raises.
        """

    @hookspec
    def kt_save(self, agent: "Agent") -> "Json":
        """Return the plugin's own state as JSON data, kept with the session under the plugin's name."""

    @hookspec
    def kt_load(self, agent: "Agent", state: "Json") -> None:
        """Take back what `kt_save` returned, when a session is resumed and before `kt_lifespan`."""
