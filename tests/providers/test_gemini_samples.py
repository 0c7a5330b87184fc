"""Recorded answers of Gemini give what was really said, under every chunking, and go back as they came."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gemini_script import ORIGIN, back, streamed
from kt import Message, ProviderItem, Thinking, ToolCall
from kt.events import ThinkingDelta, ToolCallDelta
from kt_gemini.generate_reply import GenerateReply
from kt_http.errors import ErrorInStream, Transient, failure
from kt_http.sse import SSEReader

ROOT = Path(__file__).parents[2]
OWN = sorted((ROOT / "tests/data/gemini").glob("*.json"))
SHARED = ROOT.parent / "shared/wire-samples/gemini"
ALL = sorted(SHARED.glob("*/*.json"))
ABSENT = f"the recorded answers of all services are not here: {SHARED} is no folder"


def chunkings(body: bytes) -> Iterator[list[bytes]]:
    yield [body]
    yield [body[i : i + 1] for i in range(len(body))]
    yield [body[i : i + 7] for i in range(0, len(body), 7)]
    crlf = body.replace(b"\n", b"\r\n")
    yield [crlf[i : i + 5] for i in range(0, len(crlf), 5)]


def play(pieces: list[bytes]) -> tuple[GenerateReply, list[Any], ErrorInStream | None]:
    """Return the assembler, the deltas and the error of a stream."""
    reader, reply, deltas = SSEReader(), GenerateReply(ORIGIN), []
    try:
        for event, data in [*(e for piece in pieces for e in reader.feed(piece)), *reader.close()]:
            deltas += reply.feed(event, data)
    except ErrorInStream as error:
        return reply, deltas, error
    return reply, deltas, None


def signatures(message: Message) -> Iterator[str]:
    """Yield the SHA-256 of each signature, in the order of the parts."""
    for part in message.parts:
        found = part.signature if isinstance(part, Thinking) else (part.x or {})["gemini"].get("thoughtSignature")
        if found:
            yield hashlib.sha256(found.encode()).hexdigest()


def arguments(call: ToolCall) -> Any:
    try:
        return json.loads(call.args_text or "{}")
    except ValueError:
        return None


def shown(message: Message) -> dict[str, Any]:
    """Return what a message says in the words of the samples."""
    return {
        "text": message.text,
        "thinking": "".join(p.text for p in message.parts if isinstance(p, Thinking)),
        "signature_sha256": list(signatures(message)),
        "tool_calls": [{"id": c.id, "name": c.name, "arguments": arguments(c)} for c in message.tool_calls],
        "provider_items": [p.type for p in message.parts if isinstance(p, ProviderItem)],
        "finish": message.finish_raw or None,
        "prompt_feedback": (message.x or {}).get("gemini", {}).get("promptFeedback"),
        "usage_raw": message.usage_raw,
    }


def wanted(case: dict[str, Any], message: Message) -> dict[str, Any]:
    """Return what is expected, with the ids that we made where the service gave none."""
    expected = {k: v for k, v in case["expected"].items() if k != "error"}
    calls = zip(expected["tool_calls"], message.tool_calls, strict=True)
    expected["tool_calls"] = [{**told, "id": told["id"] or made.id} for told, made in calls]
    assert len({c.id for c in message.tool_calls}) == len(message.tool_calls)
    return expected


def check_stream(case: dict[str, Any]) -> None:
    error = case["expected"].get("error")
    for pieces in chunkings(case["response"]["body"].encode()):
        reply, deltas, raised = play(pieces)
        message = reply.message()
        assert shown(message) == wanted(case, message)
        assert (raised.data if raised else None) == error
        assert (reply.ended, reply.done) == (error is None, False)
        assert "".join(d for d in deltas if isinstance(d, str)) == message.text
        assert "".join(d.text for d in deltas if isinstance(d, ThinkingDelta)) == case["expected"]["thinking"]
        early = [d for d in deltas if isinstance(d, ToolCall)]
        assert len(early) == len(message.tool_calls)
        for made in early:
            assert any(made is part for part in message.parts)
            told = [d.text for d in deltas if isinstance(d, ToolCallDelta) and d.id == made.id]
            assert "".join(told) == made.args_text


def check_body(case: dict[str, Any]) -> None:
    response, expected = case["response"], case["expected"]
    if response["status"] >= 300:
        error = failure(response["status"], response["headers"], response["body"].encode(), now=0.0)
        assert expected["error"]["message"] in str(error)
        assert isinstance(error, Transient) is (response["status"] in (429, 500, 503))
        return
    reply = GenerateReply(ORIGIN)
    reply.feed_body(response["body"].encode())
    message = reply.finish()
    assert shown(message) == wanted(case, message)


def check(case: dict[str, Any]) -> None:
    check_stream(case) if case["stream"] else check_body(case)


def said(case: dict[str, Any]) -> list[Any]:
    """Return the parts that the service sent, text and calls that came in pieces as one."""
    body = case["response"]["body"]
    table = streamed(body.encode()) if case["stream"] else json.loads(body)
    calls = iter(case["expected"]["tool_calls"])
    parts: list[Any] = []
    for chunk in table if isinstance(table, list) else [table]:
        for place, item in enumerate(chunk["candidates"][0].get("content", {}).get("parts", [])):
            call = item.get("functionCall")
            last = parts[-1] if parts else {}
            if call is not None and (call == {} or call.keys() & {"partialArgs", "willContinue"}):
                if "name" in call:
                    whole = {"name": call["name"], "args": next(calls)["arguments"]}
                    parts.append({**item, "functionCall": whole})
            elif place == 0 and "text" in item and "text" in last and item.keys() | last.keys() <= {"text", "thought"}:
                parts[-1] = {**last, "text": last["text"] + item["text"]}
            else:
                parts.append(item)
    return [p for p in parts if p != {"text": ""}]


def check_round_trip(case: dict[str, Any]) -> None:
    if case["response"]["status"] >= 300 or case["expected"].get("error"):
        return
    reply = GenerateReply(ORIGIN)
    if case["stream"]:
        reply, _, _ = play([case["response"]["body"].encode()])
    else:
        reply.feed_body(case["response"]["body"].encode())
    assert back(reply.message()) == said(case)


@pytest.mark.parametrize("path", OWN, ids=lambda p: p.stem)
def test_each_sample_of_ours_says_what_was_said(path: Path) -> None:
    check(json.loads(path.read_text()))


@pytest.mark.parametrize("path", ALL or [None], ids=lambda p: p.stem if p else "absent")
def test_each_recorded_sample_says_what_was_said(path: Path | None) -> None:
    if path is None:
        pytest.skip(ABSENT)
    check(json.loads(path.read_text()))


@pytest.mark.parametrize("path", ALL or OWN, ids=lambda p: p.stem)
def test_each_answer_goes_back_part_by_part(path: Path) -> None:
    check_round_trip(json.loads(path.read_text()))


@pytest.mark.parametrize("path", [p for p in ALL or OWN if json.loads(p.read_text())["stream"]], ids=lambda p: p.stem)
def test_no_stream_that_is_cut_is_an_answer(path: Path) -> None:
    chunks = streamed(json.loads(path.read_text())["response"]["body"].encode())
    for end in range(len(chunks)):
        reply = GenerateReply(ORIGIN)
        for one in chunks[:end]:
            reply.feed("message", json.dumps(one).encode())
        assert reply.ended is any(c["candidates"][0].get("finishReason") for c in chunks[:end])
        reply.message()


def test_our_samples_carry_their_licence() -> None:
    assert len(OWN) >= 4
    assert {json.loads(p.read_text())["source"]["licence"] for p in OWN} <= {"MIT", "Apache-2.0"}
