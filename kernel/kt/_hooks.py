"""Compiled hook chains: pluggy decides who and in which order, this folds them into one coroutine function a hook."""

import asyncio
import copy
import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pluggy

from ._hookspecs import Specs
from ._messages import Message, ToolCall, ToolResult
from ._provider import Request
from ._turn import Turn, TurnResult
from .errors import PluginError, TurnWaiting, Vetoed

TIERS = ("outer", "normal", "guard")
Step = Callable[[Any], Awaitable[Any]]
KINDS: dict[str, tuple[type, type]] = {
    "kt_around_turn": (Turn, TurnResult),
    "kt_around_llm_call": (Request, Message),
    "kt_around_tool_call": (ToolCall, ToolResult),
}
"""What each hook of the kernel passes on, and what it returns."""


@dataclass(slots=True)
class Active:
    """An enabled plugin: its instance, tier ("outer", "normal", "guard"), and the distribution it came with."""

    plugin: object
    name: str
    tier: str = "normal"
    dist: str = ""

    @property
    def label(self) -> str:
        return f"{self.name} ({self.dist})" if self.dist and self.dist != self.name else self.name


@dataclass(slots=True)
class Impl:
    """One implementation of a hook: the bound method, the arguments it takes, and whose it is."""

    call: Callable[..., Any]
    args: tuple[str, ...]
    owner: Active
    rank: int

    def __call__(self, **given: object) -> Any:
        return self.call(**{name: given[name] for name in self.args})


@cache
def layout(cls: type, specs: tuple[type, ...]) -> tuple[tuple[str, tuple[str, ...], int], ...]:
    """Return (hook, argument names, rank) of each hook that a plugin class implements; checked once per class.

    Raises PluginError for an unknown hook or argument.
    """
    manager = pluggy.PluginManager("kt")
    for spec in specs:
        manager.add_hookspecs(spec)
    try:
        manager.register(object.__new__(cls), name=cls.__qualname__)
        manager.check_pending()
    except (pluggy.PluginValidationError, TypeError) as error:
        raise PluginError(f"{cls.__qualname__}: {' '.join(str(error).split())}", where=cls.__module__) from error
    found = []
    for name in dir(manager.hook):
        for impl in [] if name.startswith("_") else getattr(manager.hook, name).get_hookimpls():
            if name.startswith("kt_around_") and not inspect.iscoroutinefunction(inspect.unwrap(impl.function)):
                raise PluginError(f"{cls.__qualname__}.{name} must be 'async def'", where=cls.__module__)
            found.append((name, tuple(impl.argnames), -1 if impl.tryfirst else 1 if impl.trylast else 0))
    return tuple(found)


class Hooks:
    """The implementations of one agent, in order: tiers first, then tryfirst and trylast, then as enabled."""

    __slots__ = ("_impls", "specs")

    def __init__(self, active: Sequence[Active] = (), specs: tuple[type, ...] = (Specs,)) -> None:
        self.specs = specs
        impls: dict[str, list[Impl]] = {}
        for owner in active:
            for name, args, rank in layout(type(owner.plugin), specs):
                impls.setdefault(name, []).append(Impl(getattr(owner.plugin, name), args, owner, rank))
        for found in impls.values():
            found.sort(key=lambda i: (TIERS.index(i.owner.tier), i.rank))
        self._impls = impls

    def impls(self, name: str) -> Sequence[Impl]:
        """Return the implementations of a hook, outermost first."""
        return self._impls.get(name, ())

    def chain(self, name: str, agent: object, inner: Step) -> Step:
        """Fold the implementations of an around-hook over `inner`; without any, return `inner` itself."""
        impls = self.impls(name)
        if not impls:
            return inner
        spec = next(getattr(s, name) for s in self.specs if hasattr(s, name))
        _, agent_arg, arg, _ = inspect.signature(spec).parameters
        guarded = name == "kt_around_tool_call"
        core = object()
        step = _core(inner, core)
        frozen = not guarded
        for impl in reversed(impls):
            if not frozen and impl.owner.tier != "guard":
                step, frozen = _freeze(step), True
            guard = guarded and impl.owner.tier == "guard"
            step = _link(impl, name, {agent_arg: agent, "next": step}, arg, core, guard=guard)
        return step if frozen else _freeze(step)


NO_HOOKS = Hooks()


def _link(impl: Impl, hook: str, given: dict[str, Any], arg: str, core: object, *, guard: bool) -> Step:
    call, owner, inner = impl.call, impl.owner.label, given["next"]
    takes, gives = KINDS.get(hook, (object, object))

    async def following(x: Any) -> Any:
        if not isinstance(x, takes):
            raise PluginError(f"{hook} of plugin {owner} passed on {type(x).__name__}, not {takes.__name__}")
        return await inner(x)

    fixed = {name: value for name, value in {**given, "next": following}.items() if name in impl.args}
    passes = arg in impl.args

    async def step(x: Any) -> Any:
        try:
            made = await (call(**fixed, **{arg: x}) if passes else call(**fixed))
            if made is None or not isinstance(made, gives):
                raise PluginError(f"{hook} of plugin {owner} returned {type(made).__name__}, not {gives.__name__}")
            return made
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and not task.cancelling():
                raise PluginError(f"{hook} of plugin {owner} let out a cancellation of its own") from None
            raise
        except Exception as error:
            inside = getattr(error, "kt_core", None) is core
            if guard and not inside and not isinstance(error, Vetoed | TurnWaiting):
                cause = f"{type(error).__name__}: {error}"
                veto = Vetoed(f"guard {owner} failed, so the call is denied: {cause}")
                raise _blame(veto, owner) from error
            if not inside:
                _blame(error, owner)
            raise

    return step


def _blame(error: Exception, owner: str) -> Exception:
    """Note which plugin raised an error; the first one that lets it out."""
    if not hasattr(error, "kt_plugin"):
        error.kt_plugin = owner  # type: ignore[attr-defined]
        error.add_note(f"in plugin {owner}")
    return error


@contextmanager
def noted(impl: Impl) -> Iterator[None]:
    """Note the plugin in what its hook raises."""
    try:
        yield
    except Exception as error:
        raise _blame(error, impl.owner.label) from error.__cause__


def _core(inner: Step, mark: object) -> Step:
    """Mark what the kernel's own step raises, so that no plugin it passes through is blamed."""

    async def step(x: Any) -> Any:
        try:
            return await inner(x)
        except Exception as error:
            if not hasattr(error, "kt_emit"):
                error.kt_core = mark  # type: ignore[attr-defined]
            raise

    return step


def _freeze(inner: Step) -> Step:
    """Give the guards a copy that no outer plugin holds, so that what they checked is what runs."""

    async def step(call: Any) -> Any:
        return await inner(copy.deepcopy(call))

    return step
