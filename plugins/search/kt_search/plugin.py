"""The plugin search: nothing but its settings, which the tool and the commands read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import ConfigError, MissingPlugin, nearest

if TYPE_CHECKING:
    from kt import Agent, Registry


@dataclass(slots=True)
class SearchConfig:
    """`all_sessions` lets search_memory see every session, not only the agent's own.

    `embedder` is a name of the kind embedder, "" for the one that made a session's vectors; `embedders` are settings
    of embedders by name.
    """

    all_sessions: bool = False
    embedder: str = ""
    embedders: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Search:
    """Say which embedder searches use, and what agents may search."""

    Config = SearchConfig

    def __init__(self, config: SearchConfig) -> None:
        self.config = config


def config_of(agent: "Agent") -> SearchConfig:
    """Return the settings that an agent has."""
    try:
        plugin: Search = agent.plugin("search")
    except MissingPlugin:
        return SearchConfig()
    return plugin.config


def user_config(registry: "Registry") -> SearchConfig:
    """Return the settings of the profile "default". Raises ConfigError for one that is none."""
    if (entry := registry.find("loader", "profile")) is None:
        return SearchConfig()
    profile = entry.load()(registry, "default", Path.cwd())
    given = profile.plugins.get("search") or {}
    for name in given:
        if name not in SearchConfig.__slots__:
            raise ConfigError(f"the plugin search has no setting {name!r}", hint=nearest(name, SearchConfig.__slots__))
    return SearchConfig(**given)
