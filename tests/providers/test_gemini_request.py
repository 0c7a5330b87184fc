"""Requests of the Gemini wire: what is sent, what other services' messages become, and what Google's SDK thinks."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from gemini_script import ORIGIN, back, call, chunk, sent, text, told, user
from kt import Media, Message, Opaque, ProviderItem, Refusal, Request, Text, Thinking, ToolCall, ToolResult, tool
from kt.errors import ConfigError
from kt_gemini.generate import NO_SIGNATURE, GenerateOptions, GenerateWire, build, wire

OLD = {"model": "gemini-2.5-flash"}
PNG = Media("image/png", b"\0\1\2")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


@tool(effect="read")
def look(path: str, deep: bool = False) -> str:
    """Look at a path."""
    return path


@tool(effect="read")
def now() -> str:
    """Tell the time."""
    return "12:00"


def results(*given: ToolResult) -> Message:
    return Message("tool", list(given))


# The wire


def test_the_path_names_the_model_with_and_without_its_prefix() -> None:
    path = GenerateWire().path
    assert path("gemini-x") == path("models/gemini-x") == "/models/gemini-x:streamGenerateContent?alt=sse"
    assert path("tunedModels/mine") == "/tunedModels/mine:streamGenerateContent?alt=sse"
    assert path("a?b#c") == "/models/a%3Fb%23c:streamGenerateContent?alt=sse"


def test_the_models_of_a_list_are_those_that_answer() -> None:
    listed: list[Any] = [{"name": "models/a"}, {"name": "models/b", "supportedGenerationMethods": ["generateContent"]}]
    listed.append({"name": "models/e", "supportedGenerationMethods": ["embedContent"]})
    assert GenerateWire().models(json.dumps({"models": listed}).encode()) == ["a", "b"]
    with pytest.raises(KeyError):
        GenerateWire().models(b"{}")


@pytest.mark.parametrize(
    ("quirks", "words"),
    [
        ({"tool_schema": "xml"}, "tool_schema"),
        ({"generation": "2"}, "generation"),
        ({"foreign_signature": None}, "foreign_signature"),
        ({"generatoin": 2}, "generatoin"),
    ],
)
def test_a_wrong_quirk_is_said_at_build(quirks: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        wire("api.test", quirks)
    assert caught.value.hint


def test_a_quirk_may_say_what_the_name_of_a_model_does_not() -> None:
    made = wire("api.test", {"generation": 2})
    body = json.loads(made.build(Request([user("hi")], settings={"effort": "low"}), "my-deployment"))
    assert body["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 1024
    assert made.name == "gemini"
    assert made.auth == {"x-goog-api-key": "{}"}


# Results


def test_the_results_of_a_turn_are_one_content_even_from_several_messages() -> None:
    asked = told(chunk(call("look", {"path": "a"}, id="fc-1"), call("look", {"path": "b"}), finish="STOP"))
    one, two = asked.tool_calls
    first = ToolResult(one.id, [Text("A")], name="look")
    second = ToolResult(two.id, [Text("no"), Text("!")], is_error=True)
    responses = [
        {"functionResponse": {"id": "fc-1", "name": "look", "response": {"output": "A"}}},
        {"functionResponse": {"name": "look", "response": {"error": "no!"}}},
    ]
    for messages in ([results(first, second)], [results(first), results(second)]):
        contents = sent(user("hi"), asked, *messages, user("and?"))["contents"]
        assert [c["role"] for c in contents] == ["user", "model", "user", "user"]
        assert contents[2]["parts"] == responses
        assert contents[1]["parts"] == [call("look", {"path": "a"}, id="fc-1"), call("look", {"path": "b"})]


def test_media_of_a_result_stand_inside_it_or_beside_for_an_old_model() -> None:
    asked = told(chunk(call("look", {}), finish="STOP"))
    wav = Media("audio/wav", b"\0")
    done = results(ToolResult(asked.tool_calls[0].id, [Text("see"), PNG, wav], name="look"))
    image = {"inlineData": {"mimeType": "image/png", "data": "AAEC"}}
    sound = {"inlineData": {"mimeType": "audio/wav", "data": "AA=="}}
    label = text("What the tool call look returned:")
    said = {"name": "look", "response": {"output": "see"}}
    modern = sent(user("hi"), asked, done)["contents"][-1]["parts"]
    assert modern == [{"functionResponse": {**said, "parts": [image]}}, label, sound]
    old = sent(user("hi"), asked, done, **OLD)["contents"][-1]["parts"]
    assert old == [{"functionResponse": said}, label, image, sound]


def test_a_result_of_no_known_call_has_a_name_all_the_same() -> None:
    (said,) = sent(results(ToolResult("x", [Text("A")])))["contents"][0]["parts"]
    assert said == {"functionResponse": {"name": "unknown", "response": {"output": "A"}}}


def test_the_nearest_call_of_an_id_gives_the_name() -> None:
    ask = [Message("assistant", [ToolCall("c", name, "{}")]) for name in ("old", "new")]
    answers = [results(ToolResult("c", [Text(t)])) for t in "12"]
    contents = sent(ask[0], answers[0], ask[1], answers[1])["contents"]
    assert [c["parts"][0]["functionResponse"]["name"] for c in contents[1::2]] == ["old", "new"]


# Messages


def test_media_go_as_data_or_address_with_what_the_user_adds() -> None:
    video = Media("video/mp4", url="https://a.test/v", x={"gemini": {"part": {"videoMetadata": {"fps": 2}}}})
    stored = Media("application/pdf", file_id="https://a.test/files/1")
    assert sent(user("see", PNG, video, stored, Media("", url="gs://a")))["contents"][0]["parts"] == [
        text("see"),
        {"inlineData": {"mimeType": "image/png", "data": "AAEC"}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "https://a.test/v"}, "videoMetadata": {"fps": 2}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://a.test/files/1"}},
        {"fileData": {"fileUri": "gs://a"}},
    ]


def test_messages_that_say_nothing_are_not_sent() -> None:
    silent = told(chunk(text(""), finish="STOP"))
    assert sent(user("hi"), silent, user(""), user("so?"))["contents"] == [
        {"role": "user", "parts": [text("hi")]},
        {"role": "user", "parts": [text("so?")]},
    ]
    assert sent(Message("system", [Text("Note.")]))["contents"] == [{"role": "user", "parts": [text("Note.")]}]


def foreign() -> Message:
    own = {"chat": {"origin": "x"}, "anthropic": {"origin": "y"}}
    return Message(
        "assistant",
        [
            Thinking("hm", "sig", x=own),
            ProviderItem("web_search", "w", {"q": 1}, x=own),
            Opaque("new", {"a": 1}, x=own),
            Text("Hello", citations=({"url": "u"},), x=own),
            Refusal("But no."),
            PNG,
            ToolCall("call_1", "look", '{"path":"a"}', x=own),
            ToolCall("call_2", "look", ""),
            ToolCall("call_3", "look", '{"path":'),
        ],
        wire="chat",
    )


def test_a_message_of_another_service_is_told_without_what_only_that_one_knows() -> None:
    calls = [call("look", {"path": "a"}), call("look", {}), call("look", {})]
    plain = [text("Hello"), text("But no."), {"inlineData": {"mimeType": "image/png", "data": "AAEC"}}]
    stand_in = {**calls[0], "thoughtSignature": NO_SIGNATURE}
    assert back(foreign()) == [*plain, stand_in, *calls[1:]]
    assert back(foreign(), **OLD) == [*plain, *calls]
    assert back(foreign(), options=GenerateOptions(foreign_signature="")) == [*plain, *calls]
    answered = results(ToolResult("call_1", [Text("A")], name="look"))
    (said,) = sent(foreign(), answered)["contents"][1]["parts"]
    assert "id" not in said["functionResponse"]


def test_what_another_address_signed_stays_there() -> None:
    asked = told(
        chunk(
            text("t", thought=True, thoughtSignature="T"),
            {"executableCode": {"code": "1"}},
            text("a", thoughtSignature="S"),
            {**call("f", {}, id="i"), "thoughtSignature": "U"},
            finish="STOP",
        )
    )
    other = GenerateOptions(origin="elsewhere.test")
    assert back(asked, options=other) == [text("a"), {**call("f", {}), "thoughtSignature": NO_SIGNATURE}]
    assert len(back(asked)) == 4


def test_a_message_is_encoded_once_for_each_way_of_saying_it() -> None:
    messages = [user("hi"), foreign(), results(ToolResult("call_1", [PNG], name="look"))]
    request = Request(messages)
    build(request, "gemini-3-pro")
    kept = [dict(m.encoded or {}) for m in messages]
    messages[1].parts = []  # what was sent is not looked at again
    assert b"Hello" in build(request, "gemini-4-pro")
    assert [m.encoded for m in messages] == kept
    assert b"Hello" not in build(request, "gemini-2.5-pro")
    assert [len(m.encoded or {}) for m in messages] == [2, 2, 2]


# Google's own SDK


def validated(body: dict[str, Any]) -> None:
    """Let the types of Google's SDK, which forbid unknown fields, read a body."""
    types = pytest.importorskip("google.genai.types", reason="install the development dependency google-genai")
    assert types.Content.model_config["extra"] == "forbid"
    for content in [*body.pop("contents"), *([body.pop("systemInstruction")] if "systemInstruction" in body else [])]:
        types.Content.model_validate(content)
    for one in body.pop("tools", []):
        types.Tool.model_validate(one)
    for one in body.pop("safetySettings", []):
        types.SafetySetting.model_validate(one)
    types.GenerationConfig.model_validate(body.pop("generationConfig", {}))
    types.ToolConfig.model_validate(body.pop("toolConfig", {}))
    assert body.keys() <= {"cachedContent", "labels", "serviceTier"}
    assert body.keys() <= {
        types.GenerateContentConfig.model_fields[k].alias for k in types.GenerateContentConfig.model_fields
    }


SETTINGS = {
    "temperature": 0.5,
    "max_tokens": 9,
    "top_p": 0.1,
    "top_k": 3,
    "stop": ["END"],
    "seed": 7,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.1,
    "responseModalities": ["TEXT"],
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look"]}},
    "cachedContent": "cachedContents/x",
    "labels": {"a": "b"},
    "tools": [{"googleSearch": {}}, {"codeExecution": {}}, {"urlContext": {}}],
}


@pytest.mark.parametrize("model", ["gemini-3-pro", "gemini-2.5-flash"])
@pytest.mark.parametrize("form", ["json", "openapi"])
@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high"])
def test_googles_sdk_takes_a_body_with_everything_in_it(model: str, form: Any, effort: str) -> None:
    asked = told(
        chunk(
            text("hm", thought=True, thoughtSignature="c2ln"),
            text("a"),
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
            {"inlineData": {"mimeType": "image/png", "data": "AAEC"}},
            {**call("look", {"path": "a"}, id="fc-1"), "thoughtSignature": "c2ln"},
            call("now"),
            finish="STOP",
        )
    )
    one, two = asked.tool_calls
    done = results(
        ToolResult(one.id, [Text("A"), PNG, Media("video/mp4", b"v")]), ToolResult(two.id, [], is_error=True)
    )
    others = results(*(ToolResult(f"call_{n}", [Text("x")], name="look") for n in (1, 2, 3)))
    history = [user("hi", PNG, Media("video/mp4", url="gs://a/b")), asked, done, foreign(), others]
    options = GenerateOptions(origin=ORIGIN, tool_schema=form)
    for tools in ([], [look, now]):
        fields: dict[str, Any] = {"system": "Be kind.", "settings": {**SETTINGS, "effort": effort}}
        validated(sent(*history, model=model, options=options, tools=tools, output_schema=SCHEMA, **fields))
