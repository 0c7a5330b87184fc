"""kt doctor [REF]: one line a check, each with its fix; 0 only if all pass."""

import asyncio
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Optional

import typer
from kt.errors import KTError

from ..consent import consented
from ..errors import as_kt
from ..models import key_state, variables_of
from ..parsing import parse

if TYPE_CHECKING:
    from kt import Entry, Plugins


LOADED = ("plugin", "provider", "tool", "command", "store", "sandbox")
"""Kinds whose targets are loaded, to see that they do."""


class Check(NamedTuple):
    """One line: what was looked at, what was found, and how to mend it. `ok` None is a remark, which fails nothing."""

    ok: bool | None
    name: str
    what: str
    hint: str = ""


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return 0 if every check passes, else 1."""

    def doctor(
        ref: Annotated[Optional[str], typer.Argument(help="a creature to check as well")] = None,  # noqa: UP045
        ping: Annotated[bool, typer.Option("--ping", help="ask the default model for one word")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="as a JSON object")] = False,
    ) -> int:
        """Check the installation, keys, models, and a creature."""
        sections = {"plugins": _plugins, "quarantine": _quarantine, "settings": _settings, "sources": _sources}
        checks = [_python()]
        for name, look in sections.items():
            checks += _found(name, partial(look, plugins))
        checks += _extra(plugins)
        if ref is not None:
            checks += _found(f"creature {ref}", partial(_creature, plugins, ref))
        if ping:
            checks.append(asyncio.run(_ping(plugins)))
        ok = all(check.ok is not False for check in checks)
        print(json.dumps(_object(ok, checks)) if as_json else "\n".join(map(_line, checks)))
        return 0 if ok else 1

    code: int = parse(doctor, argv, name="doctor")
    return code


def _line(check: Check) -> str:
    mark = {True: "ok  ", False: "FAIL", None: "note"}[check.ok]
    hint = f". fix: {check.hint}" if check.hint and check.ok is not True else ""
    return f"{mark} {check.name}: {check.what}{hint}"


def _object(ok: bool, checks: list[Check]) -> dict[str, Any]:
    rows = [{"name": c.name, "ok": c.ok, "what": c.what, "hint": "" if c.ok is True else c.hint} for c in checks]
    return {"ok": ok, "checks": rows}


def _found(name: str, look: Callable[[], list[Check]]) -> list[Check]:
    """Return what a look finds; an error that ends it is one more finding."""
    try:
        return look()
    except (KTError, OSError) as error:
        known = as_kt(error)
        return [Check(False, name, str(known), known.hint)]


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check(sys.version_info >= (3, 11), "python", version, "use Python 3.11 or newer")


def _plugins(plugins: "Plugins") -> list[Check]:
    _ = plugins.specs, plugins.manager
    bad = [Check(False, f"plugin {n}", str(e), e.hint) for n, e in plugins.failed.items()]
    strangers = plugins.registry.get("packs", "unapproved")(plugins)
    for entry in plugins.registry.entries():
        if isinstance(entry.target, str) and entry.kind in LOADED and entry.dist not in strangers:
            try:
                entry.load()
            except KTError as error:
                bad.append(Check(False, f"{entry.kind} {entry.name}", str(error), error.hint))
    new = [Check(None, f"pack {n}", "nobody looked at it, so it was not loaded", f"kt trust @{n}") for n in strangers]
    return [*new, *(bad or [Check(True, "plugins", f"{len(plugins.modules)} load")])]


def _quarantine(plugins: "Plugins") -> list[Check]:
    entry = plugins.registry.find("loader", "quarantined")
    return [
        Check(None, f"plugin {c.plugin}", f"in quarantine, it failed {c.failures} times, last with {c.error}",
              f"kt plugins release {c.plugin}")
        for c in (() if entry is None else entry.load()(plugins.registry))
    ]  # fmt: skip


def _settings(plugins: "Plugins") -> list[Check]:
    """Return what keys and the default model say; where the settings can't be read that is all there is to say."""
    plugins.registry.get("config", "settings")()
    return [*_keys(plugins), _model(plugins)]


def _sources(plugins: "Plugins") -> list[Check]:
    """Return a line for each source of packs from which nothing can be installed."""
    from kt_marketplace.index import Sources

    return [
        Check(None, f"source {source.name}", remark.removeprefix(f"{source.name}: "),
              source.error.hint if source.error else f"kt marketplace refresh {source.name}")
        for source in Sources()
        if (remark := source.remark())
    ]  # fmt: skip


def _keys(plugins: "Plugins") -> list[Check]:
    """Return a line for each provider with a key, and one for those without."""
    wanting = [e.name for e in plugins.registry.entries("provider") if variables_of(plugins, e.name)]
    states = {name: key_state(plugins, name) for name in wanting}
    without = [name for name, state in states.items() if state.startswith("no key")]
    out = [Check(True, f"key of {name}", state) for name, state in states.items() if name not in without]
    return [*out, Check(None, "no key of", ", ".join(without), "kt login PROVIDER")] if without else out


def _model(plugins: "Plugins") -> Check:
    from kt import Agent, Host

    async def build() -> str:
        agent: Agent = await Agent.build({"name": "doctor"}, llm="default", host=Host(plugins))
        return agent.model

    try:
        return Check(True, "default model", asyncio.run(build()))
    except KTError as error:
        return Check(False, "default model", str(error), "kt model default PROVIDER/MODEL, or kt run --local")


def _extra(plugins: "Plugins") -> list[Check]:
    """Return what plugins check of themselves (kind `doctor`): each target returns (ok, name, text, fix) rows."""
    return [check for entry in plugins.registry.entries("doctor") for check in _found(entry.name, partial(_own, entry))]


def _own(entry: "Entry") -> list[Check]:
    return [Check(*row) for row in entry.load()()]


def _creature(plugins: "Plugins", ref: str) -> list[Check]:
    """Return a line for the creature, or for each one of a recipe."""
    members_of = plugins.registry.find("loader", "team")
    try:
        members = {} if members_of is None else members_of.load()(plugins, ref)
        if not members:
            return [_built(plugins, ref, plugins.registry.get("loader", "creature")(plugins, ref))]
    except KTError as error:
        return [Check(False, f"creature {ref}", str(error), error.hint)]
    return [_built(plugins, f"{name} of {ref}", creature) for name, creature in members.items()]


def _built(plugins: "Plugins", name: str, creature: Any) -> Check:
    """Build a creature with a scripted model: its configuration is checked without a real one."""
    from kt import Agent, Host
    from kt.testing import ScriptedLLM

    async def build() -> Any:
        return await Agent.build(creature, llm=ScriptedLLM(), host=Host(plugins), unguarded=True)

    try:
        consented(plugins, creature, [creature.path] if creature.path else [], [])
        agent = asyncio.run(build())
    except KTError as error:
        return Check(False, f"creature {name}", str(error), error.hint)
    return Check(True, f"creature {name}", f"{agent.creature.path}: {len(agent.tools)} tools")


async def _ping(plugins: "Plugins") -> Check:
    from kt import Agent, Host

    try:
        async with Host(plugins) as host, await Agent.build({"name": "ping"}, llm="default", host=host) as agent:
            result = await agent.run("Answer with the one word pong.", timeout=120)
    except KTError as error:
        return Check(False, "ping", str(error), error.hint)
    if result.error is not None:
        return Check(False, "ping", str(result.error), result.error.hint)
    return Check(True, "ping", f"{agent.model} answered in {result.duration:.1f} s")
