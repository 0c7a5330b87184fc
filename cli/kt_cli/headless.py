"""One prompt to its end: text, one JSON object, or JSON lines of the events."""

import asyncio
import json
import signal
import sys
from contextlib import ExitStack
from typing import Any

from kt import Agent, KTError, TurnResult, encode
from kt.errors import UsageError
from kt.events import Event, LLMRestarted, TextDelta
from kt_chat.past import unfinished

from .answers import answer_on_terminal
from .console import Console, warn_of_resume
from .errors import show_traceback
from .lines import Lines
from .results import failure_object, result_object
from .running import told_agent
from .settings import RunSettings


class Headless:
    """Run one turn without a conversation; questions are put only where a person sits at the terminal."""

    def __init__(self, settings: RunSettings) -> None:
        self.settings = settings
        self.console = Console(verbose=settings.verbose)
        self.streamed = ""

    async def run(self, prompt: str | None) -> int:
        """Return the exit code of the turn; without a prompt a resumed session goes on. Raises UsageError."""
        agent = await told_agent(self.settings)
        with ExitStack() as scope:
            self._attach(agent, scope)
            async with agent.host, agent:
                if prompt is None and not unfinished(agent):
                    raise UsageError("the session has nothing to go on with", hint="give a PROMPT")
                result = await self._turn(agent, prompt)
        self._end(agent, result)
        return result.exit_code

    def _attach(self, agent: Agent, scope: ExitStack) -> None:
        live = self.settings.output == "text"
        if self.settings.output == "stream-json":
            scope.callback(agent.bus.on(Event, _print_event))
        if live and self.settings.verbose:
            scope.callback(agent.bus.on(Event, self.console.show))
        elif live and self.settings.resume is not None:
            scope.callback(agent.bus.on(Event, self._warn))
        if live and sys.stdout.isatty():
            scope.callback(agent.bus.on(TextDelta, self._delta))
            scope.callback(agent.bus.on(LLMRestarted, self._restarted))
        if live and sys.stdin.isatty() and sys.stderr.isatty():
            scope.enter_context(agent.questions.attached())
            scope.callback(answer_on_terminal(agent, Lines()))

    async def _turn(self, agent: Agent, prompt: str | None) -> TurnResult:
        loop = asyncio.get_running_loop()

        def interrupt() -> None:
            # The second Ctrl-C ends the process the hard way.
            loop.remove_signal_handler(signal.SIGINT)
            agent.interrupt()

        loop.add_signal_handler(signal.SIGINT, interrupt)
        try:
            return await agent.run(prompt)
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    def _warn(self, event: Event) -> None:
        if (line := warn_of_resume(event)) is not None:
            self.console.note(line)

    def _delta(self, event: TextDelta) -> None:
        self.streamed += event.text
        self.console.text(event.text)

    def _restarted(self, event: LLMRestarted) -> None:
        self.streamed = ""
        self.console.note("(the model starts its answer again)")

    def _end(self, agent: Agent, result: TurnResult) -> None:
        if self.settings.output != "text":
            _print(result_object(result, model=agent.model))
        elif sys.stdout.isatty() and self.streamed.endswith(result.text):
            self.console.text("" if self.streamed.endswith("\n") or not self.streamed else "\n")
        elif result.text:
            self.console.text(result.text if result.text.endswith("\n") else result.text + "\n")
        if result.error is not None:
            if self.settings.debug:
                show_traceback(result.error)
            self.console.note(result.error.line())


def print_failure(error: KTError) -> None:
    """Print the result object of a run that never began."""
    _print(failure_object(error))


def _print_event(event: Event) -> None:
    _print(encode(event))


def _print(data: dict[str, Any]) -> None:
    print(json.dumps(data), flush=True)
