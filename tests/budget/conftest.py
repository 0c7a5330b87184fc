"""A home of its own, and a model whose calls use and cost what a test says."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import kt
import pytest
from kt import Message, Text, ToolCall, Usage


class Paid:
    """A model that calls the tool `look` until its last reply; each reply has the usage it is given, or raises it."""

    model = "paid"

    def __init__(self, *replies: Usage | Exception | None) -> None:
        self.replies = list(replies)

    async def stream(self, request: kt.Request) -> Any:
        step = self.replies.pop(0)
        await asyncio.sleep(0)
        if isinstance(step, Exception):
            raise step
        parts: list[Any] = [ToolCall(f"c{len(self.replies)}", "look", "{}")] if self.replies else [Text("done")]
        yield Message("assistant", parts, finish="stop", usage=None if step is None else replace(step))


@pytest.fixture
def paid() -> type[Paid]:
    return Paid


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
