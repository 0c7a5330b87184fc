"""A conversation of a person with an agent, without a screen: surfaces show it and hand it what is typed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

from kt import Agent, KTError, Part, Pending, Text
from kt.errors import UsageError
from kt.events import LLMEnded, QuestionAsked

from . import shell
from .attach import message_of
from .commands import reply_to, said_in
from .items import Asked, Call, Item
from .notes import note_down
from .past import past, unfinished
from .reply import ChatReply
from .status import Spent, context_of
from .transcript import Transcript

SHOWN = 40
"""Items of an earlier conversation that are shown when it goes on."""
Build = Callable[..., Awaitable[Agent]]
"""Make the agent of the settings, not started; `session=` is one to go on with, "" a fresh one."""


class Chat:
    """Hold the conversation: its `agent`, its `transcript`, what was `spent`, and whether the person `left`.

    `changed(item)` is called for each item that is new or grew. Use it as an async context manager.
    """

    def __init__(self, build: Build, changed: Callable[[Item], None]) -> None:
        self.transcript = Transcript(changed)
        self.spent = Spent()
        self.left = asyncio.Event()
        self.clipboard = ""
        """What a command wants on the clipboard; the surface puts it there, and empties this."""
        self._build = build
        self._agent: Agent | None = None
        self._stack = AsyncExitStack()
        self._asides: list[Part] = []
        self._shells = count(1)
        self._running: set[asyncio.Task[None]] = set()

    @property
    def agent(self) -> Agent:
        assert self._agent is not None
        return self._agent

    async def __aenter__(self) -> "Chat":
        await self._open(None)
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        await self._stack.aclose()

    async def _open(self, session: str | None) -> None:
        """Build and start an agent, and follow it. Raises KTError."""
        agent = await self._build() if session is None else await self._build(session=session)
        stack = AsyncExitStack()
        try:
            await stack.enter_async_context(agent.host)
            stack.callback(self.transcript.attach(agent))
            stack.enter_context(agent.questions.attached())
            await stack.enter_async_context(agent)
        except BaseException:
            await stack.aclose()
            raise
        self._agent, self._stack, self.spent = agent, stack, Spent.of(agent.history)
        stack.callback(agent.bus.on(LLMEnded, self.spent.add))
        for item in past(agent.history)[-SHOWN:]:
            self.transcript.add(item)
        for question in agent.questions.pending:
            self.transcript.add(Asked(question))
        if unfinished(agent) and not agent.questions.pending:
            self._spawn(agent.run(None))

    async def switch(self, session: str) -> None:
        """Go on with another session, "" for a fresh one; where that fails the present one is opened again.

        Raises KTError.
        """
        before = self.agent.session
        self._agent = None
        await self._stack.aclose()
        try:
            await self._open(session)
        except BaseException:
            await self._open(str(before) if before else None)
            raise

    # What the person does

    @property
    def is_closed(self) -> bool:
        """Tell whether there is no agent just now: before it is built, and while another takes its place."""
        return self._agent is None

    @property
    def busy(self) -> bool:
        """Tell whether a turn, or a command of the person, runs."""
        return bool(self._running) or (self._agent is not None and self._agent.turn is not None)

    @property
    def waiting(self) -> list[Pending]:
        """Return what the person said and no turn has taken, oldest first."""
        items = self._agent.inbox.items if self._agent is not None and self._agent.has_input else ()
        return [pending for pending in items if pending.source == "user"]

    @property
    def questions(self) -> list[QuestionAsked]:
        """Return the questions that wait for an answer, oldest first."""
        return [] if self._agent is None else list(self._agent.questions.pending)

    @property
    def context(self) -> int | None:
        """Return how many tokens the model takes, None where that is unknown."""
        return context_of(self.agent)

    async def enter(self, line: str, *, steer: bool = False, parts: tuple[Part, ...] = ()) -> None:
        """Take what the person typed: a command, `!` for the shell, `#` for a note, or else a message.

        What is wrong with it becomes a note of the transcript.
        """
        text = line.strip()
        if not text and not parts:
            return
        try:
            if text.startswith("!") and text[1:].strip():
                self._spawn(self._shell(text[1:].strip()))
            elif text.startswith("#") and text.lstrip("# ") and "\n" not in text:
                file = await note_down(self.agent, text[1:])
                self.transcript.note(f"noted in {file}")
            elif (reply := await reply_to(self.agent, text)) is not None:
                await self._obey(reply)
            else:
                self.say(said_in(text), steer=steer, parts=parts)
        except (KTError, OSError) as error:
            self.transcript.note(error.line() if isinstance(error, KTError) else str(error), "error")

    def say(self, text: str, *, steer: bool = False, parts: tuple[Part, ...] = ()) -> Pending:
        """Give the agent a message: now, or when the running turn has ended, or with `steer` within that."""
        content = [*self._asides, *message_of(self.agent, text, parts)]
        self._asides.clear()
        return self.agent.send(content, steer=steer)

    def interrupt(self) -> bool:
        """Stop the turn that runs and the person's own commands; return whether there was anything."""
        for task in self._running:
            task.cancel()
        return (self._agent is not None and self._agent.interrupt()) or bool(self._running)

    async def answer(self, question: QuestionAsked, text: str) -> None:
        """Answer a question; a number stands for a choice."""
        if text.isdigit() and 0 < int(text) <= len(question.choices):
            text = question.choices[int(text) - 1]
        with suppress(KTError):  # somebody else was first
            await self.agent.answer(question.id, text, by="terminal")

    def take_back(self) -> str | None:
        """Withdraw what was said last and no turn has taken, and return it; None where there is nothing."""
        if not (waiting := self.waiting):
            return None
        parts = waiting[-1].message.parts
        waiting[-1].withdraw()
        self._asides = [p for p in parts if isinstance(p, Text) and p.origin == "exec"] + self._asides
        return next((p.text for p in parts if isinstance(p, Text) and not p.origin), "")

    # What comes of it

    async def _obey(self, reply: ChatReply) -> None:
        if reply.text:
            self.transcript.note(reply.text)
        if reply.copy:
            self.clipboard = reply.copy
        if reply.leave:
            self.left.set()
        if reply.open is not None:
            if self.busy:
                raise UsageError("a turn is running", hint="Esc interrupts it")
            await self.switch(reply.open)
            self.transcript.note(f"this is {Path(self.agent.session).stem}" if self.agent.session else "a fresh start")
        if reply.say:
            self.say(reply.say)

    async def _shell(self, command: str) -> None:
        call = Call(f"shell{next(self._shells)}", "!", command, began=monotonic())
        self.transcript.add(call)

        def said(text: str) -> None:
            call.output += text
            self.transcript.changed(call)

        code: Any = "interrupted"
        try:
            code, call.output = await shell.run(command, self.agent.pwd, said)
            call.state = "failed" if code else "done"
        except asyncio.CancelledError:
            call.state = "cancelled"
            raise
        finally:
            call.seconds = monotonic() - call.began
            self.transcript.changed(call)
            told = f"<shell command={command!r} exit={code!r}>\n{call.output}\n</shell>"
            self._asides.append(Text(f"The user ran this:\n{told}", origin="exec"))

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.transcript.note(f"{type(error).__name__}: {error}", "error")
