"""The walls around the tools of one agent: what the user grants, and for each call what its tool declares of that."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from kt import Agent, Exec, Http, ToolCall

from . import probe, protected
from .call import CallWalls
from .files import WorkFiles, matches
from .hosts import HostList
from .launch import Backend
from .processes import Processes
from .settings import LEVELS, RUNS_BY_ITSELF, Level, Settings, home
from .wants import Granted, Reached, Want, beyond, reached

NO_CALL = ToolCall("", "", "")
"""Stands for what no call asks for, a plugin's own business."""


class Walls:
    """Hold what the user grants to the tools of an agent. `backend` is the make of the walls, chosen on first use."""

    def __init__(self, agent: Agent, backend: str | None = None) -> None:
        self.agent, self.settings = agent, settings_of(agent)
        self.root = agent.pwd.resolve()
        self.processes = Processes()
        self._name = backend or self.settings.backend
        self._backend: Backend | None = None
        self._opened: dict[str, list[Want]] = {}
        self._repositories: dict[Path, protected.Repositories] = {}
        self.hidden = protected.never_seen()

    @property
    def backend(self) -> Backend:
        """Return the chosen backend. Raises SandboxUnavailable for one that was asked for by name and does not work."""
        if self._backend is None:
            self._backend = probe.choose(self._name)
        return self._backend

    @property
    def level(self) -> Level:
        return self.backend.level

    @property
    def gaps(self) -> tuple[str, ...]:
        """Return what the walls do not hold, in words for the user."""
        seen = all(self.repositories(folder).whole for folder in self.writes)
        deep = ("the folder is too large to look for all repositories in it; those not found are not protected",)
        return self.backend.gaps + (() if seen else deep)

    @property
    def enough(self) -> bool:
        """Tell whether the level is what the settings require."""
        return LEVELS.index(self.level) >= LEVELS.index(self.settings.require)

    def granted(self, call: ToolCall = NO_CALL) -> Granted:
        """Return what the user grants: by the settings and, to a call, by having said yes."""
        settings, opened = self.settings, self._opened.get(call.id, [])
        more = {kind: [w.what for w in opened if w.kind == kind] for kind in ("read", "write", "net", "secret")}
        return Granted(
            (*self.processes.spilled, *self._folders([*settings.reads, *more["read"]])),
            (self.root, *self._folders([*settings.writes, *more["write"]])),
            HostList((*settings.net, *("*" if host == "any host" else host for host in more["net"]))),
            (*settings.secrets, *more["secret"]),
        )

    def _folders(self, named: Iterable[str]) -> Iterator[Path]:
        for name in named:
            yield (self.root / (home() / name[2:] if name.startswith("~/") else Path(name))).resolve()

    @property
    def writes(self) -> tuple[Path, ...]:
        """Return the folders that the settings let tools change, the working folder first."""
        return self.root, *self._folders(self.settings.writes)

    def repositories(self, folder: Path) -> protected.Repositories:
        """Return the repositories in a folder as they were when it was first asked: before a tool could run."""
        if folder not in self._repositories:
            self._repositories[folder] = protected.repositories(folder)
            protected.make_room(self._repositories[folder])
        return self._repositories[folder]

    def fixed(self, folder: Path) -> tuple[Path, ...]:
        """Return what no tool may change or make in a writable folder."""
        more = self.settings.protect if folder == self.root else ()
        return protected.never_changed(folder, self.repositories(folder), more)

    def within(self, call: ToolCall) -> CallWalls:
        """Return the walls for one call."""
        return CallWalls(self, self.agent.tools[call.name], call)

    def reached(self, call: ToolCall) -> Reached:
        """Return what a call reaches, granted or not."""
        return reached(self.agent.tools[call.name], call, self.granted(call))

    def wants(self, call: ToolCall) -> list[Want]:
        """Return what a call reaches beyond the grant: what only a yes of the user opens."""
        tool, granted = self.agent.tools[call.name], self.granted(call)
        wanted = reached(tool, call, granted)
        out = beyond(wanted, granted)
        opened = [w.what for w in self._opened.get(call.id, ()) if w.kind == "write"]
        for path in wanted.writes:
            if matches(path, RUNS_BY_ITSELF) and str(path) not in opened:
                out.append(Want("write", str(path)))
        runs = tool.needs.exec and tool.effect != "read"
        if runs and self.level == "none" and self.enough and not self.unwalled(call):
            out.append(Want("exec", "outside a sandbox"))
        return out

    def allow(self, call: ToolCall, wants: Iterable[Want]) -> None:
        """Open for one call what the user said yes to."""
        self._opened.setdefault(call.id, []).extend(wants)

    def forget(self, call: ToolCall) -> None:
        """Close again what was opened for a call."""
        self._opened.pop(call.id, None)

    def unwalled(self, call: ToolCall) -> bool:
        """Tell whether the user lets this call run programs without walls."""
        return any(want.kind == "exec" for want in self._opened.get(call.id, ()))

    @property
    def exec(self) -> Exec:
        return self._everything().exec

    @property
    def files(self) -> WorkFiles:
        return self._everything().files

    @property
    def http(self) -> Http:
        return self._everything().http

    def _everything(self) -> CallWalls:
        """Return the walls for what no call asks for: all that is granted."""
        return CallWalls(self, None, NO_CALL)


def no_walls(agent: Agent) -> Walls:
    """Return the sandbox "none": tools are held by nothing but their own rules."""
    return Walls(agent, "none")


def settings_of(agent: Agent) -> Settings:
    """Return the settings of the plugin `sandbox` where it is enabled, else what holds without it."""
    from .guard import SandboxGuard

    return next((a.plugin.settings for a in agent.active if isinstance(a.plugin, SandboxGuard)), Settings())
