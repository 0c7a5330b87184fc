"""A trigger at work: it fires, and what it sends waits at most once."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from kt import Part, Text
from kt.events import AgentStarted

from .events import TriggerFired
from .outbox import Outbox, Post
from .records import Record, record, recorded

if TYPE_CHECKING:
    from kt import Agent


class Trigger:
    """What one entry of a creature's `triggers` is while its agent runs.

    `kept` says that its record lives in the session, under `key`. `own` says that the agent set it itself; `origin` is
    what tainted the agent's conversation when it did. `next` is when it comes due, in seconds since the epoch; `about`
    its settings for people. What is entered in `scope` is left with it.
    """

    def __init__(
        self, agent: "Agent", kind: str, id: str, prompt: str, *, own: bool = False, kept: bool = True, origin: str = ""
    ) -> None:
        self.agent, self.kind, self.id, self.prompt = agent, kind, id, prompt
        self.own, self.kept, self.origin = own, kept, origin
        self.about = ""
        self.key = f"own:{id}" if own else id
        self.outbox = Outbox(agent, f"trigger:{id}")
        self.next: float | None = None
        self.finished: Callable[[], object] | None = None
        self.scope = AsyncExitStack()
        self._task: asyncio.Task[None] | None = None

    @property
    def where(self) -> str:
        return f"trigger {self.id!r}" if self.id == self.kind else f"trigger {self.id!r} ({self.kind})"

    # Life

    def begin(self, work: Callable[[], Coroutine[Any, Any, None]], *, at_once: bool = False) -> None:
        """Run `work` as a task, `at_once` or when the agent has started, until the trigger is closed."""

        def start(event: AgentStarted | None = None) -> None:
            off()
            self._task = self.agent.spawn(work(), name=f"{self.agent.name} {self.where}")

        off = self.agent.bus.on(AgentStarted, start)
        self.scope.callback(off)
        if at_once:
            start()

    async def close(self) -> None:
        """End the work, and take back what no turn has taken."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        self.outbox.close()
        await self.scope.aclose()

    # Firing

    def fire(
        self,
        body: Sequence[Part] = (),
        *,
        missed: int = 0,
        last: str = "",
        settles: Record | None = None,
        merge: bool = True,
    ) -> Post:
        """Send the prompt and `body` as input; with `merge`, change the one instead that still waits.

        missed: how many missed runs it makes up for; the `last` of them was due then. settles: what is recorded once a
        turn takes it.
        """
        waiting = posts[-1] if (posts := self.outbox.waiting()) and merge else None
        self.agent.record(TriggerFired(self.kind, self.id, missed, waiting is None))
        post = Post([]) if waiting is None else waiting
        post.missed += missed
        post.again += waiting is not None
        post.settle = None if settles is None else partial(self.record, settles)
        parts = self._parts(body, post, last)
        if waiting is None:
            post.parts = parts
            self.outbox.put(post)
        else:
            self.outbox.replace(post, parts)
        return post

    def _parts(self, body: Sequence[Part], post: Post, last: str) -> list[Part]:
        said = [self.prompt] if self.prompt else []
        if post.missed:
            runs = "run was" if post.missed == 1 else "runs were"
            said.append(f"[{post.missed} {runs} missed{last and f'; the last was due {last}'}]")
        if post.again:
            times = "once" if post.again == 1 else f"{post.again} times"
            said.append(f"[this came due {times} more while it waited]")
        text = "\n\n".join(said)
        head: list[Part] = [Text(text + "\n\n" * bool(body), origin=self.origin)] if text else []
        return [*head, *body]

    # The record

    @property
    def recorded(self) -> Record | None:
        return recorded(self.agent, self.key) if self.kept else None

    def record(self, value: Record) -> None:
        if self.kept:
            record(self.agent, self.key, value)
