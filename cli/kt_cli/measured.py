"""The process that `kt plugins time` starts: one turn of a scripted model, with every hook timed.

Reads what to run as JSON from standard input; the last line of its output is the JSON of what it measured. Its imports
are measured by Python itself (`-X importtime`).
"""

import asyncio
import functools
import importlib
import inspect
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from importlib.util import resolve_name
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kt import Agent


@dataclass(slots=True)
class Timing:
    """The calls of one hook of one plugin; `seconds` is its own time, without what ran inside `next`."""

    calls: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Stopwatch:
    """Time the hooks of plugins; `timings` is by hook and plugin."""

    clock: Callable[[], float] = perf_counter
    timings: dict[tuple[str, str], Timing] = field(default_factory=dict)

    def watch(self, agent: "Agent") -> None:
        """Time every hook of an agent's plugins, in agents that are made of them from now on."""
        for cls, label in {type(active.plugin): active.label for active in agent.active}.items():
            for hook in {name for spec in agent.host.plugins.specs for name in vars(spec) if name.startswith("kt_")}:
                if (function := getattr(cls, hook, None)) is not None:
                    setattr(cls, hook, self.timed(function, hook, label))

    def timed(self, function: Callable[..., Any], hook: str, label: str) -> Callable[..., Any]:
        """Return a hook that does the same and is timed."""
        timing = self.timings.setdefault((hook, label), Timing())

        @functools.wraps(function)
        async def around(self_: object, **given: Any) -> Any:
            timing.calls += 1
            with self._own(timing) as paused:
                if "next" in given:
                    given["next"] = paused(given["next"])
                return await function(self_, **given)

        @functools.wraps(function)
        def plain(self_: object, **given: Any) -> Any:
            timing.calls += 1
            with self._own(timing):
                made = function(self_, **given)
            if hasattr(made, "__aenter__"):
                return self._scope(made, timing)
            return self._awaited(made, timing) if inspect.isawaitable(made) else made

        return around if inspect.iscoroutinefunction(function) else plain

    @contextmanager
    def _own(self, timing: Timing) -> Iterator[Callable[[Any], Any]]:
        """Add the time until the end; yield what makes of a `next` one that stops the clock while it runs."""
        began, running = self.clock(), 0

        def paused(following: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
            async def step(x: Any) -> Any:
                nonlocal began, running
                running += 1
                if running == 1:
                    timing.seconds += self.clock() - began
                try:
                    return await following(x)
                finally:
                    running -= 1
                    if not running:
                        began = self.clock()

            return step

        try:
            yield paused
        finally:
            if not running:
                timing.seconds += self.clock() - began

    @asynccontextmanager
    async def _scope(self, scope: Any, timing: Timing) -> AsyncIterator[None]:
        with self._own(timing):
            await scope.__aenter__()
        try:
            yield
        finally:
            with self._own(timing):
                await scope.__aexit__(*sys.exc_info())

    async def _awaited(self, made: Awaitable[Any], timing: Timing) -> Any:
        with self._own(timing):
            return await made


def import_module(name: str, package: str | None = None) -> ModuleType:
    """Do what `importlib.import_module` does, but as an import statement: Python's measure does not see that one."""
    full = resolve_name(name, package)
    __import__(full)
    return sys.modules[full]


async def measure(given: dict[str, Any]) -> dict[str, Any]:
    """Run one turn of what is given; return its hooks' timings, its seconds and how it ended."""
    from kt import Plugins
    from kt.testing import ScriptedLLM

    from .running import told_agent
    from .trial import trial_settings

    settings = trial_settings(Plugins(), given["creature"], profile=given["profile"], use=given["plugins"])
    settings.explain = False  # it is a real turn
    stopwatch = Stopwatch()
    if given["script"] is not None:
        settings.registry.get("run_option", "scripted")(settings, given["script"])
    # Without a script no tool is called: nobody asked for what it does.
    built = await told_agent(settings, llm=settings.llm or ScriptedLLM(["Measured."]))
    stopwatch.watch(built)
    agent = built if built.plan is None else type(built)(built.plan)
    async with agent.host, agent:
        began = perf_counter()
        result = await agent.run(given["prompt"])
        took = perf_counter() - began
    hooks = [
        {"hook": hook, "plugin": label, "calls": timing.calls, "ms": timing.seconds * 1000}
        for (hook, label), timing in stopwatch.timings.items()
        if timing.calls
    ]
    status = result.status.value if result.error is None else f"{result.status.value}: {result.error}"
    return {"creature": agent.name, "status": status, "turn_ms": took * 1000, "hooks": hooks}


def main() -> int:
    """Measure what standard input says; return the exit code."""
    importlib.import_module = import_module
    from .errors import report

    try:
        print(json.dumps(asyncio.run(measure(json.load(sys.stdin)))))
    except Exception as error:
        return report(error, [])
    return 0


if __name__ == "__main__":
    sys.exit(main())
