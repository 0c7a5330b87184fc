"""What one `kt run` was asked to do; plugins' options change it before the agent is built."""

import os
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import NotFound, UsageError

if TYPE_CHECKING:
    from kt import Agent, Plugins, Registry

    from .running import Planned

DEFAULT_CREATURE = "@kt-biome/creatures/general"


class RunSettings:
    """The settings of a run.

    A `run_option` target is called as `target(settings, value)`; it may set `llm`, call `configure(plugin, ...)` for
    a plugin's settings, `use` a plugin, or put a keyword of `Agent.build` into `options`. `resume` is the session to go
    on with; `overrides` are KEY=VALUE for the creature.
    """

    def __init__(self, plugins: "Plugins", *, cwd: Path | None, profile: str | None, use: list[str]) -> None:
        self.plugins, self.profile = plugins, profile or "default"
        self.cwd = Path(cwd or ".").expanduser()
        self.chosen_cwd, self.chosen_profile = cwd, profile
        if not self.cwd.is_dir():
            raise NotFound(f"the working folder {str(cwd)!r} is no folder", where="--cwd")
        environment = [p.strip() for p in os.environ.get("KT_PLUGINS", "").split(",") if p.strip()]
        self.uses: list[Any] = [*environment, *use]
        self.creature: str | None = None
        self.prompt: str | None = None
        self.llm: Any = None
        self.options: dict[str, Any] = {}
        self.limits: dict[str, Any] = {}
        self.overrides: list[str] = []
        self.output: str = "text"
        self.mode: str | None = None
        self.resume: str | Path | None = None
        self.planned: Planned | None = None
        self.told: list[str] = []
        """What is to be said of the agent that was built last: what was left out of it."""
        self.explain = self.verbose = self.debug = False

    @property
    def registry(self) -> "Registry":
        return self.plugins.registry

    async def build(self, *, session: str | None = None) -> "Agent":
        """Return the agent of these settings; with `session` the one that goes on with it, "" a fresh one.

        What is `planned` is built as it is; else who has a say may be asked at the terminal.
        """
        from .running import build_agent

        if session is None:
            plan, self.planned = self.planned, None
            return await build_agent(self, plan)
        settings = copy(self)
        settings.resume = session or None
        settings.options = {k: v for k, v in self.options.items() if k != "session"}
        agent = await build_agent(settings)
        self.told = settings.told
        return agent

    def bound(self, **limits: float | None) -> None:
        """Set the limits of a turn. Raises UsageError for one that is out of range."""
        for name, value in limits.items():
            if value is not None and not 0 < value < 1e9:
                option = "--" + name.replace("_", "-")
                raise UsageError(f"{option} {str(value)[:40]} is out of range", hint="give a positive number")
        self.limits = limits

    def configure(self, plugin: str, **settings: object) -> None:
        """Give a plugin settings, over those of profile and creature; this enables it."""
        self.uses.append({plugin: settings})

    def use(self, name: str) -> None:
        """Enable a plugin, or with "no:name" disable it."""
        self.uses.append(name)

    def words(self, first: str | None, second: str | None) -> None:
        """Take the two words of the command line: the first is a creature if it looks like one, else the prompt."""
        is_reference = self.registry.get("config", "is_reference")
        if first is not None and second is None and not is_reference(first):
            first, second = None, first
        self.creature, self.prompt = first, second
