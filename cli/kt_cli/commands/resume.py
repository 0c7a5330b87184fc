"""kt resume [SESSION] [PROMPT]: go on with a session, as a conversation or with one more prompt."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import typer
from kt.errors import UsageError

from ..parsing import parse, with_options

if TYPE_CHECKING:
    from kt import Plugins

Text = Optional[str]  # noqa: UP045  typer reads this at run time
OWN = ("session", "no-session", "add", "channel", "set")
"""Options of `kt run` that only begin something."""


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""

    def resume(
        session: Annotated[Text, typer.Argument(help="a name, the start of one, or a path; without it, choose")] = None,
        prompt: Annotated[Text, typer.Argument(help="what to do next; - reads it from standard input")] = None,
        last: Annotated[bool, typer.Option("--last", help="the newest session; the first word is then PROMPT")] = False,
        model: Annotated[Text, typer.Option(help="another model: a preset or provider/model")] = None,
        output: Annotated[Literal["text", "json", "stream-json"], typer.Option(help="what stdout carries")] = "text",
        mode: Annotated[Text, typer.Option(help="cli, tui or plain")] = None,
        profile: Annotated[Text, typer.Option(help="which set of plugins acts; else the one it had")] = None,
        plugin: Annotated[Optional[list[str]], typer.Option("-p", "--plugin", help="one more; no:NAME: not it")] = None,  # noqa: UP045
        cwd: Annotated[Optional[Path], typer.Option(help="another working folder")] = None,  # noqa: UP045
        max_turns: Annotated[Optional[int], typer.Option(help="bound of model calls in a turn")] = None,  # noqa: UP045
        max_tokens: Annotated[Optional[int], typer.Option(help="bound of tokens in a turn")] = None,  # noqa: UP045
        time_limit: Annotated[Optional[float], typer.Option(help="seconds for a turn")] = None,  # noqa: UP045
        verbose: Annotated[bool, typer.Option("--verbose", help="tell on stderr what happens")] = False,
        debug: Annotated[bool, typer.Option("--debug", help="show tracebacks")] = False,
        extra: Any = None,
    ) -> int:
        """Go on with a session: with a PROMPT to its end, else as a conversation; an unfinished turn goes on first."""
        from ..resuming import need_sessions, pick
        from ..running import execute
        from ..settings import RunSettings

        need_sessions(plugins)
        if last and prompt is not None:
            raise UsageError("--last and a session exclude each other", hint="kt resume --last [PROMPT]")
        settings = RunSettings(plugins, cwd=cwd, profile=profile, use=list(plugin or ()))
        if last:
            settings.resume, settings.prompt = (
                plugins.registry.get("loader", "session")(plugins.registry, None),
                session,
            )
        else:
            settings.resume, settings.prompt = session or pick(plugins), prompt
        settings.llm, settings.output, settings.mode = model, output, mode
        settings.bound(max_turns=max_turns, max_tokens=max_tokens, time_limit=time_limit)
        settings.verbose, settings.debug = verbose, debug
        return execute(settings, extra)

    options = [entry for entry in plugins.registry.entries("run_option") if entry.name not in OWN]
    code: int = parse(with_options(resume, options), argv, name="resume")
    return code
