"""kt run [CREATURE] [PROMPT]: run a creature, headless with a prompt, else as a conversation."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import typer
from kt.errors import UsageError

from ..parsing import parse, with_options

if TYPE_CHECKING:
    from kt import Plugins

OWNERS = {
    "--session": "kt-sessions",
    "--no-session": "kt-sessions",
    "--sandbox": "kt-sandbox",
    "--allow-net": "kt-sandbox",
    "--local": "kt-local",
    "--scripted": "kt-scripted",
}

Text = Optional[str]  # noqa: UP045  typer reads this at run time


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""

    def run(
        creature: Annotated[Text, typer.Argument(help="@pack/path, a file or a folder; else it is the prompt")] = None,
        prompt: Annotated[Text, typer.Argument(help="what to do; - reads it from standard input")] = None,
        model: Annotated[Text, typer.Option(help="a preset, provider/model, or openai-compat:URL#name")] = None,
        output: Annotated[Literal["text", "json", "stream-json"], typer.Option(help="what stdout carries")] = "text",
        mode: Annotated[Text, typer.Option(help="cli, tui or plain")] = None,
        profile: Annotated[Text, typer.Option(help="which set of plugins acts (default: default)")] = None,
        plugin: Annotated[Optional[list[str]], typer.Option("-p", "--plugin", help="one more; no:NAME: not it")] = None,  # noqa: UP045
        cwd: Annotated[Optional[Path], typer.Option(help="the working folder")] = None,  # noqa: UP045
        max_turns: Annotated[Optional[int], typer.Option(help="bound of model calls in a turn")] = None,  # noqa: UP045
        max_tokens: Annotated[Optional[int], typer.Option(help="bound of tokens in a turn")] = None,  # noqa: UP045
        time_limit: Annotated[Optional[float], typer.Option(help="seconds for a turn")] = None,  # noqa: UP045
        explain: Annotated[bool, typer.Option("--explain", help="print what would act, and stop")] = False,
        verbose: Annotated[bool, typer.Option("--verbose", help="tell on stderr what happens")] = False,
        debug: Annotated[bool, typer.Option("--debug", help="show tracebacks")] = False,
        extra: Any = None,
    ) -> int:
        """Run a creature: with a PROMPT (or piped input) to its end, else as a conversation."""
        from ..running import execute
        from ..settings import RunSettings

        settings = RunSettings(plugins, cwd=cwd, profile=profile, use=list(plugin or ()))
        settings.words(creature, prompt)
        settings.llm, settings.output, settings.mode = model, output, mode
        settings.bound(max_turns=max_turns, max_tokens=max_tokens, time_limit=time_limit)
        settings.explain, settings.verbose, settings.debug = explain, verbose, debug
        return execute(settings, extra)

    options = list(plugins.registry.entries("run_option"))
    there = {f"--{entry.name}" for entry in options}
    for word in argv[: argv.index("--")] if "--" in argv else argv:
        name = word.partition("=")[0]
        if name in OWNERS and name not in there:
            raise UsageError(f"{name} comes with {OWNERS[name]}", hint=f"pip install {OWNERS[name]}")
    code: int = parse(with_options(run, options), argv, name="run")
    return code
