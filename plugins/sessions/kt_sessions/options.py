"""`Agent.build(session=..., session_dir=...)`, and what `kt run --session PATH` and `--no-session` set."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kt import Limits, encode
from kt.errors import UsageError

from .log import SessionLog
from .names import folder, mint

if TYPE_CHECKING:
    from kt import Plan

SECRET = re.compile(r"(^|[_-])(key|token|password|secret)$", re.IGNORECASE)


class RunSettings(Protocol):
    options: dict[str, Any]


def run_session(settings: RunSettings, value: str) -> None:
    """Keep the run in the file `value`, or go on with it."""
    if settings.options.get("session", value) is False:
        raise UsageError("--session and --no-session exclude each other")
    settings.options["session"] = value


def run_without(settings: RunSettings, value: bool) -> None:
    """Keep nothing of the run."""
    if value:
        if isinstance(settings.options.get("session"), str):
            raise UsageError("--session and --no-session exclude each other")
        settings.options["session"] = False


def session(plan: "Plan", value: object) -> None:
    """Keep the agent in a session file: a path (made, or gone on with), True for a new one, False for none."""
    if value is False or value is None:
        return
    if isinstance(value, SessionLog):
        plan.log, plan.session = value, str(value.path)
        return
    if value is not True and not isinstance(value, str | Path):
        raise UsageError(f"session= takes a path, True or False, not {value!r}")
    if value is True:
        given = plan.given.get("session_dir")
        where = folder(plan.host.registry) if given is None else Path(given).expanduser()
        path = mint(where, plan.creature.name, plan.host.clock.time())
    else:
        path = Path(str(value)).expanduser().absolute()
    plan.log, plan.session = plan.host.registry.get("store", "session")(path, made_of(plan)), str(path)


def session_dir(plan: "Plan", value: str | Path) -> None:
    """Keep the agent in a new session file in a folder."""
    if plan.given.get("session") is None:
        session(plan, True)


def made_of(plan: "Plan") -> dict[str, Any]:
    """Return what the agent is built of, as JSON data without secrets; `objects` names what can't be written down."""
    creature = _written(encode(plan.creature), "creature", [])
    made: dict[str, Any] = {"creature": creature, "pwd": str(plan.pwd), "options": {}}
    objects: list[str] = []
    for name, value in plan.given.items():
        if name in ("session", "session_dir") or value in (None, (), [], {}):
            continue
        kept = encode(value) if isinstance(value, Limits) else _written(value, name, objects)
        if kept is not None:
            made["options"][name] = kept
    if objects:
        made["objects"] = objects
    return made


def _written(value: Any, name: str, objects: list[str]) -> Any:
    """Return a value as JSON data; what is none is noted in `objects` and left out."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): _written(v, f"{name}.{k}", objects) for k, v in value.items() if not SECRET.search(str(k))}
    if isinstance(value, list | tuple):
        return [kept for each in value if (kept := _written(each, name, objects)) is not None]
    objects.append(f"{name}: {getattr(value, 'name', None) or getattr(value, '__name__', type(value).__name__)}")
    return None
