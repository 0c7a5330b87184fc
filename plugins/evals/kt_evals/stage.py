"""What all runs of a batch share: the creature, its model, and what the command line adds to them."""

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Creature, Host, Limits
from kt.errors import ConfigError, NotFound

if TYPE_CHECKING:
    from kt import Entry, Plugins, Registry

from .document import merged
from .tasks import Task

DEFAULT = Limits(time_limit=600)
"""What bounds a turn that nothing else does: a batch has to end."""
FOLDER = "evals"
"""Where sessions of evals are kept, below the folder of the user's settings: beside the user's own, not among them."""


@dataclass(slots=True)
class Stage:
    """Build every agent of a batch alike. Options of `kt run` may change it, as they change the settings of a run.

    `scripted` is a script, or a folder with one for each task; `limits` go before those of tasks and creature.
    """

    plugins: "Plugins"
    reference: str
    profile: str = "default"
    llm: Any = None
    uses: list[Any] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()
    scripted: Path | None = None
    creature: Creature = field(default_factory=Creature)

    @property
    def registry(self) -> "Registry":
        return self.plugins.registry

    def configure(self, plugin: str, **settings: object) -> None:
        """Give a plugin settings, over those of profile and creature; this enables it."""
        self.uses.append({plugin: settings})

    def use(self, name: str) -> None:
        """Enable a plugin, or with "no:name" disable it."""
        self.uses.append(name)

    def prepare(self) -> None:
        """Load the creature and choose the model, once for all runs, and ask for consent to it. Raises KTError."""
        with self.registry.get("config", "recorded")() as files:
            self.creature = self.registry.get("loader", "creature")(self.plugins, self.reference)
        if self.scripted is None:
            self._choose()
        self._consented(files, [*self._named()])

    def _choose(self) -> None:
        """Choose the model. Raises ConfigError where there is none."""
        self.llm = self.llm or os.environ.get("KT_MODEL") or self.creature.llm
        if self.llm is None and os.environ.get("KT_LOCAL") == "1":
            self.registry.get("run_option", "local")(self, True)
        self.llm = self.llm or "default"
        if self.llm == "default" and "default" not in self.registry.get("loader", "presets")():
            raise ConfigError("no model is chosen", hint="--model PROVIDER/MODEL, or kt model default PROVIDER/MODEL")

    def _consented(self, files: list[Path], named: list[tuple[str, str]]) -> None:
        """Return if agents may be built. Raises what refuses it.

        What another distribution took over is asked as well.
        """
        for entry in self.registry.entries("consent"):
            asked: Entry | None = entry
            while asked is not None:
                asked.load()(self.plugins, self.creature, files, named)
                asked = asked.below

    def _named(self) -> Iterator[tuple[str, str]]:
        """Yield (kind, name) of what a run uses beside what its creature names: plugins, and its provider."""
        load, place = self.registry.get("loader", "profile"), Path(tempfile.gettempdir()).resolve()
        profile = load(self.registry, self.profile, place, self.creature.name)
        yield from (("plugin", name) for name in (*profile.plugins, *profile.guards))
        for use in self.uses:
            yield from (("plugin", name) for name in ([use] if isinstance(use, str) else use))
        if self.scripted is not None:
            yield "provider", "scripted"
        elif isinstance(self.llm, str):
            preset = self.registry.get("loader", "presets")().get(self.llm) or {}
            yield "provider", re.split("[/:]", str(preset.get("provider") or preset.get("model") or self.llm))[0]

    def built(self, task: Task, host: Host) -> dict[str, Any]:
        """Return the options of `Agent.build` for one run of a task, without its folder. Raises KTError."""
        limits = merged(merged(merged(DEFAULT, self.creature.limits), task.limits), self.limits)
        options = {"profile": self.profile, "plugins": self.uses, "limits": limits, "host": host, **self.options}
        options["llm"] = self.llm if self.scripted is None else self._script(task, host)
        home = self.registry.find("config", "home")
        if self.registry.find("build_option", "session_dir") is not None and home is not None:
            options["session_dir"] = Path(home.load()()) / FOLDER
            options["session_dir"].mkdir(parents=True, exist_ok=True)
        return options

    def _script(self, task: Task, host: Host) -> Any:
        """Return a model that plays a task's script from its beginning."""
        assert self.scripted is not None
        file = self.scripted
        if file.is_dir():
            found = (file / f"{task.name}{ending}" for ending in (".yaml", ".yml", ".json"))
            file = next((each for each in found if each.is_file()), file / f"{task.name}.yaml")
        if not file.is_file():
            raise NotFound(f"no script file {str(file)!r}", where="--scripted")
        return self.registry.get("provider", "scripted")(str(file), {}, host)
