"""From settings to a finished run: read the prompt, build the agent, choose the surface, mind the signals."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from kt import Agent, Creature, Host
from kt.errors import ConfigError, UsageError

from .consent import consented, named
from .early import can_talk
from .errors import Terminated
from .left_out import left_out
from .project_trust import mind_project
from .resuming import recorded, session_of
from .settings import DEFAULT_CREATURE, RunSettings


def execute(settings: RunSettings, extra: dict[str, Any]) -> int:
    """Run what the settings say; return the exit code."""
    if settings.mode not in (None, "cli", "tui", "plain"):
        raise UsageError(f"--mode {settings.mode} is none of cli, tui, plain")
    from .first_run import settle_model
    from .prompts import read_prompt

    for name, value in extra.items():
        settings.registry.get("run_option", name)(settings, value)
    if settings.explain:
        from .explain import explain

        return asyncio.run(explain(settings))
    resumed = settings.resume is not None
    prompt = read_prompt(settings.prompt, interactive=settings.mode is not None, optional=resumed)
    mind_project(settings, ask=prompt is None)
    settle_model(settings)
    goes_on = resumed and settings.mode is None and not sys.stdin.isatty()
    if prompt is None and not goes_on:
        return _converse(settings)
    from .headless import Headless

    return asyncio.run(_supervised(lambda: Headless(settings).run(prompt)))


def _converse(settings: RunSettings) -> int:
    if settings.output != "text":
        from kt.errors import DataError

        raise DataError("there is no prompt", hint=f"--output {settings.output} needs a PROMPT, or one on stdin")
    mode = settings.mode or ("cli" if can_talk(settings.plugins) else "plain")
    surface = settings.registry.find("surface", mode)
    if surface is not None:
        settings.planned = planned(settings)
        talking = surface.load()(settings)
        return asyncio.run(_supervised(lambda: talking))
    if mode == "tui":
        raise ConfigError("--mode tui comes with kt-tui", hint="pip install kt-tui")
    if mode == "cli":
        raise ConfigError("--mode cli comes with kt-inline", hint="pip install kt-inline")
    from .conversation import Conversation

    return asyncio.run(_supervised(Conversation(settings).run))


async def _supervised(work: Callable[[], Awaitable[int]]) -> int:
    """Await the work; SIGTERM, or its terminal's end, cancels it, lets it clean up, and ends the process with 143."""
    task = asyncio.ensure_future(work())
    terminated: list[bool] = []

    def terminate() -> None:
        terminated.append(True)
        task.cancel()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, terminate)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        loop.add_signal_handler(signal.SIGHUP, terminate)
    try:
        return await task
    except asyncio.CancelledError:
        if terminated:
            raise Terminated from None
        raise


@dataclass(frozen=True, slots=True)
class Planned:
    """What an agent is to be built of; everybody who had to be asked about it was; `told` is to be said."""

    creature: Any
    options: dict[str, Any]
    told: list[str]


def planned(settings: RunSettings, *, llm: Any = None) -> Planned:
    """Return what the settings ask for, after the questions about it. Raises KTError, also where no model is chosen."""
    resumed = session_of(settings)
    if resumed is not None:
        if settings.overrides:
            raise UsageError("a session goes on with the creature it was made with", where="--set")
        creature, options = recorded(settings, resumed)
        files = [creature.path] if creature.path else []
    else:
        with settings.registry.get("config", "recorded")() as files:
            creature = creature_of(settings)
        options = {"pwd": settings.cwd, "profile": settings.profile, "plugins": settings.uses, **settings.options}
        options["llm"] = llm or model_of(settings, creature)
        if settings.registry.find("build_option", "session"):
            options.setdefault("session", True)
    out = left_out(settings, creature, options)
    options["plugins"] = [*options.get("plugins", ()), *(f"no:{name}" for name in out)]
    consented(settings.plugins, creature, files, named(settings, creature, options))
    had = options.pop("limits", creature.limits)
    options["limits"] = replace(had, **{k: v for k, v in settings.limits.items() if v is not None})
    return Planned(creature, options, list(filter(None, out.values())))


async def build_agent(settings: RunSettings, plan: Planned | None = None, *, llm: Any = None) -> Agent:
    """Return the agent of the settings, or of a plan. Raises KTError. What was left out of it is `told` afterwards."""
    plan = plan or planned(settings, llm=llm)
    agent: Agent = await Agent.build(plan.creature, host=Host(settings.plugins), **plan.options)
    lines = [f"kt: plugin {name!r} is left out: {error}" for name, error in settings.plugins.failed.items()]
    settings.told = [*lines, *plan.told]
    return agent


async def told_agent(settings: RunSettings, *, llm: Any = None) -> Agent:
    """Return the agent of the settings, and say on stderr what was left out of it."""
    agent = await build_agent(settings, llm=llm)
    for line in settings.told:
        print(line, file=sys.stderr)
    return agent


def creature_of(settings: RunSettings) -> Creature:
    """Return the creature of the command line, of the project's or user's settings, or the default one.

    What KT_SET and --set say of it comes over its file.
    """
    ref, base = settings.creature, None
    if ref is None:
        ref, base = settings.registry.get("config", "settings")(settings.cwd.resolve()).creature
    given: dict[str, Any] = {"base": base}
    if overrides := settings.registry.get("config", "overrides")(settings.registry, settings.overrides):
        given["overrides"] = overrides
    found: Creature = settings.registry.get("loader", "creature")(settings.plugins, ref or DEFAULT_CREATURE, **given)
    return found


def model_of(settings: RunSettings, creature: Creature) -> Any:
    """Return the model of the command line, of KT_MODEL, the creature's, or the default preset."""
    chosen = settings.llm or os.environ.get("KT_MODEL") or creature.llm
    if chosen is None and os.environ.get("KT_LOCAL") == "1":
        settings.registry.get("run_option", "local")(settings, True)
        chosen = settings.llm
    if chosen is not None or "default" in settings.registry.get("loader", "presets")():
        return chosen or "default"
    from .first_run import choose_model

    return choose_model(settings)
