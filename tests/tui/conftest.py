"""The surface `tui` on a real agent, without a terminal: Textual's own pilot presses the keys."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kt import Agent, Host, Plugins
from kt.testing import ScriptedLLM
from kt_tui.app import Tui

KEYS = {" ": "space", "/": "slash", "@": "at", "!": "exclamation_mark", ".": "full_stop", "\\": "backslash"}


class Person:
    """Somebody at the screen: `app` is what they look at, `press` and `type` what they do."""

    def __init__(self, app: Tui, pilot: Any) -> None:
        self.app, self.pilot = app, pilot

    @property
    def agent(self) -> Agent:
        return self.app.chat.agent

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str, *keys: str) -> None:
        """Type a text, then press keys."""
        await self.pilot.press(*(KEYS.get(character, character) for character in text), *keys)

    async def until(self, true: Callable[[], Any]) -> None:
        """Wait until something holds; fail with what is on the screen."""
        for _ in range(400):
            if true():
                return
            await self.pilot.pause(0.02)
        raise AssertionError(f"it did not come to pass:\n{self.text}")

    async def sees(self, *words: str) -> None:
        """Wait until all these words are on the screen."""
        await self.until(lambda: all(word in self.text for word in words))

    async def sees_no(self, word: str) -> None:
        await self.until(lambda: word not in self.text)

    @property
    def text(self) -> str:
        """Return the screen, a line a row."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


Talk = Callable[..., AbstractAsyncContextManager[Person]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's folder of this test."""
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder that agents work in."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def talk(home: Path, folder: Path) -> Talk:
    """Open the screen on an agent: `talk(steps, size=(100, 30), creature={...}, **options of Agent.build)`."""
    plugins = Plugins()

    @asynccontextmanager
    async def start(steps: Any = (), *, size: tuple[int, int] = (100, 30), **options: Any) -> AsyncIterator[Person]:
        llm = steps if hasattr(steps, "stream") else ScriptedLLM(steps)
        creature = options.pop("creature", {"name": "tester"})
        registered = options.pop("register", None)
        if registered is not None:
            registered(plugins.registry)

        async def build(session: str | None = None) -> Agent:
            return await Agent.build(creature, llm=llm, pwd=folder, host=Host(plugins), **options)

        app = Tui(SimpleNamespace(build=build, registry=plugins.registry, cwd=folder, plugins=plugins))
        async with app.chat, app.run_test(size=size, notifications=True) as pilot:
            yield Person(app, pilot)

    return start
