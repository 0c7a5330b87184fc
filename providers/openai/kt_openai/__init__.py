"""OpenAI's Chat Completions, and every service that speaks it."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.add("wire", "chat", "kt_openai.chat:wire", help="Chat Completions")
    registry.add("wire", "responses", "kt_openai.responses:wire", help="OpenAI Responses")
    registry.provider("openai", "kt_openai.provider:openai", help="OpenAI's models", key_env="OPENAI_API_KEY")
    registry.provider("openai-compat", "kt_openai.provider:compatible", help="any compatible address: URL#model")
    registry.add("embedder", "openai", "kt_openai.embeddings:OpenAIEmbedder", help="vectors by POST /embeddings")
