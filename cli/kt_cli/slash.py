"""Slash commands about the installation: /context, /plugins, /profile and /doctor."""

import asyncio
import sys

from kt import Agent, Usage

TIERS = ("outer", "normal", "guard")


async def context(agent: Agent, words: str) -> str:
    """Return what the next request carries, by who put it there: tokens are an estimate, the last request's are not."""
    from .bill import CHARS_A_TOKEN, Item, bill_of

    said = sum(len(message.text) for message in agent.history)
    items = [*bill_of(agent), Item("conversation", f"{len(agent.history)} messages", agent.name, said)]
    total = sum(item.characters for item in items) or 1
    wide = max(len(f"{item.kind} {item.name}") for item in items)
    lines = [
        f"{item.tokens:>7} {100 * item.characters / total:>5.1f}%  {f'{item.kind} {item.name}':<{wide}}  {item.origin}"
        for item in sorted(items, key=lambda item: -item.characters)
    ]
    last = next((m.usage for m in reversed(agent.history) if m.usage is not None), Usage())
    counted = f"; the provider counted {last.input:,} for the last request" if last.input else ""
    return "\n".join([*lines, f"{round(total / CHARS_A_TOKEN):>7} tokens in all, about{counted}"])


async def plugins(agent: Agent, words: str) -> str:
    """Return the plugins that act here, outermost first; with a word those installed whose name holds it."""
    if words:
        entries = [e for e in agent.host.registry.entries("plugin") if words in e.name]
        active = {each.name for each in agent.active}
        rows = [f"{'*' if e.name in active else ' '} {e.name:<16} {e.help} ({e.dist} {e.version})" for e in entries]
        return "\n".join(rows) or f"no plugin is called like {words!r}"
    acting = sorted(agent.active, key=lambda each: TIERS.index(each.tier))
    lines = [f"{each.tier:<7} {each.name:<16} {each.dist or 'given'}" for each in acting]
    return "\n".join([*lines, "outermost first; /plugins WORD looks among all that are installed"])


async def profile(agent: Agent, words: str) -> str:
    """Return the profiles with what each enables, and which of it acts here."""
    registry = agent.host.registry
    lines = []
    for name in registry.get("config", "profiles")(registry, agent.pwd):
        loaded = registry.get("loader", "profile")(registry, name, agent.pwd, agent.name)
        lines.append(f"{name}: {', '.join(loaded.plugins)}; guards {', '.join(loaded.guards) or 'none'}")
    return "\n".join([*lines, "kt run --profile NAME begins with another"])


async def doctor(agent: Agent, words: str) -> str:
    """Return what `kt doctor` finds, the trouble first."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kt_cli", "doctor"),
        cwd=agent.pwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    lines = said.decode("utf-8", "replace").splitlines()
    return "\n".join(sorted(lines, key=lambda line: line.startswith("ok ")))
