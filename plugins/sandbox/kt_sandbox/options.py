"""What `Agent.build(sandbox=...)`, `kt run --sandbox` and `--allow-net` set."""

from typing import Any, Protocol

from kt import Plan
from kt.errors import ConfigError, UsageError, nearest

from .hosts import HostRule
from .settings import LEVELS


class RunSettings(Protocol):
    def configure(self, plugin: str, **settings: object) -> None: ...


def build(plan: Plan, value: object) -> None:
    """Choose the registered sandbox of an agent by name. Raises UsageError for an unknown one."""
    names = plan.host.registry.names("sandbox")
    if value not in names:
        raise UsageError(f"no sandbox named {value!r}", hint=nearest(str(value), names))
    plan.sandbox = str(value)


def level(settings: RunSettings, value: str) -> None:
    """Require a level. Raises UsageError for an unknown one."""
    if value not in LEVELS:
        raise UsageError(f"--sandbox {value} is none of {', '.join(LEVELS)}")
    settings.configure("sandbox", **({"require": value} | ({"backend": "none"} if value == "none" else {})))


def hosts(settings: RunSettings, value: str) -> None:
    """Grant hosts. Raises UsageError for what is no host."""
    named: list[Any] = [item.strip() for item in value.split(",") if item.strip()]
    for item in named:
        try:
            HostRule.parse(item)
        except ConfigError as error:
            raise UsageError(f"--allow-net: {error.what}", hint=error.hint) from error
    settings.configure("sandbox", net=named)
