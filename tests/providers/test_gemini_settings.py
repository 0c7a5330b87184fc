"""Settings, tools and the output schema: where the Gemini wire has them, and what an older model gets."""

import json
from typing import Any

import pytest
from gemini_script import sent, text, user
from kt import tool
from kt.errors import ConfigError
from kt_gemini.generate import GenerateOptions

OLD = {"model": "gemini-2.5-flash"}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


@tool(effect="read")
def look(path: str, deep: bool = False) -> str:
    """Look at a path."""
    return path


@tool(effect="read")
def now() -> str:
    """Tell the time."""
    return "12:00"


def config(*, model: str = "gemini-3-pro", output_schema: Any = None, **settings: Any) -> Any:
    return sent(user("hi"), model=model, output_schema=output_schema, settings=settings).get("generationConfig")


def test_a_request_is_its_contents_and_nothing_that_was_not_asked() -> None:
    assert sent(user("hi")) == {"contents": [{"role": "user", "parts": [text("hi")]}]}


def test_settings_go_where_the_wire_has_them() -> None:
    settings = {
        "temperature": 0.5,
        "max_tokens": 9,
        "top_p": 0.1,
        "top_k": 3,
        "stop": "END",
        "seed": 7,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "safetySettings": [],
        "cachedContent": "cachedContents/x",
        "labels": {"a": "b"},
        "generationConfig": {"candidateCount": 1, "seed": 1},
        "responseModalities": None,
    }
    body = sent(user("hi"), system="Be kind.", settings=settings)
    assert body.pop("generationConfig") == {
        "temperature": 0.5,
        "maxOutputTokens": 9,
        "topP": 0.1,
        "topK": 3,
        "stopSequences": ["END"],
        "seed": 7,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "candidateCount": 1,
    }
    assert body.pop("contents")
    assert body == {
        "systemInstruction": {"parts": [text("Be kind.")]},
        "safetySettings": [],
        "cachedContent": "cachedContents/x",
        "labels": {"a": "b"},
    }


@pytest.mark.parametrize(
    ("model", "settings", "thinks"),
    [
        ("gemini-3-pro", {"effort": "low"}, {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("models/gemini-flash-latest", {"effort": "high"}, {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("gemini-2.5-pro", {"effort": "medium"}, {"includeThoughts": True, "thinkingBudget": 8192}),
        ("gemini-2.5-flash", {"effort": "none"}, {"thinkingBudget": 0}),
        ("gemini-3-pro", {"effort": "high", "thinking_budget": 99}, {"includeThoughts": True, "thinkingBudget": 99}),
        ("gemini-3-pro", {"thinking_budget": -1}, {"thinkingBudget": -1}),
        (
            "gemini-3-pro",
            {"effort": "low", "thinkingConfig": {"includeThoughts": False}},
            {"includeThoughts": False, "thinkingLevel": "LOW"},
        ),
        ("gemini-3-pro", {"effort": "low", "thinkingConfig": {"includeThoughts": None}}, {"thinkingLevel": "LOW"}),
        ("gemini-3-pro", {"generationConfig": {"thinkingConfig": {"thinkingBudget": 5}}}, {"thinkingBudget": 5}),
    ],
)
def test_an_effort_is_a_level_or_the_budget_of_a_model_without_levels(
    model: str, settings: dict[str, Any], thinks: dict[str, Any]
) -> None:
    assert config(model=model, **settings)["thinkingConfig"] == thinks


def test_no_effort_asks_for_no_thoughts_and_none_takes_them_away() -> None:
    assert config() is None
    assert config(effort=None) is None
    assert config(effort="low", thinkingConfig=None) is None
    with pytest.raises(ConfigError, match="no effort 'huge'") as caught:
        config(model="gemini-2.5-pro", effort="huge")
    assert "medium" in caught.value.hint


def test_a_schema_is_enforced_where_the_model_can_and_asked_for_where_not() -> None:
    form = {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    assert config(output_schema=SCHEMA) == form
    assert config(model="gemini-2.5-pro", output_schema=SCHEMA) == form
    assert sent(user("hi"), tools=[look], output_schema=SCHEMA)["generationConfig"] == form
    body = sent(user("hi"), tools=[look], output_schema=SCHEMA, system="Be kind.", **OLD)
    assert "generationConfig" not in body
    (told_so,) = body["systemInstruction"]["parts"]
    assert told_so["text"].startswith("Be kind.\n\nGive your final answer as JSON only")
    assert json.dumps(SCHEMA) in told_so["text"]


def test_tools_are_declared_beside_the_services_own() -> None:
    body = sent(user("hi"), tools=[look, now], settings={"tools": [{"googleSearch": {}}]})
    own, ours = body["tools"]
    assert own == {"googleSearch": {}}
    first, second = ours["functionDeclarations"]
    assert first == {"name": "look", "description": "Look at a path.", "parametersJsonSchema": look.parameters}
    assert second["parametersJsonSchema"] == now.parameters
    assert sent(user("hi"), settings={"tools": [{"googleSearch": {}}]})["tools"] == [own]


def test_a_service_that_knows_only_the_subset_gets_it() -> None:
    body = sent(user("hi"), tools=[look, now], output_schema=None, options=GenerateOptions(tool_schema="openapi"))
    first, second = body["tools"][0]["functionDeclarations"]
    assert first["parameters"]["properties"]["path"]["type"] == "string"
    assert "additionalProperties" not in first["parameters"]
    assert second == {"name": "now", "description": "Tell the time."}
    form = sent(user("hi"), output_schema=SCHEMA, options=GenerateOptions(tool_schema="openapi"))["generationConfig"]
    assert "additionalProperties" not in form["responseSchema"]
