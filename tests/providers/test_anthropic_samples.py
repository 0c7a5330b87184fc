"""Recorded answers of Anthropic's service give what was really said, under every chunking, and go back as they came."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Message, ProviderItem, Text, Thinking, ToolCall
from kt.errors import TruncatedStream
from kt.events import ThinkingDelta
from kt_anthropic.blocks import block_of, part_of
from kt_anthropic.reply import MessagesReply
from kt_http.errors import ErrorInStream, Malformed
from kt_http.sse import SSEReader

ROOT = Path(__file__).parents[2]
OWN = sorted((ROOT / "tests/data/anthropic").glob("*.json"))
SHARED = ROOT.parent / "shared/wire-samples/anthropic"
ALL = sorted(SHARED.glob("*/*.json"))
ABSENT = f"the recorded answers of all services are not here: {SHARED} is no folder"


def chunkings(body: bytes) -> Iterator[list[bytes]]:
    yield [body]
    yield [body[i : i + 1] for i in range(len(body))]
    yield [body[i : i + 7] for i in range(0, len(body), 7)]
    crlf = body.replace(b"\n", b"\r\n")
    yield [crlf[i : i + 5] for i in range(0, len(crlf), 5)]


def play(pieces: list[bytes]) -> tuple[MessagesReply, list[Any]]:
    reader, reply, deltas = SSEReader(), MessagesReply("test"), []
    for event, data in [*(e for piece in pieces for e in reader.feed(piece)), *reader.close()]:
        deltas += reply.feed(event, data)
    return reply, deltas


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def shown(message: Message) -> dict[str, Any]:
    """Return what a message says in the words of the samples."""
    thoughts = [p for p in message.parts if isinstance(p, Thinking)]
    texts = [p for p in message.parts if isinstance(p, Text)]
    calls = [{"id": c.id, "name": c.name, "arguments": json.loads(c.args_text or "{}")} for c in message.tool_calls]
    return {
        "text": message.text,
        "text_blocks": len(texts),
        "thinking": "".join(p.text for p in thoughts),
        "signature_sha256": [sha(p.signature) for p in thoughts if p.signature],
        "redacted": sum(p.redacted for p in thoughts),
        "citations": sum(len(p.citations) for p in texts),
        "tool_calls": calls,
        "provider_items": [p.type for p in message.parts if isinstance(p, ProviderItem)],
        "finish": message.finish_raw or None,
        "usage_raw": message.usage_raw,
    }


def check(case: dict[str, Any]) -> None:
    body, expected = case["response"]["body"].encode(), case["expected"]
    if not case["stream"]:
        reply = MessagesReply("test")
        reply.feed_body(body)
        assert shown(reply.finish()) == expected
        return
    for pieces in chunkings(body):
        reply, deltas = play(pieces)
        message = reply.finish()
        assert shown(message) == expected
        assert "".join(d for d in deltas if isinstance(d, str)) == message.text
        assert "".join(d.text for d in deltas if isinstance(d, ThinkingDelta)) == expected["thinking"]
        early = [d for d in deltas if isinstance(d, ToolCall)]
        assert len(early) == len(message.tool_calls)
        assert all(any(d is call for call in message.parts) for d in early)


@pytest.mark.parametrize("path", OWN, ids=lambda p: p.stem)
def test_each_sample_of_ours_says_what_was_said(path: Path) -> None:
    check(json.loads(path.read_text()))


@pytest.mark.parametrize("path", ALL or [None], ids=lambda p: p.stem if p else "absent")
def test_each_recorded_sample_says_what_was_said(path: Path | None) -> None:
    if path is None:
        pytest.skip(ABSENT)
    check(json.loads(path.read_text()))


def sent_blocks(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the blocks of an answer as the service means them, by a plain reading of its events."""
    if not case["stream"]:
        blocks: list[dict[str, Any]] = json.loads(case["response"]["body"])["content"]
        return blocks
    blocks, at, texts = [], dict[int, int](), dict[int, str]()
    for _, data in SSEReader().feed(case["response"]["body"].encode() + b"\n\n"):
        table = json.loads(data)
        if table["type"] == "message_start":
            blocks += table["message"]["content"]
        elif table["type"] == "content_block_start":
            at[table["index"]] = len(blocks)
            blocks.append(dict(table["content_block"]))
        elif table["type"] == "content_block_delta":
            delta, place = table["delta"], at[table["index"]]
            kind = delta["type"].removesuffix("_delta")
            if kind == "input_json":
                texts[place] = texts.get(place, "") + delta["partial_json"]
            elif kind == "citations":
                blocks[place].setdefault("citations", [])
                blocks[place]["citations"] = [*(blocks[place]["citations"] or []), delta["citation"]]
            else:
                blocks[place][kind if kind in delta else "content"] = (
                    blocks[place].get(kind if kind in delta else "content") or ""
                ) + delta[kind if kind in delta else "content"]
    for place, text in texts.items():
        if text:
            blocks[place]["input"] = json.loads(text)
    return blocks


@pytest.mark.parametrize("path", ALL or OWN, ids=lambda p: p.stem)
def test_each_block_goes_back_as_it_came(path: Path) -> None:
    case = json.loads(path.read_text())
    reply = MessagesReply("test")
    if case["stream"]:
        reply, _ = play([case["response"]["body"].encode()])
    else:
        reply.feed_body(case["response"]["body"].encode())
    assert [block_of(part, "test") for part in reply.message().parts] == sent_blocks(case)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
EXTRA = st.dictionaries(st.sampled_from(["caller", "cache_control", "later"]), JSON, max_size=2)
BLOCK = st.one_of(
    st.builds(
        lambda t, c, x: {"type": "text", "text": t, **c, **x},
        st.text(),
        st.sampled_from([{}, {"citations": None}, {"citations": []}, {"citations": [{"type": "c"}]}]),
        EXTRA,
    ),
    st.builds(lambda t, s, x: {"type": "thinking", "thinking": t, "signature": s, **x}, st.text(), st.text(), EXTRA),
    st.builds(lambda d, x: {"type": "redacted_thinking", "data": d, **x}, st.text(), EXTRA),
    st.builds(
        lambda i, x: {"type": "tool_use", "id": "toolu_1", "name": "f", "input": i, **x},
        st.dictionaries(st.text(), JSON),
        EXTRA,
    ),
    st.builds(lambda k, x: {"type": k, "id": "srv_1", **x}, st.sampled_from(["server_tool_use", "unheard_of"]), EXTRA),
)


@given(BLOCK)
def test_any_block_goes_back_as_it_came(block: dict[str, Any]) -> None:
    assert block_of(part_of(block, "test"), "test") == block


def test_an_answer_cut_anywhere_is_never_an_answer() -> None:
    body = json.loads(
        OWN[0].read_text() if "stream" in OWN[0].name else next(p for p in OWN if "tools" in p.stem).read_text()
    )["response"]["body"].encode()
    end = body.index(b"event: message_stop")
    for cut in range(0, end, 11):
        reader, reply = SSEReader(), MessagesReply("test")
        for event, data in reader.feed(body[:cut]):
            reply.feed(event, data)
        with pytest.raises(TruncatedStream):
            reply.finish()


def test_an_error_in_the_stream_and_garbage_are_told_apart() -> None:
    with pytest.raises(ErrorInStream) as caught:
        MessagesReply().feed("error", b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')
    assert caught.value.data == {"type": "overloaded_error", "message": "Overloaded"}
    for data in (b"{", b"[]", b'{"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"x"}}'):
        with pytest.raises(Malformed):
            MessagesReply().feed("message", data)


def test_our_samples_carry_their_licence() -> None:
    assert len(OWN) >= 4
    assert {json.loads(p.read_text())["source"]["licence"] for p in OWN} <= {"MIT", "Apache-2.0"}
