"""Recorded answers of Responses services give what was really said, under every chunking, and go back as they came."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kt import Message, Part, ProviderItem, Thinking, ToolCall
from kt.events import ThinkingDelta
from kt_http.errors import ErrorInStream
from kt_http.sse import SSEReader
from kt_openai.responses_items import items_of, parts_of
from kt_openai.responses_reply import ResponsesReply

ROOT = Path(__file__).parents[2]
OWN = sorted((ROOT / "tests/data/responses").glob("*.json"))
SHARED = ROOT.parent / "shared/wire-samples/responses"
ALL = sorted(SHARED.glob("*/*.json"))
DELTAS_LEFT_OUT = ("packages/openai/src/responses/__fixtures__/openai-shell-container.1.chunks.txt",)
"""Recordings from which whoever took them dropped some deltas; the finished item tells all."""
ABSENT = f"the recorded answers of all services are not here: {SHARED} is no folder"


def chunkings(body: bytes) -> Iterator[list[bytes]]:
    yield [body]
    yield [body[i : i + 1] for i in range(len(body))]
    yield [body[i : i + 7] for i in range(0, len(body), 7)]
    crlf = body.replace(b"\n", b"\r\n")
    yield [crlf[i : i + 5] for i in range(0, len(crlf), 5)]


def play(pieces: list[bytes]) -> tuple[ResponsesReply, list[Any], ErrorInStream | None]:
    """Return the assembler, the deltas and the error of a stream."""
    reader, reply, deltas = SSEReader(), ResponsesReply("test"), []
    try:
        for event, data in [*(e for piece in pieces for e in reader.feed(piece)), *reader.close()]:
            deltas += reply.feed(event, data)
    except ErrorInStream as error:
        return reply, deltas, error
    return reply, deltas, None


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def arguments(call: ToolCall) -> Any:
    try:
        return json.loads(call.args_text or "{}")
    except ValueError:
        return None


def shown(message: Message, error: object = None) -> dict[str, Any]:
    """Return what a message says in the words of the samples."""
    thoughts = [p for p in message.parts if isinstance(p, Thinking)]
    left = (message.x or {}).get("responses", {})
    return {
        "text": message.text,
        "thinking": "".join(p.text for p in thoughts),
        "encrypted_reasoning_sha256": [sha(p.encrypted) for p in thoughts if p.encrypted],
        "tool_calls": [{"id": c.id, "name": c.name, "arguments": arguments(c)} for c in message.tool_calls],
        "provider_items": [p.type for p in message.parts if isinstance(p, ProviderItem)],
        "refusal": "".join(p.text for p in message.parts if p.kind == "refusal") or None,
        "finish": message.finish_raw or None,
        "incomplete": (left.get("incomplete_details") or {}).get("reason"),
        "error": error,
        "usage_raw": message.usage_raw,
    }


def check(case: dict[str, Any]) -> None:
    expected, body = case["expected"], case["response"]["body"].encode()
    if not case["stream"]:
        reply = ResponsesReply("test")
        reply.feed_body(body)
        assert shown(reply.finish()) == expected
        return
    for pieces in chunkings(body):
        reply, deltas, raised = play(pieces)
        message = reply.message()
        assert shown(message, raised.data if raised else None) == expected
        assert reply.ended is (raised is None)
        streamed = "".join(d for d in deltas if isinstance(d, str))
        assert streamed == message.text or case["source"]["path"] in DELTAS_LEFT_OUT
        assert "".join(d.text for d in deltas if isinstance(d, ThinkingDelta)) == expected["thinking"]
        early = [d for d in deltas if isinstance(d, ToolCall)]
        assert all(any(d is call for call in message.parts) for d in early)
        assert len(early) == len(message.tool_calls)


def items(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every output item that a recorded answer has."""
    if not case["stream"]:
        yield from json.loads(case["response"]["body"])["output"]
        return
    for event, data in SSEReader().feed(case["response"]["body"].encode() + b"\n\n"):
        if not data.startswith(b"[DONE]") and "item" in (table := json.loads(data)):
            yield table["item"]
        elif event == "response.completed":
            yield from table["response"]["output"]


def round_trip(item: dict[str, Any]) -> list[dict[str, Any]]:
    parts: list[Part] = parts_of(item, "test")
    return list(items_of(parts, "test"))


@pytest.mark.parametrize("path", OWN, ids=lambda p: p.stem)
def test_each_sample_of_ours_says_what_was_said(path: Path) -> None:
    check(json.loads(path.read_text()))


@pytest.mark.parametrize("path", ALL or [None], ids=lambda p: p.stem if p else "absent")
def test_each_recorded_sample_says_what_was_said(path: Path | None) -> None:
    if path is None:
        pytest.skip(ABSENT)
    check(json.loads(path.read_text()))


@pytest.mark.parametrize("path", ALL or OWN, ids=lambda p: p.stem)
def test_each_item_goes_back_as_it_came(path: Path) -> None:
    for item in items(json.loads(path.read_text())):
        assert round_trip(item) == [item]


@pytest.mark.parametrize("path", ALL or OWN, ids=lambda p: p.stem)
def test_a_whole_answer_goes_back_item_by_item(path: Path) -> None:
    case = json.loads(path.read_text())
    if case["stream"]:
        reply, _, raised = play([case["response"]["body"].encode()])
        done: dict[int, Any] = {}
        for _, data in SSEReader().feed(case["response"]["body"].encode() + b"\n\n"):
            table = {} if data.startswith(b"[DONE]") else json.loads(data)
            if table.get("type") == "response.output_item.done":
                done[table["output_index"]] = table["item"]
        sent = [done[place] for place in sorted(done)]
    else:
        reply, raised, sent = ResponsesReply("test"), None, json.loads(case["response"]["body"])["output"]
        reply.feed_body(case["response"]["body"].encode())
    assert list(items_of(reply.message().parts, "test")) == sent or raised


def test_our_samples_carry_their_licence() -> None:
    assert len(OWN) >= 4
    assert {json.loads(p.read_text())["source"]["licence"] for p in OWN} <= {"MIT", "Apache-2.0"}
