"""The model that a provider's key begins with: a current one of middling price, until its user names another."""

from typing import TYPE_CHECKING

from .models import table_of

if TYPE_CHECKING:
    from kt import Plugins

SUGGESTED = {
    "anthropic": "claude-sonnet-5-5",
    "openai-responses": "gpt-6.1-sol",
    "gemini": "gemini-3.8-flash",
    "deepseek": "deepseek-v4-pro",
    "mistral": "mistral-medium-latest",
    "xai": "grok-4.7",
    "glm": "glm-5.3",
    "kimi": "kimi-k3",
    "groq": "openai/gpt-oss-120b",
    "cerebras": "gpt-oss-120b",
    "together": "zai-org/GLM-5.3",
    "fireworks": "accounts/fireworks/models/kimi-k3",
    "openrouter": "anthropic/claude-sonnet-5.5",
}
"""By provider; tests hold each name against the catalogue. OpenAI's newest models are made for its Responses wire."""
SUGGESTED_LOGIN = {"codex": "gpt-5-codex"}
"""By provider with a login of its own."""


def suggestions(plugins: "Plugins") -> dict[str, str]:
    """Return the model to begin with of each provider that is there: ours, or the first that its table names."""
    there = sorted({*plugins.registry.names("provider"), *plugins.registry.get("config", "endpoints")()})
    listed = {name: table_of(plugins, name).get("models") for name in there}
    ours = {name: model for name, model in SUGGESTED.items() if name in listed}
    return {**ours, **{name: str(models[0]) for name, models in listed.items() if models}}
