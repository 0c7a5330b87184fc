"""What each kind promises: the checks of one registered name, whoever registered it."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from kt.errors import KTError

from ..needs import Needs
from . import commands, inside, plugins, providers, tools
from .outcome import Found, Outcome

if TYPE_CHECKING:
    from kt import Entry, Plugins

Contract: TypeAlias = "Callable[[Entry, Any, Plugins], Found]"
FILES = ("creature", "terrarium", "skill")
"""The kinds whose targets name files in a package; the others' targets are imported."""
CALLED_WITH = {
    "sandbox": ("agent",),
    "run_option": ("settings", "value"),
    "build_option": ("plan", "value"),
    "format": ("text", "path"),
    "chat_command": ("agent", "words"),
    "model_command": ("argv", "plugins"),
    "login": ("argv",),
    "doctor": (),
    "model_list": (),
    "keys": (),
    "catalogue": ("plugins",),
    "surface": ("settings",),
    "document": ("plugins", "document"),
    "redactor": ("text",),
    "http": ("agent", "at"),
    "wire": ("origin", "quirks"),
}
"""What the target of a kind is called with, by position."""


def outcome_of(entry: "Entry", installed: "Plugins", needs: Needs | None = None) -> Outcome:
    """Return whether a registered name keeps the contract of its kind; `needs` is what its pack declares."""
    return Outcome.of(f"{entry.kind} {entry.name}", "loads and fits its kind", _all(entry, installed, needs))


def _all(entry: "Entry", installed: "Plugins", needs: Needs | None) -> Found:
    yield from _help(entry)
    yield from _fits(entry, installed, needs)


def _help(entry: "Entry") -> Found:
    if not 5 < len(entry.help) <= 100 or "\n" in entry.help or entry.help.endswith("."):
        yield f"its help is {entry.help!r}", 'help="..." in kt_register: one line, 6 to 100 characters, no full stop'


def _fits(entry: "Entry", installed: "Plugins", needs: Needs | None) -> Found:
    try:
        if entry.kind in FILES:
            yield from inside.there(entry)
            return
        target = entry.load()
    except KTError as error:
        yield str(error), f"kt_register names {entry.target!r}: is it there, and is what it imports installed?"
        return
    yield from _callable(entry.kind, target)
    if (contract := CONTRACTS.get(entry.kind)) is not None:
        yield from contract(entry, target, installed)
    if entry.kind == "tool" and needs is not None:
        yield from tools.within(target, needs)


def _callable(kind: str, target: Any) -> Found:
    """Yield what is wrong with how a target can be called, for the kinds that all call in one way."""
    if (names := CALLED_WITH.get(kind)) is None:
        return
    if not callable(target):
        yield f"{target!r} can't be called", f"docs/kinds: the target of a {kind} is called with ({', '.join(names)})"
        return
    try:
        inspect.signature(target).bind(*names)
    except TypeError as error:
        yield f"it can't be called with ({', '.join(names)}): {error}", "change its parameters"
    except ValueError:
        return  # what is written in C has no signature to look at


def _around(entry: "Entry", target: Any, installed: "Plugins") -> Found:
    """Yield why an input, output or trigger is no function of an agent that returns an async context manager."""
    fix = "decorate an async generator function of (agent, *, settings) with contextlib.asynccontextmanager"
    if not callable(target):
        yield f"{target!r} can't be called", fix
    elif inspect.isasyncgenfunction(target) or inspect.iscoroutinefunction(target):
        yield "it does not return an async context manager", fix
    else:
        parameters = list(inspect.signature(target).parameters.values())
        if not parameters or parameters[0].kind not in (
            inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
        ):  # fmt: skip
            yield "its first parameter is not the agent", fix
        for other in parameters[1:]:
            if other.kind is inspect.Parameter.POSITIONAL_ONLY:
                yield f"the setting {other.name} can't be given by name", fix


def _format(entry: "Entry", target: Any, installed: "Plugins") -> Found:
    from pathlib import Path

    try:
        target("\x00{[", Path(f"x.{entry.name}"))
    except KTError as error:
        if not re.match(rf"x\.{re.escape(entry.name)}:\d+:\d+", error.where):
            yield f"its error for a broken file is at {error.where!r}", 'where=f"{path}:{line}:{column}"'
    except Exception as error:
        yield f"a broken file raises {type(error).__name__}", "raise kt.errors.DataError with file:line:column"


def _profile(entry: "Entry", target: Any, installed: "Plugins") -> Found:
    known = ("extends", "plugins", "guards", "config")
    if not isinstance(target, Mapping):
        yield f"{target!r} is no table", "docs/kinds/profile.md"
        return
    for key in set(target) - set(known):
        yield f"a profile has no key {key!r}", f"its keys are {', '.join(known)}"
    for name in (*target.get("plugins", ()), *target.get("guards", ())):
        if installed.registry.find("plugin", str(name).removeprefix("no:")) is None:
            yield f"there is no plugin {name!r}", "name one of this pack or of those that it depends on"


def _subagent(entry: "Entry", target: Any, installed: "Plugins") -> Found:
    table = target() if callable(target) else target
    if not isinstance(table, Mapping):
        yield f"{table!r} is no table", "docs/subagents.md has the keys"
    elif not table.get("description"):
        yield "it has no description: nobody would know what to hand to it", 'description = "..."'


def _build_option(entry: "Entry", target: Any, installed: "Plugins") -> Found:
    if not entry.name.isidentifier():
        yield f"{entry.name!r} can't be a keyword", "a name of letters, digits and _"


def _run_option(entry: "Entry", target: Any, installed: "Plugins") -> Found:
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", entry.name):
        yield f"--{entry.name} is no name of an option", "lower-case words, hyphens between"
    if unknown := set(entry.data) - {"is_flag", "metavar", "repeatable"}:
        yield f"a run option has no {', '.join(sorted(unknown))}", "is_flag=True, or metavar=NAME"
    elif bool(entry.data.get("is_flag")) == bool(entry.data.get("metavar")):
        yield "it says not whether it takes a value", "is_flag=True, or metavar=NAME"


def _chat_command(entry: "Entry", target: Any, installed: "Plugins") -> Found:
    if not inspect.iscoroutinefunction(target):
        yield "it can't be awaited", "async def"


def _doctor(entry: "Entry", target: Any, installed: "Plugins") -> Found:
    for row in target():
        if len(row) != 4 or row[0] not in (True, False, None) or not row[1] or not row[2]:
            yield f"{row!r} is no row", "return (ok, name, text, fix) rows"


CONTRACTS: dict[str, Contract] = {
    "tool": tools.tool,
    "provider": providers.provider,
    "plugin": plugins.plugin,
    "command": commands.command,
    "trigger": _around,
    "input": _around,
    "output": _around,
    "format": _format,
    "profile": _profile,
    "subagent": _subagent,
    "build_option": _build_option,
    "run_option": _run_option,
    "chat_command": _chat_command,
    "doctor": _doctor,
}
