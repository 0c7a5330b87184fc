"""From a request's settings to where the Gemini wire has them: the top level, generationConfig, thinkingConfig."""

import json
from typing import TYPE_CHECKING, Any

from kt.errors import ConfigError

from .schema import reduced

if TYPE_CHECKING:
    from kt import Request

TOP = frozenset(
    {"safetySettings", "toolConfig", "cachedContent", "labels", "tools", "serviceTier", "store", "modelArmorConfig"}
)
NAMES = {
    "max_tokens": "maxOutputTokens",
    "top_p": "topP",
    "top_k": "topK",
    "stop": "stopSequences",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Tokens that Google's own table gives for an effort, of models that know no level."""


def settings_of(request: "Request", generation: int, *, openapi: bool = False) -> dict[str, Any]:
    """Return the body without contents and functions. Raises ConfigError for an effort that the model has not.

    What is a field of the top level goes there, all else into generationConfig: under its name here if it has a common
    one (max_tokens, top_p, top_k, stop ...), as it is otherwise.
    """
    given = dict(request.settings)
    config, system = _form(request, generation, openapi=openapi)
    thinking = _thinking(given.pop("effort", None), given.pop("thinking_budget", None), generation)
    own = given.pop("thinkingConfig", {})
    config |= given.pop("generationConfig", None) or {}
    body: dict[str, Any] = {"systemInstruction": {"parts": [{"text": system}]} if system else None}
    for name, value in given.items():
        if name in TOP:
            body[name] = value
        else:
            many = name == "stop" and isinstance(value, str)
            config[NAMES.get(name, name)] = [value] if many else value
    if own is not None and (thinks := _without_none({**thinking, **(config.get("thinkingConfig") or {}), **own})):
        config["thinkingConfig"] = thinks
    body["generationConfig"] = _without_none(config) or None
    return _without_none(body)


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if value is not None}


def _form(request: "Request", generation: int, *, openapi: bool) -> tuple[dict[str, Any], str]:
    """Return the fields that make the answer fit the schema, and the system prompt.

    Models before the third generation refuse a schema beside functions: there the prompt asks for it.
    """
    schema, system = request.output_schema, request.system
    if schema is None:
        return {}, system
    if generation < 3 and request.tools:
        rule = f"Give your final answer as JSON only, fitting this schema: {json.dumps(schema, ensure_ascii=False)}"
        return {}, f"{system}\n\n{rule}".strip()
    form = {"responseSchema": reduced(schema)} if openapi else {"responseJsonSchema": schema}
    return {"responseMimeType": "application/json", **form}, system


def _thinking(effort: Any, budget: Any, generation: int) -> dict[str, Any]:
    """Return thinkingConfig for an effort, or a budget in tokens, which is more exact and so wins."""
    asked = {"includeThoughts": True}
    if budget is not None:
        return {**(asked if effort not in (None, "none") else {}), "thinkingBudget": budget}
    if effort is None:
        return {}
    if effort == "none":
        return {"thinkingBudget": 0}
    if generation >= 3:
        return {**asked, "thinkingLevel": str(effort).upper()}
    if effort not in BUDGETS:
        known = ", ".join(BUDGETS)
        raise ConfigError(f"the model has no effort {effort!r}", hint=f"{known}; or a thinking_budget in tokens")
    return {**asked, "thinkingBudget": BUDGETS[effort]}
