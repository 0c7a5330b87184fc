"""What `kt run --local` does: an explicit yes to fetching the weights once."""

from typing import Protocol

from .fetch import fetch
from .progress import Bar
from .weights import DEFAULT, present, verified, weights_of


class RunSettings(Protocol):
    llm: object


def local(settings: RunSettings, value: bool) -> None:
    """Choose the local model, having made sure that its weights are here."""
    pull(DEFAULT)
    settings.llm = f"local/{DEFAULT}"


def pull(name: str) -> None:
    """Fetch a model's weights unless they are here, with a progress bar."""
    weights = weights_of(name)
    if present(weights):
        verified(weights)
        return
    bar = Bar(weights.name)
    try:
        fetch(weights, bar)
    finally:
        bar.end()
