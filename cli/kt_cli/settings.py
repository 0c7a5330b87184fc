"""What one `kt run` was asked to do; plugins' options change it before the agent is built."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import NotFound

if TYPE_CHECKING:
    from kt import Plugins, Registry

DEFAULT_CREATURE = "@kt-biome/creatures/general"


class RunSettings:
    """The settings of a run.

    A `run_option` target is called as `target(settings, value)`; it may set `llm`, call `configure(plugin, ...)` for
    a plugin's settings, `use` a plugin, or put a keyword of `Agent.build` into `options`.
    """

    def __init__(self, plugins: "Plugins", *, cwd: Path | None, profile: str, use: list[str]) -> None:
        self.plugins, self.profile = plugins, profile
        self.cwd = Path(cwd or ".").expanduser()
        if not self.cwd.is_dir():
            raise NotFound(f"the working folder {str(cwd)!r} is no folder", where="--cwd")
        environment = [p.strip() for p in os.environ.get("KT_PLUGINS", "").split(",") if p.strip()]
        self.uses: list[Any] = [*environment, *use]
        self.creature: str | None = None
        self.prompt: str | None = None
        self.llm: Any = None
        self.options: dict[str, Any] = {}
        self.limits: dict[str, Any] = {}
        self.output: str = "text"
        self.mode: str | None = None
        self.explain = self.verbose = self.debug = False

    @property
    def registry(self) -> "Registry":
        return self.plugins.registry

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
