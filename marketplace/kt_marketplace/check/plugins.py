"""The contract of a plugin class: its hooks, its tier, its settings."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kt.errors import KTError

from .outcome import Found

if TYPE_CHECKING:
    from kt import Entry, Plugins

MAKING = ("kt_register", "kt_addhooks")
"""Hooks that say what there is; a manifest lists those that act."""


def plugin(entry: "Entry", target: Any, installed: "Plugins") -> Found:
    """Yield what is wrong with a plugin class: hooks that are none, arguments they do not have, settings."""
    if not isinstance(target, type):
        yield f"{target!r} is no class", 'registry.plugin(name, "module:Class")'
        return
    if getattr(target, "scope", "agent") not in ("agent", "host"):
        yield f"its scope is {target.scope!r}", 'scope = "agent" or "host"'  # type: ignore[attr-defined]
    try:
        asyncio.run(_build(target, installed))
    except KTError as error:
        yield str(error), error.hint or "docs/hooks.md has every hook with its arguments"
    config = getattr(target, "Config", None)
    if config is not None and not (hasattr(config, "model_fields") or hasattr(config, "__dataclass_fields__")):
        yield f"its Config, {config!r}, is no dataclass and no pydantic model", "@dataclass class Config"
    try:
        inspect.signature(target).bind(*([] if config is None else [config]))
    except TypeError as error:
        taken = "nothing" if config is None else "its Config"
        yield f"it can't be made of {taken}: {error}", "def __init__(self), or class attribute Config and one argument"


async def _build(target: type, installed: "Plugins") -> None:
    """Build an agent with a bare instance: the kernel compares its hooks with the specifications, and calls none."""
    from kt import Agent, Host
    from kt.testing import ScriptedLLM

    await Agent.build({"name": "check"}, llm=ScriptedLLM(), plugins=[object.__new__(target)], host=Host(installed))


def hooks_of(thing: object) -> Iterator[str]:
    """Yield the hooks that a class or an entry module implements, beside those that only say what there is."""
    for name in dir(thing):
        mark = getattr(getattr(thing, name, None), "kt_impl", None)
        if isinstance(mark, dict) and (hook := str(mark.get("specname") or name)) not in MAKING:
            yield hook
