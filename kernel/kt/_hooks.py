"""Compiled hook chains: pluggy decides who and in which order, this folds them into one coroutine function a hook."""

import copy
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pluggy

from ._hookspecs import Specs
from .errors import PluginError, TurnWaiting, Vetoed

TIERS = ("outer", "normal", "guard")
Step = Callable[[Any], Awaitable[Any]]


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


def _spec_args(name: str, specs: Sequence[type]) -> tuple[str, ...]:
    spec = next(getattr(s, name) for s in specs if hasattr(s, name))
    return tuple(inspect.signature(spec).parameters)[1:]


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
        agent_arg, arg, _ = _spec_args(name, self.specs)
        guarded = name == "kt_around_tool_call"
        step = _core(inner)
        frozen = not guarded
        for impl in reversed(impls):
            if not frozen and impl.owner.tier != "guard":
                step, frozen = _freeze(step), True
            guard = guarded and impl.owner.tier == "guard"
            step = _link(impl, name, {agent_arg: agent, "next": step}, arg, guard=guard)
        return step if frozen else _freeze(step)


NO_HOOKS = Hooks()


def _link(impl: Impl, hook: str, given: dict[str, Any], arg: str, *, guard: bool) -> Step:
    call, owner = impl.call, impl.owner.label
    fixed = {name: value for name, value in given.items() if name in impl.args}
    passes = arg in impl.args

    async def step(x: Any) -> Any:
        try:
            made = await (call(**fixed, **{arg: x}) if passes else call(**fixed))
            if made is None:
                raise PluginError(f"{hook} of plugin {owner} returned nothing")
            return made
        except Exception as error:
            blamed: Exception = error
            if guard and not isinstance(error, Vetoed | TurnWaiting) and not _from_inside(error):
                cause = f"{type(error).__name__}: {error}"
                blamed = Vetoed(f"guard {owner} failed, so the call is denied: {cause}")
            if not _from_inside(error) and not getattr(error, "__notes__", None):
                blamed.add_note(f"in plugin {owner}")
            if blamed is error:
                raise
            raise blamed from error

    return step


def _from_inside(error: BaseException) -> bool:
    return bool(getattr(error, "kt_core", False))


def _core(inner: Step) -> Step:
    """Mark what the kernel's own step raises, so that no plugin it passes through is blamed."""

    async def step(x: Any) -> Any:
        try:
            return await inner(x)
        except Exception as error:
            error.kt_core = not hasattr(error, "kt_emit")  # type: ignore[attr-defined]
            raise

    return step


def _freeze(inner: Step) -> Step:
    """Give the guards a copy that no outer plugin holds, so that what they checked is what runs."""

    async def step(call: Any) -> Any:
        return await inner(copy.deepcopy(call))

    return step
