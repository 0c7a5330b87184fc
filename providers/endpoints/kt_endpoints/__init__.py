"""Addresses of model providers: each is a provider whose target is a table of endpoints.toml."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry

KEYS = {
    "anthropic": "ANTHROPIC_API_KEY",
    "cerebras": "CEREBRAS_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "fireworks": "FIREWORKS_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "glm": "ZAI_API_KEY",
    "glm-coding": "ZAI_API_KEY",
    "groq": "GROQ_API_KEY",
    "kimi": "MOONSHOT_API_KEY",
    "kimi-code": "KIMI_API_KEY",
    "llamacpp": None,
    "lmstudio": None,
    "mistral": "MISTRAL_API_KEY",
    "ollama": None,
    "openai-responses": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "together": "TOGETHER_API_KEY",
    "vllm": None,
    "xai": "XAI_API_KEY",
}
"""Each endpoint with the variable its key is looked for first; the tables are read when one is used."""


@hookimpl
def kt_register(registry: "Registry") -> None:
    for name, key in KEYS.items():
        registry.provider(name, f"kt_endpoints.tables:{name}", help=f"the endpoint {name}", table=True, key_env=key)
