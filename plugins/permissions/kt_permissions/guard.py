"""Decide on each call: a rule, what it wants beyond the grant, the mode, and where the conversation came from."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

from kt import Agent, Part, Tool, ToolCall, ToolResult, Vetoed, hookimpl
from kt.events import QuestionAsked
from kt_sandbox.files import matches
from kt_sandbox.walls import Walls
from kt_sandbox.wants import Reached, Want, within

from .approvals import Approvals, Scope
from .rules import Asked, Decision, Rules, decide
from .settings import Mode, PermissionsConfig, approvals_file

ONCE, SESSION, ALWAYS, NO = "yes", "yes, in this session", "yes, always here", "no"
OURS = frozenset({"", "file", "exec", "job"})
"""Origins of what the user, the model, or work in the working folder brought; any other taints."""
RUN_LATER = (
    *("Makefile", "makefile", "GNUmakefile", "justfile", "package.json", "pyproject.toml", "setup.py", "setup.cfg"),
    *("conftest.py", "tox.ini", "noxfile.py", "Dockerfile", "build.rs", "AGENTS.md", "CLAUDE.md", "*.sh"),
    *("SKILL.md", ".agents/*", ".claude/*"),
)
"""Files that the user is likely to run or to trust later: a tainted conversation writes them only after a yes."""
COVERED = {"path": {"read", "write"}, "host": {"net"}, "command": {"exec"}}
"""What an allow rule for a tool's paths, hosts or commands opens."""


class Permissions:
    """A guard: deny beats ask beats allow, then what is not granted is asked, and then the mode decides.

    The sandbox is the boundary. A yes opens it for one call, or for exactly that call again: in this session, or
    always in this folder.
    """

    Config = PermissionsConfig

    def __init__(self, config: PermissionsConfig | None = None) -> None:
        self.config = config or PermissionsConfig()
        self.rules = Rules.parse(self.config.deny, self.config.ask, self.config.allow)
        self.chosen: Mode | None = None
        self._approvals: Approvals | None = None

    @property
    def mode(self) -> Mode:
        """Return the mode that decides: the one that was chosen while the agent works, else that of the settings."""
        return self.chosen or self.config.mode

    def choose(self, mode: Mode) -> None:
        """Decide by another mode from the next call on, for the agent and the sub-agents below it, until it ends."""
        self.chosen = mode

    @property
    def approvals(self) -> Approvals:
        if self._approvals is None:
            self._approvals = Approvals(approvals_file())
        return self._approvals

    @hookimpl
    async def kt_around_tool_call(
        self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        tool = agent.tools.get(call.name)
        if tool is None:
            return await next(call)
        walls = agent.sandbox
        if not isinstance(walls, Walls):
            await self._decide(agent, tool, call, _unknown(tool), Reached())
            return await next(call)
        wants, reaches = walls.wants(call), walls.reached(call)
        await self._decide(agent, tool, call, wants, reaches)
        walls.allow(call, wants)
        if tool.background and reaches.net:
            # It may run on after this call has returned, and what it brings be read by other means than its result.
            agent.taint |= {"web"}
        try:
            return _marked(tool, await next(call), walls, reaches)
        finally:
            walls.forget(call)

    async def _decide(self, agent: Agent, tool: Tool, call: ToolCall, wants: list[Want], reaches: Reached) -> None:
        """Return if the call may run. Raises Vetoed otherwise."""
        asked = Asked(call.name, call.arguments or {}, tool.needs, agent.pwd)
        decision = decide(self.rules, asked)
        if decision.verdict == "deny":
            raise Vetoed(f"the rule {decision.rule} denies this call")
        mode = _mode_for(agent, self)
        if mode == "plan" and _acts(tool):
            raise Vetoed("in plan mode nothing is changed and nothing runs: say what you would do")
        if mode == "auto" and decision.verdict != "ask":
            return
        reasons = self._reasons(agent, tool, wants, reaches, decision)
        # The reasons belong to what is approved: a yes to a host is no yes to that host after a stranger's words.
        if reasons and not self.approvals.knows(call.name, asked.arguments, reasons, agent.pwd):
            await self._ask(agent, call, wants, reasons)

    def _reasons(self, agent: Agent, tool: Tool, wants: list[Want], reaches: Reached, decision: Decision) -> list[str]:
        """Return why the user must be asked; empty where the call may run."""
        reasons = [f"the rule {decision.rule}"] if decision.verdict == "ask" else []
        allowed = COVERED.get(decision.kind, set()) if decision.verdict == "allow" else set()
        if self.config.allow_unsandboxed:
            allowed = allowed | {"exec"}
        reasons += [str(want) for want in wants if want.kind not in allowed]
        tainted = agent.taint - OURS - set(self.config.trusted_origins)
        if tainted and (reaches.net or _executes(tool) or _risky_write(agent, reaches)):
            reasons.append(f"the conversation holds content from {', '.join(sorted(tainted))}")
        if _mode_for(agent, self) == "ask" and _acts(tool) and decision.verdict != "allow":
            reasons.append("the mode is ask")
        return reasons

    async def _ask(self, agent: Agent, call: ToolCall, wants: list[Want], reasons: list[str]) -> None:
        """Return if the user says yes. Raises Vetoed otherwise."""
        why = "; ".join(dict.fromkeys(reasons))
        text, choices = f"Allow {call.name}? ({why})", [ONCE, SESSION, ALWAYS, NO]
        answer = await agent.ask(QuestionAsked("", text, choices, "approval", call.id, call.arguments))
        if answer is None:
            raise Vetoed(f"{call.name} needs approval and nobody can be asked ({why}); {_remedy(wants)}")
        if answer in (SESSION, ALWAYS):
            scope: Scope = "session" if answer == SESSION else "always"
            self.approvals.remember(call.name, call.arguments or {}, reasons, agent.pwd, scope=scope)
        elif answer != ONCE:
            raise Vetoed(f"the user said no to {call.name}" + ("" if answer in (NO, "") else f": {answer}"))


def _mode_for(agent: Agent, guard: Permissions) -> Mode:
    """Return the mode for an agent: the one that was chosen for it or for an agent above it, else its guard's own."""
    return next((each.chosen for each in (guard, *_above(agent)) if each.chosen is not None), guard.mode)


def _above(agent: Agent) -> Iterator[Permissions]:
    """Yield the guards of the agents that an agent is a sub-agent of, the nearest first."""
    parent: Agent | None = next((getattr(a.plugin, "parent", None) for a in agent.active if a.name == "subagent"), None)
    if parent is not None:
        yield from (a.plugin for a in parent.active if isinstance(a.plugin, Permissions))
        yield from _above(parent)


def _unknown(tool: Tool) -> list[Want]:
    """Return what a tool wants inside walls of another make, which do not say what they grant."""
    acts = tool.needs.net or _executes(tool)
    return [Want("exec", "in a sandbox that does not say what is granted")] if acts else []


def _executes(tool: Tool) -> bool:
    return bool(tool.needs.exec) and tool.effect != "read"


def _acts(tool: Tool) -> bool:
    return bool(tool.needs.writes or tool.needs.net) or _executes(tool)


def _risky_write(agent: Agent, reaches: Reached) -> bool:
    """Tell whether a call may write what is run or obeyed later; one that names no file may write any."""
    return any(p == agent.pwd or matches(p, RUN_LATER) for p in reaches.writes)


def _remedy(wants: list[Want]) -> str:
    kinds = {want.kind for want in wants}
    flags = {"net": "--allow-net HOST", "exec": "--allow-unsandboxed"}
    named = [flag for kind, flag in flags.items() if kind in kinds]
    return "run on a terminal" + "".join(f", or with {flag}" for flag in named)


def _marked(tool: Tool, result: ToolResult, walls: Walls, reaches: Reached) -> ToolResult:
    """Say in the parts of a result where they came from, whatever the tool said."""
    settled = walls.granted()
    origin = ""
    if reaches.net or tool.needs.output == "untrusted":
        origin = "web"
    elif not all(within(p, (*settled.reads, *settled.writes)) for p in reaches.reads):
        origin = "outside"
    if not origin:
        return result
    parts: list[Part] = [replace(p, origin=origin) if p.origin in OURS else p for p in result.parts]
    return replace(result, parts=parts)
