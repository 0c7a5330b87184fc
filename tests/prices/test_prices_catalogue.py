"""What the table knows is what the arithmetic says, and what it does not know is unknown, never 0."""

import subprocess
import sys
from typing import Any

import pytest
from kt import Host, Message, Text, Usage
from kt_prices.catalogue import Catalogue, catalogue_name, context_of, price_of, terms_of

M = 1e-6
"""Prices are USD for a million tokens."""


@pytest.mark.parametrize(
    ("provider", "model", "cost"),
    [
        ("openai", "gpt-4.1-mini", (700 * 0.4 + 300 * 0.1 + 100 * 1.6) * M),
        ("openai", "gpt-5-2025-08-07", (700 * 1.25 + 300 * 0.125 + 100 * 10) * M),
        ("anthropic", "claude-haiku-4-5-20251001", (700 * 1 + 300 * 0.1 + 100 * 5) * M),
        ("google", "gemini-2.5-flash", (700 * 0.3 + 300 * 0.03 + 100 * 2.5) * M),
        ("deepseek", "deepseek-v3.1-terminus", (700 * 0.27 + 300 * 0.13 + 100 * 0.95) * M),
        ("openrouter", "anthropic/claude-opus-4.5", (700 * 5 + 300 * 0.5 + 100 * 25) * M),
        ("groq", "openai/gpt-oss-20b", (700 * 0.075 + 300 * 0.0375 + 100 * 0.3) * M),
        ("mistral", "mistral-large-2512", (700 * 0.5 + 300 * 0.05 + 100 * 1.5) * M),
        ("moonshotai", "kimi-k2.5", (700 * 0.6 + 300 * 0.1 + 100 * 3) * M),
        ("zai", "glm-4.6", (700 * 0.6 + 300 * 0.11 + 100 * 2.2) * M),
        ("x-ai", "grok-4-fast-reasoning", (700 * 0.2 + 300 * 0.05 + 100 * 0.5) * M),
        ("cerebras", "gpt-oss-120b", (1000 * 0.35 + 100 * 0.75) * M),  # no price for what is cached: as input
    ],
)
def test_a_thousand_tokens_of_which_300_are_cached_and_a_hundred_back(provider: str, model: str, cost: float) -> None:
    assert price_of(Usage(1000, 100, cached=300), model, provider) == pytest.approx(cost)


def test_what_is_written_to_a_cache_has_its_price() -> None:
    usage = Usage(1000, 100, cached=500, cache_write=200)
    assert price_of(usage, "claude-opus-4-5", "anthropic") == pytest.approx(
        ((1000 - 500 - 200) * 5 + 500 * 0.5 + 200 * 6.25 + 100 * 25) * M
    )


def test_a_long_prompt_is_in_the_dearer_tier() -> None:
    low, high = Usage(200_000, 1000, cached=50_000), Usage(200_001, 1000, cached=50_000)
    assert price_of(low, "claude-sonnet-4-5", "anthropic") == pytest.approx(
        (150_000 * 3 + 50_000 * 0.3 + 1000 * 15) * M
    )
    assert price_of(high, "claude-sonnet-4-5", "anthropic") == pytest.approx(
        (150_001 * 6 + 50_000 * 0.6 + 1000 * 22.5) * M
    )


def test_the_tier_of_several_calls_does_not_follow_from_their_sum() -> None:
    over, under = Usage(300_000, 100), Usage(150_000, 100)
    assert price_of(over, "claude-sonnet-4-5", "anthropic", calls=2) is None
    assert price_of(under, "claude-sonnet-4-5", "anthropic", calls=2) == pytest.approx((150_000 * 3 + 100 * 15) * M)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "no-such-model"),
        ("anthropic", ""),
        ("no-such-provider", "claude-opus-4-5"),
        ("my-anthropic-proxy", "claude-opus-4-5"),
        ("google", "gemma-3"),  # in the table without a price
        ("google", "gemini-embedding-001"),  # has a price for input only
        ("groq", "whisper-large-v3"),  # is paid by the hour
        ("openrouter", "deepseek/deepseek-chat:free"),
    ],
)
def test_what_has_no_price_is_unknown(provider: str, model: str) -> None:
    assert price_of(Usage(1000, 100), model, provider) is None


def told(wire: str, raw: Any, **more: Any) -> Message:
    return Message("assistant", [Text("hi")], wire=wire, usage_raw=raw, **more)


def test_a_service_counts_more_than_tokens() -> None:
    counts = {
        "input_tokens": 300,
        "cache_read_input_tokens": 500,
        "cache_creation_input_tokens": 200,
        "cache_creation": {"ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 150},
        "output_tokens": 100,
        "server_tool_use": {"web_search_requests": 2},
    }
    usage = Usage(1000, 100, cached=500, cache_write=200)
    cost = (300 * 5 + 500 * 0.5 + 50 * 6.25 + 150 * 10 + 100 * 25) * M + 2 * 10 / 1000
    assert price_of(usage, "claude-opus-4-5", "anthropic", reply=told("anthropic", counts)) == pytest.approx(cost)


@pytest.mark.parametrize("raw", [None, [], {}, {"input_tokens": 1, "output_tokens": 1}, {"input_tokens": "many"}])
def test_counts_that_are_not_those_of_the_usage_are_left_alone(raw: Any) -> None:
    assert price_of(Usage(1000, 100), "claude-opus-4-5", "anthropic", reply=told("anthropic", raw)) == pytest.approx(
        (1000 * 5 + 100 * 25) * M
    )


@pytest.mark.parametrize(
    ("reply", "settings", "terms"),
    [
        (None, {}, {}),
        (None, {"service_tier": "flex"}, {"service_tier": "flex"}),
        (told("chat", None, x={"chat": {"service_tier": "default"}}), {"service_tier": "priority"}, {}),
        (told("chat", None, x={"chat": {"service_tier": "flex"}}), {"service_tier": "auto"}, {"service_tier": "flex"}),
        (told("anthropic", {"service_tier": "standard", "speed": "fast"}), {}, {"speed": "fast"}),
        (told("gemini", {"serviceTier": "STANDARD"}), {}, {}),
    ],
)
def test_the_terms_are_those_of_the_answer(reply: Message | None, settings: Any, terms: Any) -> None:
    assert terms_of(reply, settings) == terms


def test_other_terms_have_other_prices_or_unknown_ones() -> None:
    usage = Usage(1000, 100)
    assert price_of(usage, "gpt-5", "openai", terms={"service_tier": "flex"}) == pytest.approx(
        (1000 * 0.625 + 100 * 5) * M
    )
    assert price_of(usage, "gpt-5", "openai", terms={"service_tier": "priority"}) == pytest.approx(
        (1000 * 2.5 + 100 * 20) * M
    )
    assert price_of(usage, "claude-opus-4-5", "anthropic", terms={"service_tier": "priority"}) is None


def test_contexts_are_known_or_not() -> None:
    assert context_of("claude-opus-4-5", "anthropic") == 200_000
    assert context_of("gemini-2.5-pro", "google") is None
    assert context_of("none-such", "google") is None


def test_the_catalogue_knows_names_contexts_and_prices() -> None:
    catalogue = Catalogue(Host().plugins)
    assert "claude-opus-4-5" in catalogue.models("anthropic")
    assert catalogue.models("no-such-provider") == []
    facts = catalogue.facts("anthropic", "claude-opus-4-5")
    assert facts["context"] == "200,000 tokens"
    assert "$5/input MTok" in facts["price"]
    nothing = {"context": "", "price": ""}
    assert catalogue.facts("anthropic", "none-such") == nothing
    assert catalogue.facts("my-anthropic-proxy", "claude-opus-4-5") == nothing


def test_the_price_shown_is_the_one_that_is_paid() -> None:
    from genai_prices import Usage as Counts
    from genai_prices import calc_price
    from genai_prices.data import providers

    catalogue, changing = Catalogue(Host().plugins), []
    for provider in providers:
        if provider.id in ("google", "deepseek", "mistral", "x-ai"):
            changing += [(provider.id, model.id) for model in provider.models if isinstance(model.prices, list)]
    assert changing
    for name, model in changing:
        now = str(calc_price(Counts(), model, provider_id=name).model_price)
        assert catalogue.facts(name, model)["price"] == now


def test_every_endpoint_in_the_table_is_in_the_catalogue() -> None:
    registry = Host().registry
    names = {name: catalogue_name(registry, name, {}) for name in registry.names("provider")}
    known = {name for name in names.values() if name is not None}
    assert {"openai", "anthropic", "google", "deepseek", "openrouter"} <= known
    catalogue = Catalogue(Host().plugins)
    assert [name for name in known if not catalogue.models(name)] == []
    for name in ("local", "scripted", "codex", "ollama", "glm-coding", "none-such"):
        assert catalogue_name(registry, name, {}) is None
    assert catalogue_name(registry, "mine", {"mine": {"catalogue": "openai"}}) == "openai"


@pytest.mark.parametrize("code", ["from kt_cli.main import main; main()", "import kt_prices.prices"])
def test_the_table_is_imported_on_first_use_only(code: str) -> None:
    program = f"import atexit, sys; sys.argv = ['kt', '--help']; atexit.register(lambda: print('USED', 'genai_prices' in sys.modules)); {code}"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "USED False"
