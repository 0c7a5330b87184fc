"""A run is recorded without its secrets and played back as it was."""

import json
from pathlib import Path
from typing import Any

import kt
import pytest
from kt.errors import DataError, ProviderDown
from kt.events import LLMRetry, TextDelta, ThinkingDelta, ToolCallDelta
from kt.testing import EventRecorder, RecordingProvider, ReplayProvider, ScriptedLLM, running

pytestmark = pytest.mark.anyio
SECRET = "s3cr3t-value-of-a-key"


def shout(text: str) -> str:
    return text.upper()


def same(text: str) -> str:
    return text


class Everything:
    """A model that says all that a model can say."""

    model = "everything"

    async def stream(self, request: kt.Request) -> Any:
        call = kt.ToolCall("c1", "shout", '{"text": "\\u00e9"}', x={"w": {"a": 1}})
        if len(request.messages) > 1:
            yield "done"
            yield kt.Message("assistant", [kt.Text("done")], finish="stop", usage=kt.Usage(5, 1, cost=0.5))
            return
        for item in (
            LLMRetry(2, 0.5, "busy"),
            ThinkingDelta("hm"),
            "say ",
            "it",
            ToolCallDelta("c1", "{", "shout"),
            call,
        ):
            yield item
        parts = [kt.Thinking("hm", signature="sig"), kt.Text("say it"), call, kt.Opaque("odd", {"n": None})]
        yield kt.Message("assistant", parts, finish="tool_calls", usage=kt.Usage(3, 4))


async def played(llm: Any) -> tuple[list[Any], list[Any], kt.TurnResult]:
    async with running(llm, tools=[shout, same]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("go")
        told = [e for e in events.events if isinstance(e, LLMRetry | ThinkingDelta | TextDelta | ToolCallDelta)]
        for message in agent.history:
            message.seconds = 0.0
        return told, list(agent.history), result


async def test_a_recorded_run_plays_back_as_it_was(tmp_path: Path) -> None:
    first = await played(RecordingProvider(Everything(), tmp_path / "run.jsonl"))
    again = await played(ReplayProvider(tmp_path / "run.jsonl"))
    assert again[:2] == first[:2]
    assert (again[2].text, again[2].usage, again[2].tool_calls[0].result) == ("done", kt.Usage(8, 5, cost=None), "É")


async def test_a_failure_is_recorded_and_raised_again(tmp_path: Path) -> None:
    failing = ScriptedLLM([ProviderDown("the service is down")])
    await played(RecordingProvider(failing, tmp_path / "run.jsonl"))
    result = (await played(ReplayProvider(tmp_path / "run.jsonl")))[2]
    assert isinstance(result.error, ProviderDown)
    assert result.error.what == "the service is down"


async def test_secrets_are_not_in_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", SECRET)
    file = tmp_path / "run.jsonl"
    says = f"it is {SECRET}, or mine-of-old, or sk-abcdefghijk"
    await played(RecordingProvider(ScriptedLLM([[("same", {"text": says})], says]), file, secrets=["mine-of-old"]))
    text = file.read_text()
    assert [secret for secret in (SECRET, "mine-of-old", "sk-abcdefghijk") if secret in text] == []
    assert (await played(ReplayProvider(file)))[2].text == "it is ***, or ***, or ***"


async def test_another_request_than_the_recorded_one_is_told(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    await played(RecordingProvider(ScriptedLLM(["hello"]), file))
    async with running(ReplayProvider(file)) as agent:
        result = await agent.run("something else")
        assert isinstance(result.error, DataError)
        assert result.error.where == f"{file}:1"
    async with running(ReplayProvider(file, check=False)) as agent:
        assert (await agent.run("something else")).text == "hello"
        assert "only 1 requests were recorded" in str((await agent.run("more")).error)
    assert len(file.read_text().splitlines()) == 1
    json.loads(file.read_text())
