"""The agent: one creature at work."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from ._build import Plan, build
from ._context import Questions, Sandbox
from ._controller import call_provider, run_turn
from ._conversation import Conversation
from ._execute import execute, turn_events
from ._hooks import NO_HOOKS, Hooks, Step, noted
from ._host import Host, count_started
from ._inbox import Inbox, Pending
from ._messages import Content, Json, Message, ToolCall, ToolResult, user
from ._plugins import installed
from ._registry import required
from ._tool import Tool
from ._toolcalls import call_tool, run_tool
from ._turn import CallState, Limits, Turn, TurnResult
from .errors import KTError, MissingPlugin, TurnCancelled, UsageError
from .events import AgentStarted, AgentStopped, Event, PluginFailed, QuestionAsked

T = TypeVar("T")


class Agent(Conversation):
    """A creature at work: its model, tools, plugins and conversation. Make one with `await Agent.build(...)`.

    Public state, read-only for plugins: `name`, `model`, `tools`, `history`, `turn` (the running one), `bus`, `log`,
    `host`, `pwd`, `deps`, `taint` (origins of what is in the conversation), `prompt` (sections with their owners).
    `state` is for tools: JSON data by name, kept with the session; replace a value, do not change it in place.
    `plan` is what it was built of, for who builds another like it; None where it has no plugins.
    """

    # fmt: off
    __slots__ = (
        "name", "creature", "model", "provider", "settings", "tool_list", "tools", "host", "pwd", "deps", "limits",
        "active", "hooks", "plan", "turn_chain", "llm_chain", "tool_chain", "lock", "session", "prompt", "system",
        "state", "turn", "turns", "asked", "started", "stopping", "parked",
        "_extras", "_inbox", "_own_host", "_questions", "_sandbox", "_sandbox_kind", "_stack", "__weakref__",
    )
    # fmt: on

    def __init__(self, plan: Plan) -> None:
        self.creature, self.name, self.pwd, self.deps = plan.creature, plan.creature.name, plan.pwd, plan.deps
        assert plan.provider is not None
        self.provider, self.model, self.settings = plan.provider, plan.model, plan.settings
        self.set_tools(plan.tools)
        self.host, self.limits, self.session = plan.host, plan.limits, plan.session
        super().__init__(plan.log)
        self.lock = asyncio.Lock()
        self.active, self.hooks = plan.active, Hooks(plan.active, plan.host.plugins.specs) if plan.active else NO_HOOKS
        self.plan = plan if plan.active else None
        self.prompt: Sequence[tuple[str, str]] = ()
        self.system = ""
        self.state: dict[str, Json] = {}
        self.turn: Turn | None = None
        self.turns = self.asked = 0
        self.started = self.stopping = False
        self.parked: dict[str, CallState] = {}
        self._extras, self._sandbox_kind, self._own_host = plan.extras, plan.sandbox, plan.own_host
        self._stack: AsyncExitStack | None = None
        self._inbox: Inbox | None = None
        self._questions: Questions | None = None
        self._sandbox: Sandbox | None = None
        self.turn_chain = self._fold("kt_around_turn", run_turn)
        self.llm_chain = self._fold("kt_around_llm_call", call_provider)
        self.tool_chain = self._fold("kt_around_tool_call", run_tool)

    def _fold(self, hook: str, inner: "Callable[[Agent, Any], Awaitable[Any]]") -> Step | None:
        """Fold an around-hook over `inner`; None where no plugin has it, so that nothing is paid for it."""
        return self.hooks.chain(hook, self, lambda x: inner(self, x)) if self.hooks.impls(hook) else None

    def set_tools(self, tools: Sequence[Tool]) -> None:
        """Offer these tools from the next request to the model on."""
        self.tool_list, self.tools = tuple(tools), {t.name: t for t in tools}

    def plugin(self, name: str) -> Any:
        """Return the enabled plugin of a name. Raises MissingPlugin."""
        for active in self.active:
            if active.name == name:
                return active.plugin
        raise MissingPlugin(f"plugin {name!r} is not enabled in {self.name!r}", hint=f"Agent.build(plugins=[{name!r}])")

    build = staticmethod(build)

    @staticmethod
    async def resume(session: str | Path, *, host: Host | None = None, **options: Any) -> "Agent":
        """Return the started agent of a session, as it was; `options` are as for `build`, over what it was made with.

        `session` is a path, or the name of one kept. Where its last turn had no end, `run(None)` goes on with it.
        Raises NotFound, and what the file and `build` raise.
        """
        plugins = installed() if host is None else host.plugins
        load = required(plugins.registry, "loader", "resume", "kt-sessions")
        agent: Agent = await load(plugins, session, host=host, **options)
        return agent

    # Life

    async def start(self) -> None:
        """Enter the plugins' lifespans, assemble the prompt, attach inputs, outputs and triggers."""
        if self.started:
            return
        await self.host.start()
        self.started = True
        count_started()
        try:
            async with self.lock:  # no turn begins, and no stop ends, before everything is up
                await self._begin()
        except BaseException:
            await self.stop()
            raise
        self.wake()

    async def _begin(self) -> None:
        if (opening := getattr(self.log, "open", None)) is not None:
            await opening(self)
        for impl in sorted(self.hooks.impls("kt_lifespan"), key=lambda i: i.owner.tier != "guard"):
            with noted(impl):
                await self._enter(impl(agent=self))
        for attach in self._extras:
            await self._enter(attach(self))
        await self.refresh_prompt()
        self.record(AgentStarted(self.name, self.model, [*self.tools], [a.name for a in self.active], str(self.pwd)))

    async def _enter(self, scope: Any) -> None:
        self._stack = self._stack or AsyncExitStack()
        await self._stack.enter_async_context(scope)

    async def stop(self) -> None:
        """End the turn and the jobs, leave the lifespans in reverse, and close the host if it is the agent's own."""
        if not self.started or self.stopping:
            return
        self.stopping = True
        try:
            self.interrupt()
            async with self.lock:
                pass
        except BaseException:
            self.stopping = False
            raise
        try:
            if self._stack is not None:
                await self._stack.aclose()
            self.record(AgentStopped(self.name))
            await self.durable()
        finally:
            if (close := getattr(self.log, "close", None)) is not None:
                await close()
            self.started, self.stopping = False, False
            if self._own_host:
                await self.host.close()

    async def __aenter__(self) -> "Agent":
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def refresh_prompt(self) -> None:
        """Assemble the system prompt again from the creature's own and the plugins' sections."""
        sections = [(self.name, self.creature.prompt)] if self.creature.prompt else []
        for impl in self.hooks.impls("kt_prompt"):
            with noted(impl):
                text = impl(agent=self)
                if isinstance(text, Awaitable):
                    text = await text
            if text:
                sections.append((impl.owner.name, str(text)))
        self.prompt = tuple(sections)
        self.system = "\n\n".join(text for _, text in sections)

    # Turns

    def run(
        self, content: Content | None, *, timeout: float | None = None, limits: Limits | None = None
    ) -> Coroutine[Any, Any, TurnResult]:
        """Run one turn and wait for the background jobs it started; return its typed result.

        None goes on with what a crash left: open calls that may run again do, then the model is asked.
        `timeout` is in seconds and counts the wait for a turn that is running. How the model or a tool fails is in the
        result; only errors of the caller raise.
        """
        message, source = (None, "resume") if content is None else (user(content), "user")
        return execute(self, self._new(message, source, limits), timeout=timeout)

    def run_stream(
        self, content: Content, *, timeout: float | None = None, limits: Limits | None = None
    ) -> AsyncGenerator[Event, None]:
        """Return an async iterator of the turn's events, the last being TurnEnded; leaving it cancels the turn."""
        return turn_events(self, self._new(user(content), "user", limits), timeout)

    def send(self, content: Content, *, steer: bool = False, source: str = "user", origin: str = "") -> Pending:
        """Give input that waits for its turn, or with `steer` joins the running one before its next model call.

        The returned Pending can be edited or withdrawn until it is taken.
        """
        self._must_run()
        return self.inbox.add(user(content, origin=origin), source=source, steer=steer)

    def interrupt(self) -> bool:
        """Cancel the running turn; return False where none runs."""
        if self.turn is None:
            return False
        self.turn.cancel(TurnCancelled("the turn was interrupted"))
        return True

    def _new(self, message: Message | None, source: str, limits: Limits | None, *, waits: bool = True) -> Turn:
        self._must_run()
        self.turns += 1
        return Turn(self.turns, message, source, limits or self.limits, waits)

    def _must_run(self) -> None:
        if not self.started:
            raise UsageError(f"agent {self.name!r} is not running", hint="await agent.start(), or use `async with`")

    def wake(self) -> None:
        """Serve waiting input, if nothing runs."""
        if self.has_input and self.turn is None and self.started and not self.stopping and not self.lock.locked():
            self.spawn(self._serve(), name=f"{self.name} inbox")

    async def _serve(self) -> None:
        if self.has_input and self.started and not self.stopping and not self.lock.locked():
            pending = self.inbox.next()
            await execute(self, self._new(pending.message, pending.source, None, waits=False))

    # Questions

    @property
    def questions(self) -> Questions:
        """Return the open questions, made on first use by the `questions` kind; a plugin may put others here."""
        self._questions = self._questions or required(self.host.registry, "questions", "default", "kt-questions")(self)
        return self._questions

    @questions.setter
    def questions(self, questions: Questions) -> None:
        self._questions = questions

    async def ask(self, question: QuestionAsked) -> str | None:
        """Ask the user; None is a denial. The first surface that answers wins."""
        return await self.questions.ask(question)

    async def answer(self, id: str, answer: str, *, by: str = "") -> TurnResult | None:
        """Answer a question; where a turn ended waiting and this was its last one, go on and return the result."""
        parked = bool(self.open_calls()) and self.turn is None
        if not self.questions.answer(id, answer, by=by) or not parked or self.questions.parked:
            return None
        return await execute(self, self._new(None, "answer", None))

    # What plugins and the controller use

    @property
    def inbox(self) -> Inbox:
        self._inbox = self._inbox or Inbox(self)
        return self._inbox

    @property
    def has_input(self) -> bool:
        return self._inbox is not None and bool(self._inbox.items)

    @property
    def sandbox(self) -> Sandbox:
        """Return the walls around the tools, made on first use by the `sandbox` kind."""
        self._sandbox = self._sandbox or required(self.host.registry, "sandbox", self._sandbox_kind, "kt-sandbox")(self)
        return self._sandbox

    async def call_tool(self, call: ToolCall) -> ToolResult:
        """Run a call that no reply asked for, or not yet: validated, through the hooks, and told like any other."""
        return await call_tool(self, call)

    def spawn(self, work: Coroutine[Any, Any, T], *, name: str) -> "asyncio.Task[T]":
        """Run `work` as a task that ends with the host; PluginFailed tells what it raises."""

        def failed(error: BaseException) -> None:
            self.bus.publish(PluginFailed(name, str(error) if isinstance(error, KTError) else repr(error)))

        return self.host.spawn(work, name=name, failed=failed)
