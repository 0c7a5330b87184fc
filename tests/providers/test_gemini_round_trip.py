"""The law of the wire: what the service sent goes back as it came, whatever it was and however it was cut."""

import base64
import json
from typing import Any

from gemini_script import ORIGIN, back, chunk
from hypothesis import given
from hypothesis import strategies as st
from kt import ToolCall
from kt_gemini.generate_reply import GenerateReply
from kt_http.errors import ErrorInStream, Malformed
from kt_http.sse import SSEReader

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SIGNATURES = st.binary(min_size=1, max_size=12).map(lambda b: base64.b64encode(b).decode())
FIELDS = st.dictionaries(st.sampled_from(["partMetadata", "videoMetadata", "novel"]), st.dictionaries(WORDS, WORDS))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
ARGS = st.dictionaries(WORDS, JSON, max_size=4)


def signed(part: Any) -> Any:
    return st.tuples(part, st.none() | SIGNATURES, FIELDS).map(
        lambda t: {**t[0], **t[2], **({"thoughtSignature": t[1]} if t[1] else {})}
    )


TEXTS = signed(st.fixed_dictionaries({"text": WORDS}, optional={"thought": st.booleans()}))
CALLS = signed(
    st.fixed_dictionaries({"name": WORDS.filter(bool)}, optional={"args": ARGS, "id": WORDS, "novel": JSON}).map(
        lambda c: {"functionCall": c}
    )
)
BLOBS = signed(
    st.fixed_dictionaries(
        {"mimeType": st.sampled_from(["image/png", "audio/wav"]), "data": SIGNATURES},
        optional={"displayName": WORDS, "novel": JSON},
    ).map(lambda b: {"inlineData": b})
)
FILES = signed(
    st.fixed_dictionaries({"fileUri": WORDS}, optional={"mimeType": WORDS, "displayName": WORDS}).map(
        lambda f: {"fileData": f}
    )
)
ITEMS = signed(
    st.tuples(
        st.sampled_from(["executableCode", "codeExecutionResult", "toolCall", "toolResponse", "novelty"]),
        st.dictionaries(WORDS, JSON, max_size=3),
    ).map(lambda t: {t[0]: t[1]})
)
PARTS = st.lists(TEXTS | CALLS | BLOBS | FILES | ITEMS, max_size=6)


@given(PARTS)
def test_each_part_goes_back_as_it_came(parts: list[Any]) -> None:
    reply = GenerateReply(ORIGIN)
    body = json.dumps(chunk(*parts, finish="STOP")).encode()
    reply.feed_body(body)
    expected = [p for p in parts if p.get("text") != "" or not p.keys() <= {"text", "thought"}]
    assert back(reply.finish()) == expected


@given(st.lists(st.tuples(st.booleans(), st.lists(WORDS, min_size=1, max_size=4)), max_size=5))
def test_text_and_thoughts_in_pieces_are_joined(runs: list[tuple[bool, list[str]]]) -> None:
    reply, expected = GenerateReply(ORIGIN), []
    for thinks, pieces in runs:
        fields = {"thought": True} if thinks else {}
        for piece in pieces:
            reply.feed("message", json.dumps(chunk({"text": piece, **fields})).encode())
        if expected and (expected[-1].get("thought") or False) is thinks:
            expected[-1]["text"] += "".join(pieces)
        else:
            expected.append({"text": "".join(pieces), **fields})
    assert back(reply.message()) == [item for item in expected if item["text"]]


def paths(value: Any, path: str = "$") -> list[tuple[str, Any]]:
    """Return the path and value of each leaf, as the service streams them."""
    if isinstance(value, dict) and value:
        quoted = [(k.replace("\\", "\\\\").replace("'", "\\'"), v) for k, v in value.items()]
        return [leaf for name, inner in quoted for leaf in paths(inner, f"{path}['{name}']")]
    if isinstance(value, list) and value:
        return [leaf for place, inner in enumerate(value) for leaf in paths(inner, f"{path}[{place}]")]
    return [(path, value)]


def pieces_of(path: str, value: Any, size: int) -> list[dict[str, Any]]:
    if isinstance(value, str):
        cut = [value[i : i + size] for i in range(0, len(value), size)]
        return [{"jsonPath": path, "stringValue": s, "willContinue": True} for s in cut] + [
            {"jsonPath": path, "stringValue": ""}
        ]
    kind = "nullValue" if value is None else "boolValue" if isinstance(value, bool) else "numberValue"
    return [{"jsonPath": path, kind: "NULL_VALUE" if value is None else value}]


LEAVES = st.none() | st.booleans() | st.integers(-99, 99) | WORDS
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(WORDS, inner, min_size=1, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(WORDS, TREES, min_size=1, max_size=4), st.integers(1, 5))
def test_arguments_in_pieces_are_the_arguments(args: dict[str, Any], size: int) -> None:
    reply, deltas = GenerateReply(ORIGIN), []
    pieces = [piece for path, value in paths(args) for piece in pieces_of(path, value, size)]
    calls = [{"name": "f", "willContinue": True}, *({"partialArgs": [p], "willContinue": True} for p in pieces), {}]
    for call in calls:
        deltas += reply.feed("message", json.dumps(chunk({"functionCall": call})).encode())
    (made,) = reply.message().tool_calls
    assert json.loads(made.args_text) == args
    assert deltas[-1] is made
    assert "".join(d.text for d in deltas if not isinstance(d, ToolCall)) == made.args_text
    assert back(reply.message()) == [{"functionCall": {"name": "f", "args": args}}]


@given(st.lists(WORDS, min_size=1, max_size=5), st.integers(1, 9), st.sampled_from(["\n", "\r\n", "\r"]))
def test_no_chunking_changes_what_was_said(said: list[str], size: int, line: str) -> None:
    told = [json.dumps(chunk({"text": s}, finish="STOP"), ensure_ascii=False) for s in said]
    body = "".join(f"data: {one}{line}{line}" for one in told).encode()
    reader, reply = SSEReader(), GenerateReply(ORIGIN)
    for at in range(0, len(body), size):
        for event, data in reader.feed(body[at : at + size]):
            reply.feed(event, data)
    for event, data in reader.close():
        reply.feed(event, data)
    assert reply.finish().text == "".join(said)


NAMES = "candidates content parts text thought thoughtSignature functionCall name args partialArgs jsonPath stringValue"
NAMES += " inlineData data mimeType fileData fileUri toolCall id usageMetadata promptFeedback finishReason"
NAMES += " groundingMetadata groundingChunks citationMetadata willContinue"
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "$.a", "$[0]", "AAEC", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=4),
    max_leaves=8,
)
ODD_PARTS = st.lists(st.dictionaries(st.sampled_from(NAMES.split()), ODD, max_size=3), max_size=3)


@given(st.lists(ODD | ODD_PARTS.map(lambda parts: chunk(*parts, finish="STOP")), max_size=3))
def test_whatever_comes_is_taken_or_malformed_and_can_be_told_and_sent(chunks: list[Any]) -> None:
    reply = GenerateReply(ORIGIN)
    for one in chunks:
        try:
            reply.feed("message", json.dumps(one).encode())
        except (Malformed, ErrorInStream):
            pass
    for part in back(reply.message()):
        assert isinstance(part, dict)
