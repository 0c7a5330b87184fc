"""An agent as a run would have it, to look at: no session is kept, and the model need not be there."""

import os
from typing import TYPE_CHECKING, Any

from kt import Agent
from kt.errors import KTError
from kt.testing import ScriptedLLM

from .running import creature_of, told_agent
from .settings import RunSettings

if TYPE_CHECKING:
    from kt import Plugins


def trial_settings(plugins: "Plugins", ref: str | None, *, profile: str | None, use: list[str]) -> RunSettings:
    """Return the settings of a run that keeps no session, as for --explain, of a creature or the default one."""
    settings = RunSettings(plugins, cwd=None, profile=profile, use=use)
    settings.creature, settings.explain = ref, True
    if settings.registry.find("build_option", "session"):
        settings.options["session"] = False
    return settings


async def trial_agent(settings: RunSettings) -> Agent:
    """Return the agent of the settings with its model, or with the scripted one where that can't be had."""
    model = _model(settings)
    try:
        return await told_agent(settings, llm=model)
    except KTError:
        # What is wrong apart from the model, the second attempt says.
        return await told_agent(settings, llm=ScriptedLLM())


def _model(settings: RunSettings) -> Any:
    return settings.llm or os.environ.get("KT_MODEL") or creature_of(settings).llm or "default"
