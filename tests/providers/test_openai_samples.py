"""Recorded answers of real services give what was really said, under every chunking."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kt import Message, Thinking, ToolCall
from kt.events import ThinkingDelta
from kt_http.errors import ErrorInStream, Transient, failure
from kt_http.sse import SSEReader
from kt_openai.chat_reply import ChatReply

ROOT = Path(__file__).parents[2]
OWN = sorted((ROOT / "tests/data/chat").glob("*.json"))
SHARED = ROOT.parent / "shared/wire-samples/chat"
ALL = sorted(SHARED.glob("*/*.json"))
ABSENT = f"the recorded answers of all services are not here: {SHARED} is no folder"


def chunkings(body: bytes) -> Iterator[list[bytes]]:
    yield [body]
    yield [body[i : i + 1] for i in range(len(body))]
    yield [body[i : i + 7] for i in range(0, len(body), 7)]
    crlf = body.replace(b"\n", b"\r\n")
    yield [crlf[i : i + 5] for i in range(0, len(crlf), 5)]


def play(pieces: list[bytes]) -> tuple[ChatReply, list[Any], ErrorInStream | None]:
    """Return the assembler, the deltas and the error of a stream."""
    reader, reply, deltas = SSEReader(), ChatReply("test"), []
    try:
        for event, data in [*(e for piece in pieces for e in reader.feed(piece)), *reader.close()]:
            deltas += reply.feed(event, data)
    except ErrorInStream as error:
        return reply, deltas, error
    return reply, deltas, None


def shown(message: Message) -> dict[str, Any]:
    """Return what a message says in the words of the samples."""
    calls = [{"id": c.id, "name": c.name, "arguments": json.loads(c.args_text or "{}")} for c in message.tool_calls]
    refusals = [p.text for p in message.parts if p.kind == "refusal"]
    return {
        "text": message.text,
        "thinking": "".join(p.text for p in message.parts if isinstance(p, Thinking)),
        "tool_calls": calls,
        "refusal": "".join(refusals) or None,
        "finish": message.finish_raw or None,
        "usage_raw": message.usage_raw,
    }


def check_stream(case: dict[str, Any]) -> None:
    expected = {**case["expected"], "finish": case["expected"].get("finish") or None}
    error = expected.pop("error", None)
    for pieces in chunkings(case["response"]["body"].encode()):
        reply, deltas, raised = play(pieces)
        message = reply.message()
        assert shown(message) == expected
        assert (raised.data if raised else None) == error
        assert reply.ended is (error is None)
        assert "".join(d for d in deltas if isinstance(d, str)) == message.text
        assert "".join(d.text for d in deltas if isinstance(d, ThinkingDelta)) == expected["thinking"]
        early = [d for d in deltas if isinstance(d, ToolCall)]
        assert all(any(d is call for call in message.parts) for d in early)
        assert len(early) == len(message.tool_calls)


def check_body(case: dict[str, Any]) -> None:
    response, expected = case["response"], case["expected"]
    if response["status"] >= 300:
        error = failure(response["status"], response["headers"], response["body"].encode(), now=0.0)
        assert expected["error"]["message"] in str(error)
        assert isinstance(error, Transient) is (response["status"] == 429)
        return
    reply = ChatReply("test")
    reply.feed_body(response["body"].encode())
    assert shown(reply.finish()) == {**expected, "finish": expected["finish"] or None}


@pytest.mark.parametrize("path", OWN, ids=lambda p: p.stem)
def test_each_sample_of_ours_says_what_was_said(path: Path) -> None:
    case = json.loads(path.read_text())
    check_stream(case) if case["stream"] else check_body(case)


@pytest.mark.parametrize("path", ALL or [None], ids=lambda p: p.stem if p else "absent")
def test_each_recorded_sample_says_what_was_said(path: Path | None) -> None:
    if path is None:
        pytest.skip(ABSENT)
    case = json.loads(path.read_text())
    check_stream(case) if case["stream"] else check_body(case)


def test_our_samples_carry_their_licence() -> None:
    assert len(OWN) >= 4
    assert {json.loads(p.read_text())["source"]["licence"] for p in OWN} <= {"MIT", "Apache-2.0"}
