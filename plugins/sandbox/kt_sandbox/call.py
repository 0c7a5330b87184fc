"""The walls for one call: what its tool declares, as far as the user grants it."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kt import Exec, ExecResult, Http, Tool, ToolCall
from kt.errors import DataError, KTError, NotFound, Vetoed

from . import plan as plans
from . import protected
from .beneath import absent
from .disk import Watch
from .errors import SandboxUnavailable
from .events import Connected
from .files import Reach, WorkFiles
from .hosts import HostList
from .http import GrantedHttp
from .processes import Stdin, shell
from .proxy import Proxy
from .settings import RUNS_BY_ITSELF, Level
from .wants import ANY, Granted, Reached, reached, within

if TYPE_CHECKING:
    from .walls import Walls


class CallWalls:
    """The walls for one call: what its tool declares, as far as the user grants it; without a call, all of that."""

    def __init__(self, walls: "Walls", tool: Tool | None, call: ToolCall) -> None:
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
                yield replace(plan, proxy=socket)


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
