"""What `kt run --max-usd N`, `--max-calls N` and `--idle-seconds N` set."""

from typing import Protocol

from kt.errors import UsageError

MOST = 1e9


class RunSettings(Protocol):
    def configure(self, plugin: str, **settings: object) -> None: ...


def max_usd(settings: RunSettings, value: str) -> None:
    """Bound what a turn costs. Raises UsageError for what is no positive number."""
    settings.configure("budget", max_usd=_number("--max-usd", value))


def max_calls(settings: RunSettings, value: str) -> None:
    """Bound the tool calls of a turn. Raises UsageError for what is no positive whole number."""
    number = _number("--max-calls", value)
    if not number.is_integer():
        raise UsageError(f"--max-calls {value[:40]} is no whole number", hint="give a positive whole number")
    settings.configure("budget", max_calls=int(number))


def idle_seconds(settings: RunSettings, value: str) -> None:
    """End a turn in which nothing happens for so long. Raises UsageError for what is no positive number."""
    settings.configure("budget", idle_seconds=_number("--idle-seconds", value))


def _number(option: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise UsageError(f"{option} {value[:40]} is no number", hint="give a positive number") from None
    if not 0 < number < MOST:
        raise UsageError(f"{option} {value[:40]} is out of range", hint="give a positive number")
    return number
