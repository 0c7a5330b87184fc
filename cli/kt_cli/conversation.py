"""A conversation line by line, `--mode plain`: answers on stdout, everything else on stderr."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from kt import Agent, KTError, TurnResult
from kt.events import Event, LLMRestarted, TextDelta, ToolEnded, ToolStarted, TurnEnded
from kt_chat.attach import message_of
from kt_chat.changes import Watched
from kt_chat.commands import reply_to, said_in
from kt_chat.past import unfinished

from .answers import answer_on_terminal, answer_one
from .console import Console, line_of
from .lines import Lines
from .settings import RunSettings

GREETING = "{name} on {model} in {pwd}, sandbox {level}. End with Ctrl-D; Ctrl-C interrupts; /help."


class Conversation:
    """Read a line, run a turn, print the answer; the end of input is a normal end."""

    def __init__(self, settings: RunSettings) -> None:
        self.settings = settings
        self.console = Console(verbose=settings.verbose)
        self.lines = Lines()
        self.talks = sys.stdin.isatty()
        """Whether a person sits there, who is greeted and asked."""
        self._column, self._streamed = 0, ""

    async def run(self) -> int:
        """Return 0 at the end of input."""
        session: str | None = None
        first = True
        while True:
            agent = await (self.settings.build() if first else self.settings.build(session=session))
            async with agent.host, agent, AsyncExitStack() as scope:
                self._attach(agent, scope)
                for line in self.settings.told:
                    self.console.note(line)
                if self.talks:
                    self.console.note(
                        GREETING.format(name=agent.name, model=agent.model, pwd=agent.pwd, level=agent.sandbox.level)
                    )
                if not first or self.settings.resume is not None:
                    await self._go_on(agent)
                session, first = await self._lines(agent), False
            if session is None:
                break
        if agent.session is not None and self.talks:
            self.console.note(f"kept as {Path(agent.session).stem} (kt resume --last)")
        return 0

    async def _go_on(self, agent: Agent) -> None:
        """Say what was said last, put the questions that wait, and end a turn that had no end."""
        said = [message.text for message in agent.history if message.role in ("user", "assistant") and message.text]
        for text in said[-2:]:
            self.console.note(text)
        for question in agent.questions.pending if self.talks else ():
            await answer_one(agent, question, self.lines)
        if unfinished(agent) and agent.turn is None and not agent.questions.pending:
            await agent.run(None)

    def _attach(self, agent: Agent, scope: AsyncExitStack) -> None:
        if self.talks:
            scope.enter_context(agent.questions.attached())
            scope.callback(answer_on_terminal(agent, self.lines))
        watched = Watched(agent)
        scope.callback(agent.bus.on(ToolStarted, lambda e: watched.started(e.call)))
        scope.callback(agent.bus.on(Event, self._show))
        scope.callback(agent.bus.on(ToolEnded, lambda e: self._changed(watched, e)))
        scope.callback(agent.bus.on(TextDelta, self._delta))
        scope.callback(agent.bus.on(LLMRestarted, self._restarted))
        scope.callback(agent.bus.on(TurnEnded, lambda e: self._ended(e.result)))
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, agent.interrupt)
        scope.callback(loop.remove_signal_handler, signal.SIGINT)

    async def _lines(self, agent: Agent) -> str | None:
        """Serve lines until the end; return the session to go on with, None at the end of input."""
        while True:
            if self.talks:
                print("> ", end="", file=sys.stderr, flush=True)
            if (line := await self.lines.next()) is None:
                if self.talks:
                    print(file=sys.stderr)
                return None
            try:
                reply = await reply_to(agent, line.strip())
            except KTError as error:
                self.console.note(error.line())
                continue
            if reply is None:
                if line.strip():
                    await agent.run(message_of(agent, said_in(line.strip())))
                continue
            if reply.text:
                self.console.note(reply.text)
            if reply.copy:
                self.console.text(reply.copy + "\n")
            if reply.leave:
                return None
            if reply.open is not None:
                return reply.open
            if reply.say:
                await agent.run(reply.say)

    def _delta(self, event: TextDelta) -> None:
        self._column = 0 if event.text.endswith("\n") else 1
        self._streamed += event.text
        self.console.text(event.text)

    def _restarted(self, event: LLMRestarted) -> None:
        self._streamed = ""
        self.console.note("(the model starts its answer again)")

    def _show(self, event: Event) -> None:
        if event.kind == "team_activity" and line_of(event) is None:
            return  # what the others do silently is no reason to break a line of the answer
        if self._column and type(event) is not TextDelta:
            self._column = 0
            self.console.text("\n")
        self.console.show(event)

    def _changed(self, watched: Watched, event: ToolEnded) -> None:
        for change in watched.ended(event.call):
            self.console.note(f"  {change.verb} {change.path} +{change.added} -{change.removed}")

    def _ended(self, result: TurnResult) -> None:
        if not self._streamed.endswith(result.text):  # a plugin's own answer
            self._delta(TextDelta(result.text))
        self._streamed = ""
        if self._column:
            self._column = 0
            self.console.text("\n")
        if result.error is not None:
            self.console.note(result.error.line())
