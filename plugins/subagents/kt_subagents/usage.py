"""Sums of what models used."""

from dataclasses import replace

from kt import Usage


def plus(one: Usage, other: Usage) -> Usage:
    """Return the sum; its cost is unknown where that of a part is."""
    both = replace(one)
    both.add(other)
    return both


def minus(whole: Usage, part: Usage) -> Usage:
    """Return what `whole` has beyond `part`, which it contains; its cost is unknown where that of one is."""
    cost = whole.cost
    if part.total:
        cost = None if whole.cost is None or part.cost is None else whole.cost - part.cost
    return Usage(
        whole.input - part.input,
        whole.output - part.output,
        whole.cached - part.cached,
        whole.cache_write - part.cache_write,
        whole.reasoning - part.reasoning,
        cost,
    )
