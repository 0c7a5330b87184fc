"""When to try again, and how long to wait first."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from kt.errors import ModelError
from kt.events import LLMRetry

from .errors import Transient


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bound the tries of one request: at most `attempts`; waits in seconds grow from `base`, none is over `cap`."""

    attempts: int = 4
    base: float = 0.5
    cap: float = 60.0


class Retries:
    """Count the tries of one request and the time they waited; `allowed` is asked before each further one."""

    __slots__ = ("allowed", "attempt", "last", "policy", "waited")

    def __init__(self, policy: RetryPolicy, allowed: Callable[[], bool] = lambda: True) -> None:
        self.policy, self.allowed, self.attempt, self.waited, self.last = policy, allowed, 1, 0.0, 0.0

    def next(self, trouble: Transient) -> LLMRetry:
        """Return the event for the next try, `wait` seconds from now: what the server asks for, else jitter that grows.

        Raises the error that `trouble` carries, with the tries and the time waited, when none is left or the server
        asks for more than the cap.
        """
        policy = self.policy
        wait = trouble.wait
        if wait is None:
            top = min(policy.cap, policy.base * 2 ** (self.attempt - 1))
            wait = max(random.uniform(top / 10, top), min(policy.cap, self.last * 1.5))
        allowed = self.allowed()
        if self.attempt >= policy.attempts:
            raise self._given_up(trouble.error) from trouble
        if wait > policy.cap:
            raise self._given_up(trouble.error, f"; it asks to wait {wait:.0f} s") from trouble
        if not allowed:
            raise self._given_up(trouble.error, "; too many requests to this address fail") from trouble
        self.attempt += 1
        self.waited, self.last = self.waited + wait, wait
        return LLMRetry(self.attempt, wait, trouble.error.what)

    def _given_up(self, error: ModelError, why: str = "") -> ModelError:
        tries = f"{self.attempt} attempt{'s' * (self.attempt > 1)}"
        what = f"{error.what}{why}; gave up after {tries} and {self.waited:.1f} s of waiting"
        return type(error)(what, where=error.where, hint=error.hint)
