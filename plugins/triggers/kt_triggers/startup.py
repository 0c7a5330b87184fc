"""The trigger `startup`: a turn when the agent starts."""

from dataclasses import dataclass

from .kinds import Kind, Settings
from .trigger import Trigger


@dataclass(slots=True, kw_only=True)
class StartupSettings(Settings):
    """A turn when a conversation begins, with `on_resume` also when one goes on."""

    on_resume: bool = False


async def _startup(trigger: Trigger, settings: StartupSettings, at_once: bool) -> None:
    async def fire() -> None:
        trigger.fire()

    if settings.on_resume or not trigger.agent.turns:
        trigger.begin(fire, at_once=at_once)


STARTUP = Kind("startup", StartupSettings, _startup)
