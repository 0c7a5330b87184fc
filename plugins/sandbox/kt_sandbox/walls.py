"""The walls around the tools of one agent: what the user grants, and for each call what its tool declares of that."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kt import Agent, Exec, ExecResult, Http, Tool, ToolCall
from kt.errors import DataError, KTError, NotFound, Vetoed
from kt.events import Logged

from . import plan as plans
from . import probe, protected
from .beneath import absent
from .disk import Watch
from .errors import SandboxUnavailable
from .files import Reach, WorkFiles, matches
from .hosts import HostList
from .http import GrantedHttp
from .launch import Backend
from .processes import Processes, Stdin, shell
from .proxy import Proxy
from .settings import LEVELS, RUNS_BY_ITSELF, Level, Settings, home
from .wants import ANY, Granted, Reached, Want, beyond, reached, within

NO_CALL = ToolCall("", "", "")
"""Stands for what no call asks for, a plugin's own business."""


@dataclass(slots=True)
class Connected(Logged):
    """A tool, or a program that it runs, reached for a host; `allowed` says whether it got there, `why` the reason."""

    host: str
    port: int
    allowed: bool
    why: str
    call_id: str = ""


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

    def within(self, call: ToolCall) -> "CallWalls":
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

    def _everything(self) -> "CallWalls":
        """Return the walls for what no call asks for: all that is granted."""
        return CallWalls(self, None, NO_CALL)


class CallWalls:
    """The walls for one call: what its tool declares, as far as the user grants it; without a call, all of that."""

    def __init__(self, walls: Walls, tool: Tool | None, call: ToolCall) -> None:
        self._walls, self._tool, self._call = walls, tool, call

    @property
    def level(self) -> Level:
        return self._walls.level

    def within(self, call: ToolCall) -> "CallWalls":
        return self._walls.within(call)

    def _reached(self) -> tuple[Granted, Reached]:
        granted = self._walls.granted(self._call)
        if self._tool is not None:
            return granted, reached(self._tool, self._call, granted)
        return granted, Reached((*granted.writes, *granted.reads), granted.writes, ("*",), ("*",))

    @property
    def files(self) -> WorkFiles:
        walls = self._walls
        granted, wanted = self._reached()
        writes = tuple(p for p in wanted.writes if within(p, granted.writes))
        every = (*granted.writes, *granted.reads)
        reads = tuple(p for p in (*wanted.reads, *writes, *walls.processes.spilled) if within(p, every))
        fixed = tuple(p for folder in walls.writes if writes for p in walls.fixed(folder))
        opened = tuple(p for p in granted.writes if p != walls.root)
        return WorkFiles(walls.root, Reach(reads, writes, fixed, walls.hidden, RUNS_BY_ITSELF, opened))

    @property
    def http(self) -> Http:
        return GrantedHttp(self._walls.agent, self.hosts, self._told)

    @property
    def hosts(self) -> HostList:
        """Return the hosts of the call: those that are granted and that its tool declares."""
        granted, wanted = self._reached()
        return granted.hosts if "*" in wanted.net else granted.hosts.only(wanted.net)

    @property
    def exec(self) -> Exec:
        return self

    def _told(self, host: str, port: int, allowed: bool, why: str) -> None:
        self._walls.agent.record(Connected(host, port, allowed, why, self._call.id))

    async def run(
        self,
        command: str | Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: Stdin = None,
        timeout: float | None = None,
        max_output: int = 30_000,
        on_output: Callable[[str], None] | None = None,
    ) -> ExecResult:
        """Run a shell command (str; bash, or sh without it) or a program (sequence) to its end, inside the walls.

        `cwd` lies within reach; `env` is added to what programs get. Raises Vetoed for a program that the tool does
        not declare, SandboxUnavailable where the walls are weaker than required, NotFound, KTError.
        """
        walls = self._walls
        self._check(command)
        protected.check_folder(walls.root, walls.hidden)
        argv = [*shell(), command] if isinstance(command, str) else list(command)
        folder = walls.root if cwd is None else walls.root / self.files.relative(str(cwd))
        if not folder.is_dir():
            raise NotFound(f"there is no folder {str(cwd)!r}")
        _runnable(argv[0], folder)
        async with self._plan(folder, env) as plan:
            forbidden, remarks = absent(plan.fixed, plan.writes), list[str]()
            try:
                result = await walls.processes.run(
                    walls.backend.launch(argv, plan),
                    folder,
                    name=argv[0],
                    stdin=stdin,
                    timeout=timeout,
                    max_output=max_output,
                    on_output=on_output,
                    watch=Watch(plan.writes, plan.limits.disk_mb),
                )
            finally:
                # What is not there can't be bound; what is made there is gone before anything could obey it.
                remarks += [remark for path in forbidden if (remark := path.move_aside())]
            result.output += "".join(f"\n[{remark}]" for remark in remarks)
            return result

    def _check(self, command: str | Sequence[str]) -> None:
        """Raise where the tool did not declare this program, or the walls are too weak for what it may do."""
        if self._tool is not None:
            declared = self._tool.needs.exec
            name = "" if isinstance(command, str) else Path(command[0]).name
            if ANY not in declared and not {name, name.rstrip(".0123456789")} & set(declared):
                what = "a shell" if isinstance(command, str) else repr(name)
                raise Vetoed(
                    f"tool {self._tool.name!r} does not declare that it runs {what}", hint="@tool(needs=ToolNeeds(...))"
                )
            if self._tool.effect == "read":
                return
        if not self._walls.enough and not self._walls.unwalled(self._call):
            raise SandboxUnavailable.of(self._walls.settings.require)

    @asynccontextmanager
    async def _plan(self, folder: Path, env: Mapping[str, str] | None) -> AsyncIterator[plans.Plan]:
        walls, hosts = self._walls, self.hosts
        granted, wanted = self._reached()
        secrets = tuple(s for s in granted.secrets if s in wanted.secrets or "*" in wanted.secrets)
        reach = self.files.reach
        writes, fixed, kept = reach.writes, reach.fixed, [self._walls.repositories(w).folders for w in walls.writes]
        if reach.writes and (common := protected.worktree(walls.root)) is not None:
            writes = (*writes, common)
            fixed = (*fixed, *protected.never_changed(common, protected.Repositories((common,)), ()))
        plan = plans.Plan(
            folder,
            tuple(p for p in reach.reads if p not in reach.writes),
            writes,
            fixed,
            tuple(git for folders in kept for git in folders) if reach.writes else (),
            reach.hidden,
            plans.environment(secrets, env),
            hosts,
            walls.settings.limits,
        )
        if not hosts or walls.level != "full":
            yield plan
            return
        with tempfile.TemporaryDirectory(prefix="kt-net-") as name:
            socket = Path(name) / "proxy.sock"
            async with Proxy(hosts, self._told).serve(socket):
                yield plans.with_proxy(plan, socket)


def _runnable(program: str, folder: Path) -> None:
    """Raise NotFound or KTError for a program that would not start, which a launcher could only say in its output."""
    try:
        there = shutil.which(program) if "/" not in program else str(folder / program)
        if "\0" in program:
            raise ValueError("it has a NUL in its name")
        if there is None or not Path(there).exists():
            raise NotFound(f"there is no program {program!r}")
        if not os.access(there, os.X_OK):
            raise KTError(f"{program!r} does not start: it is not executable")
    except ValueError as error:
        raise DataError(f"{program!r} does not start: {error}") from error


def no_walls(agent: Agent) -> Walls:
    """Return the sandbox "none": tools are held by nothing but their own rules."""
    return Walls(agent, "none")


def settings_of(agent: Agent) -> Settings:
    """Return the settings of the plugin `sandbox` where it is enabled, else what holds without it."""
    from .guard import SandboxGuard

    return next((a.plugin.settings for a in agent.active if isinstance(a.plugin, SandboxGuard)), Settings())
