"""The hooks of a terrarium: around a message that a creature sends, and around a creature that another one adds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kt import hookspec

from .post import Post

if TYPE_CHECKING:
    from kt import Agent

    from .member import Member

    NextMessage: TypeAlias = Callable[[Post], Awaitable[str]]
    NextSpawn: TypeAlias = "Callable[[Spawn], Awaitable[Member]]"


@dataclass(slots=True)
class Spawn:
    """Hold what a creature adds to its group: a reference, a name and a model, both "" where they are left open."""

    creature: str
    name: str = ""
    model: str = ""


class TerrariumSpecs:
    """Hook specifications that the plugin `terrarium` adds."""

    @hookspec
    async def kt_around_message(self, agent: "Agent", message: Post, next: "NextMessage") -> str:
        """Wrap a message that a creature sends with a tool. Change it with `dataclasses.replace`.

        Return what the sender reads as the tool's result; raise Vetoed, or return without `next`, and nobody gets it.
        """

    @hookspec
    async def kt_around_spawn(self, agent: "Agent", spawn: Spawn, next: "NextSpawn") -> "Member":
        """Wrap the making of a creature that another one adds to its group. Raise Vetoed to refuse it."""
