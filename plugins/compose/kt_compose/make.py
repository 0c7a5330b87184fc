"""What makes steps: of an agent, of a function, of several that race."""

from collections.abc import Callable
from typing import Any, TypeVar, overload

from kt import Agent, Host
from kt.errors import UsageError

from .agents import Config, Conversing, Fresh
from .answers import Answer
from .parallel import Race
from .step import Async, Step, as_node

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")


@overload
def agent(
    config: Config, *, output_type: type[T], host: Host | None = None, **options: Any
) -> Step[object, Answer[T]]: ...
@overload
def agent(config: Config, *, host: Host | None = None, **options: Any) -> Step[object, Answer[None]]: ...
@overload
def agent(config: Agent) -> Step[object, Answer[Any]]: ...
def agent(config: Config | Agent, **options: Any) -> Step[object, Answer[Any]]:
    """Return a step over one agent, which keeps its conversation from call to call, one call at a time.

    `config` and `options` are those of `Agent.build`, or it is a kt.Agent; one that the step had to start, it stops.
    """
    if isinstance(config, Agent) and options:
        raise UsageError(f"agent {config.name!r} is built already", hint=f"give {', '.join(options)} to Agent.build")
    return Step(Conversing(config, options))


@overload
def factory(
    config: Config, *, output_type: type[T], host: Host | None = None, **options: Any
) -> Step[object, Answer[T]]: ...
@overload
def factory(config: Config, *, host: Host | None = None, **options: Any) -> Step[object, Answer[None]]: ...
def factory(config: Config, *, host: Host | None = None, **options: Any) -> Step[object, Answer[Any]]:
    """Return a step that builds an agent for each call, on one host, and stops it after; see `Agent.build`."""
    return Step(Fresh(config, host, options))


@overload
def pure(function: Async[A, B]) -> Step[A, B]: ...
@overload
def pure(function: Callable[[A], B]) -> Step[A, B]: ...
def pure(function: Callable[[Any], Any]) -> Step[Any, Any]:
    """Return a sync or async function of one argument, or a tool, as a step."""
    return Step(as_node(function))


@overload
def race(*steps: Async[A, B]) -> Step[A, B]: ...
@overload
def race(*steps: Callable[[A], B]) -> Step[A, B]: ...
@overload
def race(*steps: Any) -> Step[Any, Any]: ...
def race(*steps: Any) -> Step[Any, Any]:
    """Return the step that runs all at once: the first to succeed wins, the others are cancelled.

    Where all fail it raises the last error, with a note for each of the others.
    """
    if not steps:
        raise UsageError("race needs a step")
    return Step(Race(tuple(map(as_node, steps))))
