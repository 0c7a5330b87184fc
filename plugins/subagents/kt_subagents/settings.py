"""The settings of the plugin `subagents`."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Settings:
    """Choose models, and bound how many sub-agents there are.

    `models` maps a sub-agent's name to a model preset or "provider/model", over what the sub-agent says itself. `depth`
    is how deep they may be nested. `max_running` of one agent work at once, others wait; `keep` of those that are done
    can be gone on with.
    """

    models: dict[str, str] = field(default_factory=dict)
    depth: int = 3
    max_running: int = 8
    keep: int = 16
