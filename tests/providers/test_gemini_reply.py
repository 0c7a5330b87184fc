"""Answers of Gemini: what comes out of chunks that real services sent in odd shapes."""

import json
from typing import Any

import pytest
from gemini_script import ORIGIN, back, call, chunk, feed, played, text, told
from kt import Media, Opaque, ProviderItem, Text, Thinking, Usage
from kt.errors import TruncatedStream
from kt.events import ThinkingDelta
from kt_gemini.generate_reply import GenerateReply, usage_of
from kt_http.errors import ErrorInStream, Malformed

# The end


def test_a_stream_is_whole_once_some_chunk_said_why_it_ended_and_reading_goes_on() -> None:
    for ends in ([0], [0, 1, 2], [2], [0, 2]):
        chunks = [chunk(text(s), finish="STOP" if i in ends else None) for i, s in enumerate(("a", "b", "c"))]
        reply, deltas = played(*chunks)
        assert (reply.finish().text, deltas, reply.done) == ("abc", ["a", "b", "c"], False)


def test_the_end_may_come_alone_and_the_last_word_counts() -> None:
    reply, _ = played(chunk(text("a")), {"candidates": [{"finishReason": "STOP"}]}, {"usageMetadata": {"x": 1}})
    assert reply.finish().finish_raw == "STOP"
    assert told(chunk(text("a"), finish="STOP"), chunk(text("b"), finish="MAX_TOKENS"), chunk()).finish == "length"


@pytest.mark.parametrize("chunks", [[], [chunk(text("Hel"))], [chunk(text("a"), finish="FINISH_REASON_UNSPECIFIED")]])
def test_without_an_end_there_is_no_answer(chunks: list[Any]) -> None:
    reply, _ = played(*chunks)
    with pytest.raises(TruncatedStream):
        reply.finish()
    assert reply.message().finish_raw == ""


@pytest.mark.parametrize(
    ("raw", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "refusal"),
        ("RECITATION", "refusal"),
        ("PROHIBITED_CONTENT", "refusal"),
        ("BLOCKLIST", "refusal"),
        ("SPII", "refusal"),
        ("MODEL_ARMOR", "refusal"),
        ("IMAGE_SAFETY", "refusal"),
        ("UNEXPECTED_TOOL_CALL", "other"),
        ("MALFORMED_FUNCTION_CALL", "other"),
        ("OTHER", "other"),
        ("WHAT_COMES_NEXT_YEAR", "other"),
    ],
)
def test_each_end_has_its_meaning(raw: str, finish: str) -> None:
    message = told(chunk(text("a"), finish=raw))
    assert (message.finish, message.finish_raw) == (finish, raw)
    beside_a_call = told(chunk(call("f", {}), finish=raw))
    assert beside_a_call.finish == ("tool_calls" if raw == "STOP" else finish)


def test_a_prompt_that_is_blocked_is_a_refusal_without_candidates() -> None:
    feedback = {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": []}
    message = told({"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 4}})
    assert (message.finish, message.finish_raw, message.parts) == ("refusal", "", [])
    assert message.x == {"gemini": {"promptFeedback": feedback}}
    reply = GenerateReply()
    reply.feed_body(json.dumps({"promptFeedback": feedback}).encode())
    assert reply.finish().finish == "refusal"


def test_feedback_that_blocks_nothing_ends_nothing() -> None:
    reply, _ = played({"promptFeedback": {"safetyRatings": []}}, chunk(text("a")))
    assert not reply.ended


# Text, thoughts, signatures


def test_text_that_comes_in_pieces_is_one_part_and_thoughts_are_others() -> None:
    thought = [text("I ", thought=True), text("see.", thought=True)]
    reply, deltas = played(*map(chunk, thought), chunk(text("Yes")), chunk(text("!"), finish="STOP"))
    assert [type(d) for d in deltas] == [ThinkingDelta, ThinkingDelta, str, str]
    message = reply.finish()
    assert [(p.kind, p.text) for p in message.parts if isinstance(p, Text | Thinking)] == [
        ("thinking", "I see."),
        ("text", "Yes!"),
    ]
    assert back(message) == [text("I see.", thought=True), text("Yes!")]


def test_a_signature_stays_on_the_very_part_it_came_with() -> None:
    sent = [
        text("a", thought=True),
        text("b", thought=True, thoughtSignature="S1"),
        text("c", thought=True),
        text("d"),
        text("e", thoughtSignature="S2=="),
        text("f"),
        text("", thoughtSignature="S3-_"),
        {"thoughtSignature": "S4"},
        {"thoughtSignature": "S5", "thought": True},
    ]
    message = told(*map(chunk, sent), chunk(text(""), finish="STOP"))
    assert back(message) == sent
    assert message.text == "def"


def test_parts_that_one_chunk_holds_side_by_side_stay_apart() -> None:
    assert back(told(chunk(text("a"), text("b"), finish="STOP"))) == [text("a"), text("b")]


def test_fields_that_nobody_knows_stay_on_their_part() -> None:
    sent = [text("a", thought=False), text("b", partMetadata={"k": 1}), {"novel": {"x": 1}}, {}]
    message = told(*map(chunk, sent), chunk(finish="STOP"))
    assert back(message) == sent
    assert [p.kind for p in message.parts] == ["text", "text", "opaque", "opaque"]
    pieces = told(chunk(text("a", thought=False)), chunk(text("b", thought=False), finish="STOP"))
    assert back(pieces) == [text("ab", thought=False)]


def test_media_code_and_server_tools_are_kept_as_what_they_are() -> None:
    sent: list[Any] = [
        {"inlineData": {"mimeType": "image/png", "data": "AAEC"}, "thoughtSignature": "S"},
        {"fileData": {"fileUri": "https://a.test/f", "mimeType": "audio/wav", "displayName": "f"}},
        {"fileData": {"fileUri": "gs://a/b"}},
        {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "T"},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"toolCall": {"id": "i1", "toolType": "FILE_SEARCH"}},
        {"toolResponse": {"id": "i1", "toolType": "FILE_SEARCH", "response": {}}},
        {"inlineData": {"mimeType": "image/png", "data": "AAEC"}, "thought": True},
        {"inlineData": {"mimeType": "image/png", "data": "-_-_"}},
        {"inlineData": {"mimeType": "image/png"}},
        {"functionResponse": {"name": "f", "response": {}}},
    ]
    message = told(chunk(*sent, finish="STOP"))
    assert back(message) == sent
    kinds = ["media"] * 3 + ["provider_item"] * 4 + ["opaque"] * 4
    assert [p.kind for p in message.parts] == kinds
    first, items = message.parts[0], [p for p in message.parts if isinstance(p, ProviderItem)]
    assert isinstance(first, Media)
    assert (first.mime, first.data) == ("image/png", b"\0\1\2")
    assert [(p.type, p.id) for p in items[2:]] == [("toolCall", "i1"), ("toolResponse", "i1")]
    assert items[0].data is not sent[3]
    assert items[0].x == {"gemini": {"origin": ORIGIN, "thoughtSignature": "T"}}
    assert isinstance(message.parts[-1], Opaque)


def test_the_sources_of_an_answer_are_its_citations() -> None:
    source = {"web": {"uri": "https://a.test", "title": "a"}}
    grounded = chunk(text("b"), text("", thoughtSignature="S"), finish="STOP")
    grounded["candidates"][0]["groundingMetadata"] = {"groundingChunks": [source], "groundingSupports": [{}]}
    message = told(chunk(text("a")), grounded)
    (said, _) = message.parts
    assert isinstance(said, Text)
    assert said.citations == (source,)
    assert (message.x or {})["gemini"]["candidate"][0]["groundingMetadata"]["groundingChunks"] == [source]
    odd = chunk(text("b"), finish="STOP")
    odd["candidates"][0].update(groundingMetadata=[1], citationMetadata={"citations": 5})
    assert told(odd).text == "b"


def test_what_a_candidate_and_a_chunk_say_beside_is_kept() -> None:
    one = chunk(text("a"), createTime="now", modelVersion="m-2", responseId="r")
    one["candidates"][0]["safetyRatings"] = [{"category": "X"}]
    two = chunk(finish="OTHER")
    two["candidates"][0] |= {"safetyRatings": [{"category": "X"}], "finishMessage": "Why."}
    message = told(one, two)
    assert (message.model, message.response_id, message.wire) == ("m-2", "r", "gemini")
    ratings = {"safetyRatings": [{"category": "X"}]}
    assert message.x == {"gemini": {"createTime": "now", "candidate": [ratings, {**ratings, "finishMessage": "Why."}]}}


def test_a_second_candidate_is_not_the_answer() -> None:
    both = chunk(text("a"), finish="STOP")
    both["candidates"].append({"index": 1, "content": {"parts": [text("other")]}, "finishReason": "MAX_TOKENS"})
    assert (told(both).text, told(both).finish) == ("a", "stop")


# Usage, bodies, errors


def test_usage_adds_up_to_the_total_of_the_service() -> None:
    raw = {"promptTokenCount": 95, "candidatesTokenCount": 66, "toolUsePromptTokenCount": 439}
    raw |= {"thoughtsTokenCount": 132, "cachedContentTokenCount": 50, "totalTokenCount": 732}
    assert usage_of(raw) == Usage(input=534, output=198, cached=50, reasoning=132)
    assert usage_of(raw).total == raw["totalTokenCount"]
    odd = {"promptTokenCount": 5.0, "candidatesTokenCount": float("inf"), "thoughtsTokenCount": None}
    assert usage_of(odd) == Usage(input=5)


def test_the_last_usage_counts_and_one_without_counts_is_none() -> None:
    early = chunk(text("a"), usageMetadata={"trafficType": "ON_DEMAND"})
    assert told(early, chunk(finish="STOP")).usage is None
    counts = {"promptTokenCount": 5, "candidatesTokenCount": 1}
    message = told(early, chunk(finish="STOP", usageMetadata=counts), chunk(usageMetadata={}))
    assert (message.usage, message.usage_raw) == (Usage(5, 1), counts)


def test_a_body_is_one_answer_or_a_list_of_chunks() -> None:
    one = [chunk(text("a"), text("b"), finish="STOP")]
    for body in (one[0], one, [chunk(text("a")), chunk(text("b"), finish="STOP")]):
        reply = GenerateReply()
        deltas = reply.feed_body(json.dumps(body, indent=2).encode())
        assert (deltas, reply.finish().text, reply.done) == (["a", "b"], "ab", False)
    reply = GenerateReply()
    reply.feed_body(json.dumps(chunk(text("a"))).encode())
    assert reply.finish().finish == "stop"


def test_a_body_without_an_answer_is_none() -> None:
    for body in ([], [chunk(text("a"))], {"candidates": [], "usageMetadata": {"promptTokenCount": 1}}):
        reply = GenerateReply()
        reply.feed_body(json.dumps(body).encode())
        with pytest.raises(TruncatedStream):
            reply.finish()
    with pytest.raises(ErrorInStream):
        GenerateReply().feed_body(b'{"detail": "no such thing"}')


def test_an_error_inside_an_answer_is_the_services_own() -> None:
    error = {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}
    reply, _ = played(chunk(text("a")))
    with pytest.raises(ErrorInStream) as caught:
        feed(reply, {"error": error})
    assert caught.value.data == error
    assert reply.message().text == "a"
    for body in ({"error": error}, [{"error": error}]):
        with pytest.raises(ErrorInStream) as caught:
            GenerateReply().feed_body(json.dumps(body).encode())
        assert caught.value.data == error


@pytest.mark.parametrize(
    "data",
    [
        b"garbage",
        b'{"candidates": [{"content": {"parts": [{"text"',
        b"\xff\xfe",
        b"5",
        b'"text"',
        b"[1]",
        b'{"candidates": 5}',
        b'{"candidates": [5]}',
        b'{"candidates": [{"content": 5}]}',
        b'{"candidates": [{"content": {"parts": [5]}}]}',
        b'{"candidates": [{"content": {"parts": [{"text": 5}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"functionCall": {"args": {}}}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"functionCall": {}}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"functionCall": {"name": ""}}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"functionCall": 5}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": 5}}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"executableCode": 5}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"inlineData": 5}]}}]}',
        b'{"usageMetadata": 5}',
        b'{"promptFeedback": 5}',
        b"[" * 100000,
    ],
)
def test_what_is_no_chunk_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        GenerateReply().feed("message", data)
    with pytest.raises((Malformed, ErrorInStream)):
        GenerateReply().feed_body(data)


def test_what_fills_a_silence_is_nothing() -> None:
    reply, _ = played(chunk(text("a"), finish="STOP"))
    assert reply.feed("message", b"") == reply.feed("message", b"[DONE]") == []
    assert reply.finish().text == "a"
