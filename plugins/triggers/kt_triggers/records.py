"""What is kept of a trigger with the session: up to when its runs are settled, and how many there were."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kt import Agent

TIMES = "trigger_times"


@dataclass(slots=True)
class Record:
    """Every run due up to `settled` (seconds since the epoch) has happened, or won't; `runs` is how many happened."""

    settled: float
    runs: int = 0


def recorded(agent: "Agent", key: str) -> Record | None:
    """Return the record of a trigger; None where there is none that can be read."""
    match agent.state.get(TIMES):
        case {**kept}:
            match kept.get(key):
                case [int() | float() as settled, int() as runs]:
                    return Record(float(settled), runs)
    return None


def record(agent: "Agent", key: str, value: Record | None) -> None:
    """Keep the record of a trigger; None forgets it."""
    kept = agent.state.get(TIMES)
    others = {k: v for k, v in kept.items() if k != key} if isinstance(kept, dict) else {}
    agent.state[TIMES] = others if value is None else {**others, key: [value.settled, value.runs]}
