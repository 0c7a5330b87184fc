"""The arguments of commands that plugins bring: found as `registry.get("parser", "arguments")`."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from kt.errors import UsageError


class Arguments(argparse.ArgumentParser):
    """An argparse parser as `kt` wants one: what does not fit is a UsageError, help begins with "Usage: kt NAME"."""

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")

    def format_help(self) -> str:
        return super().format_help().replace("usage:", "Usage:", 1)

    def read(self, argv: Sequence[str]) -> argparse.Namespace | None:
        """Return the arguments; None where help was asked for, which is printed. Raises UsageError."""
        try:
            return self.parse_args(argv)
        except SystemExit:
            return None
