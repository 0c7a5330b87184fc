"""kt plugins why HOOK: who implements a hook, in the order of the calls, and where."""

import asyncio
import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from kt.errors import UnknownName, nearest

from .parsing import parse

if TYPE_CHECKING:
    from kt import Agent, Plugins

ON_MODULES = ("kt_addhooks", "kt_register", "kt_resolve", "kt_host_lifespan")
"""The hooks of entry modules; all others are those of plugin classes."""
CORES = {
    "kt_around_turn": "the kernel asks the model, runs the tools, and again, until it answers",
    "kt_around_llm_call": "the kernel sends the request to the provider",
    "kt_around_tool_call": "the kernel runs the tool",
}
OTHERS = "the step of whoever calls the hook"
COPY = "the kernel copies the call: what a guard has seen is what runs"


@dataclass(frozen=True, slots=True)
class Step:
    """One implementation of a hook: its tier, the plugin with its distribution, and "file:line"."""

    tier: str
    plugin: str
    dist: str
    place: str

    def __str__(self) -> str:
        return f"{self.tier:<7} {self.plugin} ({self.dist or 'given'})  {self.place}"


def why(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt plugins why`; return its exit code."""

    def command(
        hook: Annotated[str, typer.Argument(help="the name of a hook, e.g. kt_around_tool_call")],
        profile: Annotated[str | None, typer.Option(help="which set of plugins acts (default: default)")] = None,
        creature: Annotated[str | None, typer.Option(help="the creature; the default one if left away")] = None,
        plugin: Annotated[list[str] | None, typer.Option("-p", "--plugin", help="one more; no:NAME: not it")] = None,
    ) -> int:
        """Show every implementation of a hook in the order of the calls, the outermost first."""
        known = hooks_of(plugins)
        if hook not in known:
            raise UnknownName(f"no hook {hook!r}", hint=nearest(hook, known))
        if hook in ON_MODULES:
            print("\n".join(_modules(plugins, hook)))
            return 0
        from .trial import trial_agent, trial_settings

        async def lines() -> list[str]:
            agent = await trial_agent(trial_settings(plugins, creature, profile=profile, use=list(plugin or ())))
            return _chain(agent, hook)

        print("\n".join(asyncio.run(lines())))
        return 0

    code: int = parse(command, argv, name="plugins why")
    return code


def hooks_of(plugins: "Plugins") -> list[str]:
    """Return the names of all hooks, those that plugins added too."""
    return sorted({name for spec in plugins.specs for name in vars(spec) if name.startswith("kt_")})


def _modules(plugins: "Plugins", hook: str) -> list[str]:
    """Return a line for each entry module that implements a hook, in the order of the calls."""
    found = [
        Step("module", point.name, f"{point.dist} {point.version}", place_of(getattr(module, hook)))
        for point, module in plugins.modules.values()
        if hasattr(module, hook)
    ]
    if hook in ("kt_resolve", "kt_host_lifespan"):  # pluggy calls the last one first
        order = [impl.plugin_name for impl in reversed(getattr(plugins.manager.hook, hook).get_hookimpls())]
        found.sort(key=lambda step: order.index(step.plugin))
    head = f"{hook}  called on entry modules, one after the other"
    return [head, *_numbered(found)]


def _chain(agent: "Agent", hook: str) -> list[str]:
    impls = list(agent.hooks.impls(hook))
    wraps = hook.startswith("kt_around_") or hook == "kt_lifespan"
    if hook == "kt_lifespan":  # guards are up before anybody else, and last to go
        impls.sort(key=lambda impl: impl.owner.tier != "guard")
    steps = [Step(i.owner.tier, i.owner.name, i.owner.dist, place_of(i.call)) for i in impls]
    if not wraps:
        return [f"{hook}  of {agent.name}: called one after the other", *_numbered(steps)]
    core = "the agent runs" if hook == "kt_lifespan" else CORES.get(hook, OTHERS)
    if not steps:
        return [f"{hook}  of {agent.name}: no plugin has it", f"  {core}"]
    head = f"{hook}  of {agent.name}: each wraps those below it"
    return [head, *_nested(steps, core, copies=hook == "kt_around_tool_call")]


def _numbered(steps: Sequence[Step]) -> list[str]:
    lines = [f"  {number}. {step}" for number, step in enumerate(steps, 1)]
    return lines or ["  nobody implements it: the kernel alone"]


def _nested(steps: Sequence[Step], core: str, *, copies: bool) -> list[str]:
    """Return the layers, each further in than the one that wraps it."""
    layers: list[str] = []
    guarded = False
    for step in steps:
        if copies and step.tier == "guard" and not guarded:
            guarded = True
            layers.append(f"[{COPY}]")
        layers.append(str(step))
    layers += [f"[{COPY}]"] if copies and not guarded else []
    return [f"  {'  ' * depth}{'-> ' if depth else ''}{layer}" for depth, layer in enumerate([*layers, core])]


def place_of(function: Callable[..., Any]) -> str:
    """Return "file:line" of a function or method, relative to the working folder where it lies below that."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return type(function).__module__
    shown = os.path.relpath(code.co_filename)
    return f"{code.co_filename if shown.startswith('..') else shown}:{code.co_firstlineno}"
