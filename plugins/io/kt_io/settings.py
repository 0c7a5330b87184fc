"""Settings of an input or output, checked when the agent starts."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from kt import Agent
from kt.errors import ConfigError, nearest

S = TypeVar("S", bound="Settings")


class Settings:
    """Be the base of dataclasses that hold settings; a key they do not have is an error."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


def checked(agent: Agent, cls: type[S], given: Mapping[str, Any], what: str) -> S:
    """Return the settings of "input NAME" or "output NAME" as `cls`.

    Raises ConfigError that names the setting, the nearest for a misspelt one, and the place in the creature's file.
    """
    from pydantic import TypeAdapter, ValidationError

    where = agent.creature.places.get(what, what)
    try:
        settings: S = TypeAdapter(cls).validate_python(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            known = [field.name for field in fields(cls)]  # type: ignore[arg-type]
            raise ConfigError(f"no setting {name!r}", where=where, hint=nearest(name, known)) from None
        raise ConfigError(f"{name}: {first['msg']}", where=where) from None
    return settings


def path_below(agent: Agent, path: str) -> Path:
    """Return where a path of the settings is: below the agent's working folder, unless it is absolute."""
    return agent.pwd / Path(path).expanduser()
