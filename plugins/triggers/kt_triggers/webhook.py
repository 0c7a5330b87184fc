"""The trigger `webhook`: a turn when an HTTP request comes in."""

import os
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from kt import Text
from kt.errors import DataError

from .events import WebhookOpened
from .kinds import Kind, Settings
from .listener import Hook, Listeners
from .requests import Refusal
from .trigger import Trigger

HOOKS = "webhooks"
SHORTEST_TOKEN = 16
MOST_WAITING = 100
_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,200}")


@dataclass(slots=True, kw_only=True)
class WebhookSettings(Settings):
    """A turn for each POST to `http://host:port/path` that brings the token.

    `port` 0 is a free one of its own. The token is `token`, or what the environment variable `token_env` holds, or one
    that is made.
    """

    prompt: str = ""
    path: str = "/hook"
    port: int = 0
    host: str = "127.0.0.1"
    token: str | None = field(default=None, repr=False)
    token_env: str | None = None

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if not _PATH.fullmatch(self.path):
            raise DataError(f"path: {self.path!r} is no path", hint="write it like /hook")
        if not 0 <= self.port < 65_536:
            raise DataError(f"port: {self.port} is no port", hint="0 takes a free one")
        if self.token is not None and self.token_env is not None:
            raise DataError("token and token_env exclude each other")
        token = self.given
        if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
            raise DataError(f"token: it needs {SHORTEST_TOKEN} characters or more, all of them ASCII")

    @property
    def given(self) -> str | None:
        """Return the user's token, if there is one. Raises DataError where the variable is not set."""
        if self.token_env is None:
            return self.token
        if not (token := os.environ.get(self.token_env)):
            raise DataError(f"token_env: the environment variable {self.token_env} is not set")
        return token


async def _webhook(trigger: Trigger, settings: WebhookSettings, at_once: bool) -> None:
    agent, started = trigger.agent, at_once
    made = "" if settings.given else secrets.token_urlsafe(24)

    def accept(body: str) -> str:
        if not started or not agent.started or agent.stopping:
            raise Refusal(503, "the agent is not running")
        if trigger.outbox.held:
            raise Refusal(503, "the agent waits for an answer of its user")
        if len(trigger.outbox.waiting()) >= MOST_WAITING:
            raise Refusal(503, "too many requests wait")
        if not body and not trigger.prompt:
            raise Refusal(400, "the body is empty")
        parts = [Text(body, origin="webhook")] if body else []
        return str(trigger.fire(parts, merge=False).pending.id)

    async def begun() -> None:
        nonlocal started
        started = True

    listeners = Listeners.of(agent.host)
    port = await listeners.add(settings.host, settings.port, settings.path, Hook(settings.given or made, accept))
    trigger.scope.push_async_callback(listeners.remove, settings.host, port, settings.path)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{port}{settings.path}"
    _publish(trigger, url, made)
    trigger.begin(begun, at_once=at_once)


def _publish(trigger: Trigger, url: str, token: str) -> None:
    """Tell where the webhook listens, in an event and, while it does, in `agent.state`."""
    state = trigger.agent.state
    state[HOOKS] = {**_others(trigger), trigger.key: {"url": url, "token": token}}
    trigger.agent.bus.publish(WebhookOpened(trigger.id, url, token))
    trigger.scope.callback(lambda: state.update({HOOKS: _others(trigger)}))


def _others(trigger: Trigger) -> dict[str, Any]:
    known = trigger.agent.state.get(HOOKS)
    return {key: hook for key, hook in known.items() if key != trigger.key} if isinstance(known, dict) else {}


WEBHOOK = Kind("webhook", WebhookSettings, _webhook)
