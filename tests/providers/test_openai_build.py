"""Building the providers: whose key goes where, and what is wrong said at once."""

from collections.abc import Mapping
from typing import Any

import pytest
from kt import Host
from kt.errors import ConfigError
from kt_http.transport import Clocks
from kt_openai.provider import compatible, openai


def test_openai_without_its_key_says_which_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY is not set") as caught:
        openai("gpt-x", {}, Host())
    assert caught.value.exit_code == 78
    assert "export OPENAI_API_KEY" in caught.value.hint


def test_openai_without_a_model_says_how_one_is_named() -> None:
    with pytest.raises(ConfigError, match="no model is named"):
        openai("", {}, Host())


def test_openai_sends_its_key_to_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k-1")
    provider = openai("gpt-x", {}, Host())
    assert provider.endpoint.url == "https://api.openai.com/v1"
    assert provider.endpoint.headers["authorization"] == "Bearer k-1"
    assert (provider.model, provider.enforces_schema) == ("gpt-x", True)
    assert provider.wire.options.max_tokens_name == "max_completion_tokens"


def test_the_key_of_openai_goes_to_no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k-1")
    others = "https://other.test", "https://api.openai.com.evil.test", "https://evilopenai.com", "http://api.openai.com"
    for url in (*others, "http://127.0.0.1:1/v1", "https://api.openai.com@evil.test"):
        assert "authorization" not in compatible(f"{url}#m", {}, Host()).endpoint.headers
        with pytest.raises(ConfigError, match="is not OpenAI's"):
            openai("m", {"base_url": url}, Host())
    for url in ("https://api.openai.com/v1", "https://eu.api.openai.com/v1"):
        assert "authorization" in compatible(f"{url}#m", {}, Host()).endpoint.headers
        assert "authorization" in openai("m", {"base_url": url}, Host()).endpoint.headers


def test_a_compatible_service_takes_its_key_and_headers_from_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", " k-2\n")
    options = {"base_url": "https://other.test/v1/", "key_env": "OTHER_KEY", "headers": {"X-Title": "t"}}
    endpoint = compatible("m", options, Host()).endpoint
    assert (endpoint.headers["authorization"], endpoint.headers["x-title"]) == ("Bearer k-2", "t")
    assert endpoint.url == "https://other.test/v1"


def test_an_address_and_a_model_can_be_one_name() -> None:
    provider = compatible("http://127.0.0.1:8080/v1/chat/completions#org/model:7b", {}, Host())
    assert (provider.endpoint.url, provider.model) == ("http://127.0.0.1:8080/v1", "org/model:7b")


def test_a_model_on_this_machine_is_given_more_time() -> None:
    local, far = (
        compatible(f"{url}#m", {}, Host()).endpoint.clocks for url in ("http://localhost:1", "https://a.test")
    )
    assert far == Clocks(10.0, 60.0, 30.0, None)
    assert local.first_byte > far.first_byte
    assert compatible("http://localhost:1#m", {"clocks": {"between": 5}}, Host()).endpoint.clocks.between == 5


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("", {}, "is missing"),
        ("m", {}, "is missing"),
        ("http://127.0.0.1:1/v1", {}, "is missing"),
        ("http://127.0.0.1:1/v1#", {}, "is missing"),
        ("m", {"base_url": "ftp://a"}, "is no address"),
        ("m", {"base_url": "http://a:port"}, "is no address"),
        ("http://[::1#m", {}, "is no address"),
        ("http://a#m", {"base_ulr": "x"}, "no option 'base_ulr'"),
        ("http://a#m", {"clocks": {"conect": 1}}, "clocks has no key 'conect'"),
        ("http://a#m", {"clocks": {"connect": "1"}}, "clocks.connect must be a number"),
        ("http://a#m", {"clocks": {"connect": None}}, "clocks.connect must be a number"),
        ("http://a#m", {"retry": {"attempts": -1}}, "retry.attempts must be a number"),
        ("http://a#m", {"retry": 4}, "'retry' must be a table"),
        ("http://a#m", {"headers": "x"}, "'headers' must be a table"),
        ("http://a#m", {"replay_reasoning": "sometimes"}, "replay_reasoning"),
        ("http://a#m", {"key_env": "KT_TEST_NO_SUCH_KEY"}, "KT_TEST_NO_SUCH_KEY is not set"),
    ],
)
def test_what_is_wrong_with_the_options_is_said_at_build(model: str, options: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        compatible(model, options, Host())
    assert caught.value.hint


def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "clé-secrète")
    with pytest.raises(ConfigError, match="OTHER_KEY") as caught:
        compatible("http://a#m", {"key_env": "OTHER_KEY"}, Host())
    assert "secr" not in caught.value.line()
