"""The prompt of a conversation is on the screen before the command line is parsed, for which much is imported."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kt import Plugins

FLAGS = {"--verbose", "--debug", "--skip-bad-plugins"}
OTHERWISE = {"--help", "-h", "--explain", "--output", "--mode", "--"}
"""Words with which a command line is no conversation on this terminal, or not by this surface."""


def talks(argv: list[str], plugins: "Plugins") -> bool:
    """Tell whether the words after `kt run` begin a conversation here, as far as can be seen without parsing them."""
    if not can_talk(plugins):
        return False
    flags = FLAGS | {f"--{entry.name}" for entry in plugins.registry.entries("run_option") if entry.data.get("is_flag")}
    words, rest = [], list(argv)
    while rest:
        word = rest.pop(0)
        if word.partition("=")[0] in OTHERWISE:
            return False
        if not word.startswith("-"):
            words.append(word)
        elif word not in flags and "=" not in word:
            del rest[:1]
    return not words or (len(words) == 1 and bool(plugins.registry.get("config", "is_reference")(words[0])))


def can_talk(plugins: "Plugins") -> bool:
    """Tell whether this is a terminal whose cursor moves, and something is there to talk on it."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")
    return terminal and plugins.registry.find("surface", "cli") is not None


def show_prompt() -> None:
    """Write the prompt so that whatever is written next takes its place."""
    sys.stdout.write("> \r")
    sys.stdout.flush()
