"""Pipelines over agents: the names of kt-compose, as `from kt.compose import agent, factory, pure, race`."""

from . import _from_plugin


def __getattr__(name: str) -> object:
    """Return a name of kt-compose. Raises MissingPlugin with its install line where it is not installed."""
    return getattr(_from_plugin("compose"), name)
