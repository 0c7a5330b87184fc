"""What a kind of trigger is: its settings, checked, and how one begins to work."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from kt.errors import DataError, nearest

from .board import Board
from .trigger import Trigger

if TYPE_CHECKING:
    from kt import Agent

_ID = re.compile(r"[\w.-]{1,64}")


@dataclass(slots=True, kw_only=True)
class Settings:
    """What every kind takes: `prompt`, which begins the turn, and `id`, the user's own name for the trigger."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    prompt: str
    id: str = ""

    def __post_init__(self) -> None:
        if self.id and not _ID.fullmatch(self.id):
            raise DataError(f"id: {self.id!r} is no id", hint="up to 64 letters, digits and any of _ . -")


S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Kind(Generic[S]):
    """One kind of trigger, callable as the registry's kind `trigger` has it: `KIND(agent, **settings)`.

    `open(trigger, settings, at_once)` makes the trigger work from the agent's start on, or at once.
    """

    name: str
    settings: type[S]
    open: Callable[[Trigger, S, bool], Awaitable[None]] = field(repr=False)

    def check(self, given: Mapping[str, Any], *, where: str = "") -> S:
        """Return the settings. Raises DataError that names the trigger, or `where` it stands, and the setting."""
        from pydantic import ValidationError

        where = where or f"trigger {self.name!r}" + (f" with id {given['id']!r}" if given.get("id") else "")
        try:
            return cast(S, _adapter(cast(Any, self.settings)).validate_python(dict(given)))
        except ValidationError as error:
            what, hint = self._said(error.errors())
        except DataError as error:
            what, hint = error.what, error.hint
        raise DataError(what, where=where, hint=hint)

    def _said(self, errors: Sequence[Any]) -> tuple[str, str]:
        """Return what is wrong and a hint; a setting that does not exist explains why another is missing."""
        unknown = [error for error in errors if error["type"] == "unexpected_keyword_argument"]
        error = [*unknown, *errors][0]
        name = str(error["loc"][0])
        if unknown:
            return f"there is no setting {name!r}", nearest(name, [f.name for f in fields(self.settings)])
        if error["type"] == "missing":
            return f"the setting {name!r} is missing", ""
        return f"{name}: {error['msg']}", ""

    def __call__(self, agent: "Agent", **given: Any) -> AbstractAsyncContextManager[None]:
        settings = self.check(given, where=agent.creature.places.get(f"trigger {self.name}", ""))
        id = settings.id or Board.of(agent.host).free_id(agent, self.name)
        trigger = Trigger(agent, self.name, id, settings.prompt, kept=bool(settings.id))
        return self.running(trigger, settings)

    @asynccontextmanager
    async def running(self, trigger: Trigger, settings: S, *, at_once: bool = False) -> AsyncIterator[None]:
        """Let a trigger work; `at_once` where its agent has started already."""
        board, trigger.about = Board.of(trigger.agent.host), _about(settings)
        board.add(trigger)
        try:
            await self.open(trigger, settings, at_once)
            yield
        finally:
            await trigger.close()
            board.remove(trigger)


@cache
def _adapter(settings: type[Settings]) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(settings)


def _about(settings: Settings) -> str:
    """Return the settings that are not the default, without the prompt and what is secret."""
    shown = [f for f in fields(settings) if f.repr and f.name not in ("id", "prompt")]
    values = [(f.name, getattr(settings, f.name)) for f in shown if getattr(settings, f.name) != f.default]
    return ", ".join(f"{name}={', '.join(v) if isinstance(v, list) else v}" for name, v in values)
