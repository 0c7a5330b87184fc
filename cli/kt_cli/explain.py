"""What would act in a run: creature, model, tools, plugins in order and where each comes from."""

import os
from dataclasses import fields
from typing import Any

from kt import Agent, KTError, Tool, ToolNeeds
from kt.testing import ScriptedLLM

from .running import creature_of, told_agent
from .settings import RunSettings


def needs_of(tool: Tool) -> str:
    """Return in words what a tool declares that it reaches, beyond reading the working folder."""
    named = ((f.name, getattr(tool.needs, f.name)) for f in fields(ToolNeeds) if f.name != "output")
    return "; ".join(f"{name} {' '.join(values)}" for name, values in named if values not in ((), ("$WS",)))


async def explain(settings: RunSettings) -> int:
    """Print the effective set; no model is asked and none needs to be there."""
    if settings.registry.find("build_option", "session"):
        settings.options["session"] = False
    creature = creature_of(settings)
    chosen = settings.llm or os.environ.get("KT_MODEL") or creature.llm or "default"
    try:
        await _explain(settings, chosen, "")
    except KTError as error:
        await _explain(settings, ScriptedLLM(), f"{chosen} ({error})")
    return 0


async def _explain(settings: RunSettings, llm: Any, model: str) -> None:
    """Print the agent that a model makes, and what `model` says of it where it is not the one that was chosen."""
    agent = await told_agent(settings, llm=llm)
    async with agent.host, agent:
        _print(settings, agent, model or agent.model)


def _print(settings: RunSettings, agent: Agent, model: str) -> None:
    print(f"creature  {agent.name} ({agent.creature.path})")
    print(f"model     {model}")
    print(f"folder    {agent.pwd}")
    print(f"profile   {settings.profile}")
    ignored = settings.registry.get("config", "settings")(agent.pwd).ignored
    if ignored is not None:
        print(f"ignored   {ignored} (the folder is not trusted: kt trust)")
    print("plugins   outermost first; a guard is innermost and fails closed")
    for active in sorted(agent.active, key=lambda a: ("outer", "normal", "guard").index(a.tier)):
        print(f"  {active.tier:<7} {active.name} ({active.dist or 'given'})")
    print(f"sandbox   {agent.sandbox.level}")
    print("tools")
    for tool in agent.tool_list:
        needs = needs_of(tool)
        print(f"  {tool.name:<12} {tool.effect}{f' needs {needs}' if needs else ''}")
    for active in agent.active:
        for line in getattr(active.plugin, "explained", ()):
            print(line)
    bounds = {k: v for k in ("max_turns", "max_tokens", "time_limit") if (v := getattr(agent.limits, k)) is not None}
    print(f"limits    {', '.join(f'{k} {v:g}' for k, v in bounds.items()) or 'none'}")
    print(f"prompt    {len(agent.system)} characters: {', '.join(f'{o} {len(t)}' for o, t in agent.prompt)}")
