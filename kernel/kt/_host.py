"""What one running process shares between its agents: tasks, services, plugins."""

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from itertools import count
from typing import Any, TypeVar

from ._plugins import Plugins, installed
from ._registry import Registry
from .errors import MissingPlugin

T = TypeVar("T")


class Clock:
    """Time as agents see it; kt.testing.VirtualClock replaces it."""

    def time(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


SYSTEM_CLOCK = Clock()
CROWD, CALM = 1000, (50_000, 20, 20)
_started = count(1)


def count_started() -> None:
    """Count the agents this process starts; with the 1,000th let the garbage collector walk their heap less often.

    At its default threshold it takes three quarters of the time of 10,000 concurrent turns (tests/bench). A threshold
    that the application set is left alone.
    """
    if next(_started) == CROWD and gc.get_threshold() == (700, 10, 10):
        gc.set_threshold(*CALM)


class Host:
    """Own the tasks, the shared services and the plugins of the agents of one process.

    `async with Host() as host` closes it; an agent that was given none makes and closes its own. `shared` holds the
    instances of plugins with `scope = "host"`, by name.
    """

    __slots__ = ("_plugins", "_services", "_stack", "_started", "_tasks", "clock", "shared")

    def __init__(self, plugins: Plugins | None = None, *, clock: Clock | None = None) -> None:
        self._plugins = plugins
        self._services: dict[type, object] = {}
        self.shared: dict[str, object] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stack: AsyncExitStack | None = None
        self._started = False
        self.clock = clock or SYSTEM_CLOCK

    @property
    def plugins(self) -> Plugins:
        if self._plugins is None:
            self._plugins = installed()
        return self._plugins

    @property
    def registry(self) -> Registry:
        return self.plugins.registry

    def provide(self, service: object, kind: type | None = None) -> None:
        """Offer a service to everything on this host, under its type; one with `aclose()` is closed with the host."""
        self._services[kind or type(service)] = service

    def get(self, kind: type[T]) -> T:
        """Return the service of a type. Raises MissingPlugin where no plugin provides it."""
        service = self._services.get(kind)
        if service is None:
            raise MissingPlugin(f"no enabled plugin provides {kind.__name__}", where=kind.__module__)
        return service  # type: ignore[return-value]

    def spawn(
        self, work: Coroutine[Any, Any, T], *, name: str = "", failed: Callable[[BaseException], object] | None = None
    ) -> "asyncio.Task[T]":
        """Run `work` as a task that ends with this host; what it raises goes to `failed`, or the loop's handler."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(work, name=name or None)

        def done(task: "asyncio.Task[T]") -> None:
            self._tasks.discard(task)
            error = None if task.cancelled() else task.exception()
            if error is not None and failed is not None:
                failed(error)
            elif error is not None:
                loop.call_exception_handler({"message": f"task {name!r} failed", "exception": error, "task": task})

        self._tasks.add(task)
        task.add_done_callback(done)
        return task

    async def start(self) -> None:
        """Enter the plugins' `kt_host_lifespan`, once they are loaded."""
        if self._started or self._plugins is None:
            return
        self._started = True
        if scopes := self._plugins.manager.hook.kt_host_lifespan(host=self):
            self._stack = AsyncExitStack()
            for scope in scopes:
                await self._stack.enter_async_context(scope)

    async def close(self) -> None:
        """Cancel every task and wait for it, close the services, and leave the lifespans in reverse order."""
        while tasks := self._tasks - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        services, self._services = self._services, {}
        for service in reversed(services.values()):
            if (aclose := getattr(service, "aclose", None)) is not None:
                await aclose()
        stack, self._stack, self._started = self._stack, None, False
        if stack is not None:
            await stack.aclose()

    async def __aenter__(self) -> "Host":
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()
