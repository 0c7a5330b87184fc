"""A conversation line by line: `--mode plain` for pipes, `--mode cli` for a terminal."""

import asyncio
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from kt import Agent, KTError, TurnResult
from kt.events import Event, LLMRestarted, TextDelta, TurnEnded

from .answers import answer_on_terminal, answer_one
from .chat_commands import answer_to, said_in
from .console import Console, line_of
from .lines import Lines
from .resuming import unfinished
from .running import build_agent
from .settings import RunSettings

GREETING = "{name} on {model} in {pwd}, sandbox {level}. End with Ctrl-D; Ctrl-C interrupts; /help."


class Conversation:
    """Read a line, run a turn, print the answer; the end of input is a normal end."""

    def __init__(self, settings: RunSettings, *, plain: bool) -> None:
        self.settings, self.plain = settings, plain
        self.console = Console(verbose=settings.verbose)
        self.lines = Lines()
        self._column, self._streamed = 0, ""

    async def run(self) -> int:
        """Return 0 at the end of input."""
        agent = await build_agent(self.settings)
        async with agent.host, agent:
            with ExitStack() as scope:
                self._attach(agent, scope)
                if not self.plain:
                    self.console.note(
                        GREETING.format(name=agent.name, model=agent.model, pwd=agent.pwd, level=agent.sandbox.level)
                    )
                if self.settings.resume is not None:
                    await self._go_on(agent)
                await self._lines(agent)
        if agent.session is not None and not self.plain:
            self.console.note(f"kept as {Path(agent.session).stem} (kt resume --last)")
        return 0

    async def _go_on(self, agent: Agent) -> None:
        """Say what was said last, put the questions that wait, and end a turn that had no end."""
        said = [message.text for message in agent.history if message.role in ("user", "assistant") and message.text]
        for text in said[-2:]:
            self.console.note(text)
        for question in agent.questions.pending if sys.stdin.isatty() else ():
            await answer_one(agent, question, self.lines)
        if unfinished(agent) and agent.turn is None and not agent.questions.pending:
            await agent.run(None)

    def _attach(self, agent: Agent, scope: ExitStack) -> None:
        if sys.stdin.isatty():
            scope.enter_context(agent.questions.attached())
            scope.callback(answer_on_terminal(agent, self.lines))
        if self.settings.verbose or not self.plain:
            scope.callback(agent.bus.on(Event, self._show))
        scope.callback(agent.bus.on(TextDelta, self._delta))
        scope.callback(agent.bus.on(LLMRestarted, self._restarted))
        scope.callback(agent.bus.on(TurnEnded, lambda e: self._ended(e.result)))
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, agent.interrupt)
        scope.callback(loop.remove_signal_handler, signal.SIGINT)

    async def _lines(self, agent: Agent) -> None:
        while True:
            if not self.plain:
                print("> ", end="", file=sys.stderr, flush=True)
            if (line := await self.lines.next()) is None:
                if not self.plain:
                    print(file=sys.stderr)
                return
            if line.strip() and not await self._command(agent, line.strip()):
                await agent.run(said_in(line.strip()))

    async def _command(self, agent: Agent, line: str) -> bool:
        """Show what a line like "/compact words" is answered with; return whether it was one, and no turn."""
        try:
            answer = await answer_to(agent, line)
        except KTError as error:
            answer = error.line()
        if answer is not None:
            self.console.note(answer)
        return answer is not None

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

    def _ended(self, result: TurnResult) -> None:
        if not self._streamed.endswith(result.text):  # a plugin's own answer
            self._delta(TextDelta(result.text))
        self._streamed = ""
        if self._column:
            self._column = 0
            self.console.text("\n")
        if result.error is not None:
            self.console.note(result.error.line())
