"""The inputs of a trigger that no turn has taken yet."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt import Part, Status
from kt.events import TurnEnded, TurnStarted

if TYPE_CHECKING:
    from kt import Agent


class Post:
    """One input: `missed` and `again` count further runs it stands for, `settle` is called when a turn takes it."""

    __slots__ = ("again", "missed", "parts", "pending", "settle", "taken")

    def __init__(self, parts: list[Part], settle: Callable[[], None] | None = None) -> None:
        self.parts, self.settle = parts, settle
        self.missed = self.again = 0
        self.pending: Any = None
        self.taken = asyncio.Event()


class Outbox:
    """Send inputs to an agent, and hold them back while it waits for an answer of its user.

    The input that a turn begins with closes the questions of the turn before; a trigger's must not do that.
    """

    __slots__ = ("_agent", "_offs", "_posts", "_source")

    def __init__(self, agent: "Agent", source: str) -> None:
        self._agent, self._source = agent, source
        self._posts: list[Post] = []
        self._offs: list[Callable[[], None]] = []

    def waiting(self) -> list[Post]:
        """Return what waits, once it is settled what was taken, by a turn or by somebody who withdrew it."""
        taken = [post for post in self._posts if post.pending is not None and post.pending.taken]
        self._forget([post for post in self._posts if post not in taken])
        for post in taken:
            if post.settle is not None:
                post.settle()
            post.taken.set()
        return self._posts

    def put(self, post: Post) -> None:
        """Send an input, at once or when nothing waits for the user any more."""
        if not self._posts:
            bus = self._agent.bus
            self._offs = [bus.on(TurnStarted, self._turn_started), bus.on(TurnEnded, self._turn_ended)]
        self._posts.append(post)
        if not self.held:
            self._send(post)

    def replace(self, post: Post, parts: list[Part]) -> None:
        """Change an input that waits."""
        post.parts = parts
        if post.pending is not None:
            post.pending.edit(parts)

    def close(self) -> None:
        """Take back what waits."""
        for post in self.waiting():
            self._recall(post)
        self._forget([])

    @property
    def held(self) -> bool:
        """Tell whether the agent waits for an answer of its user."""
        agent = self._agent
        if agent.turn is not None or not agent.open_calls():
            return False
        return agent.host.registry.find("questions", "default") is not None and bool(agent.questions.parked)

    def _send(self, post: Post) -> None:
        post.pending = self._agent.send(post.parts, source=self._source)

    def _recall(self, post: Post) -> None:
        if post.pending is not None:
            post.pending.withdraw()
            post.pending = None

    def _turn_started(self, event: TurnStarted) -> None:
        self.waiting()

    def _turn_ended(self, event: TurnEnded) -> None:
        for post in self.waiting():
            if event.result.status is Status.waiting:
                self._recall(post)
            elif post.pending is None:
                self._send(post)

    def _forget(self, left: list[Post]) -> None:
        self._posts = left
        if not left:
            for off in self._offs:
                off()
            self._offs = []
