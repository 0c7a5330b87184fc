"""What an error answer means, when it is tried again, and what a key must never do: show."""

import json
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt.errors import ContextTooLong, KeyRefused, ModelError, ProviderDown, UnknownModel
from kt_http.errors import Transient, failure, scrub, stream_failure, wait_asked
from kt_http.retry import Retries, RetryPolicy

NOW = 1_700_000_000.0


def said(message: str, code: object = None) -> bytes:
    return json.dumps({"error": {"message": message, "type": "x", "code": code}}).encode()


def meant(status: int, body: bytes, **headers: str) -> ModelError | Transient:
    return failure(status, {k.replace("_", "-"): v for k, v in headers.items()}, body, now=NOW, where="api.test")


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_a_passing_status_is_tried_again_and_ends_as_provider_down(status: int) -> None:
    trouble = meant(status, said("busy"))
    assert isinstance(trouble, Transient)
    assert type(trouble.error) is ProviderDown
    assert trouble.error.exit_code == 69


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, said("Incorrect API key"), KeyRefused),
        (403, said("not allowed"), KeyRefused),
        (402, said("Insufficient credits"), ProviderDown),
        (429, said("You exceeded your current quota", "insufficient_quota"), ProviderDown),
        (404, said("The model `x` does not exist", "model_not_found"), UnknownModel),
        (400, said("foo/bar is not a valid model ID", 400), UnknownModel),
        (404, said("model 'x' not found, try pulling it first"), UnknownModel),
        (404, b"<html><title>404 Not Found</title></html>", ModelError),
        (400, said("This model's maximum context length is 8192 tokens", "context_length_exceeded"), ContextTooLong),
        (400, said("the request exceeds the available context size"), ContextTooLong),
        (413, b"", ContextTooLong),
        (400, said("Unsupported parameter: 'max_tokens' is not supported with this model"), ModelError),
        (400, said("max_tokens exceeds the maximum"), ModelError),
        (500, said("the request exceeds the available context size"), ContextTooLong),
        (422, b'{"detail":[{"loc":["body","messages"],"msg":"Field required"}]}', ModelError),
    ],
)
def test_an_error_that_stays_is_typed_and_not_tried_again(status: int, body: bytes, kind: type) -> None:
    assert type(meant(status, body)) is kind


def test_the_providers_own_words_are_in_the_error() -> None:
    assert "web_search" in str(meant(400, said("web_search is not supported")))
    assert "rate-limited upstream" in str(
        meant(429, b'{"error":{"message":"x","metadata":{"raw":"rate-limited upstream"}}}')
    )
    assert "Field required" in str(meant(422, b'{"detail":[{"msg":"Field required"}]}'))
    assert "just text" in str(meant(400, b"just text"))
    assert str(meant(400, b'[{"error":{"message":"in a list"}}]')) == "HTTP 400: in a list (api.test)"
    assert "[7]" in str(meant(400, b"[7]"))
    assert "HTML page with the title '502 Bad Gateway'" in str(meant(502, b"<html><title>502 Bad\nGateway</title>"))


def test_a_rate_limit_that_speaks_of_quota_or_billing_is_tried_again() -> None:
    assert isinstance(meant(429, said("Rate limit reached, see https://a.test/account/billing")), Transient)
    limited = meant(429, said("You exceeded your current quota. Please retry in 34.5s"))
    assert isinstance(limited, Transient)
    assert limited.wait == 34.5
    assert isinstance(meant(429, said("You exceeded your current quota")), ProviderDown)


def test_the_server_can_say_whether_to_try_again() -> None:
    assert isinstance(meant(400, said("x"), x_should_retry="true"), Transient)
    assert isinstance(meant(503, said("x"), x_should_retry="false"), ProviderDown)


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "7"}, b"", 7.0),
        ({"retry-after": "0.5"}, b"", 0.5),
        ({"retry-after": formatdate(NOW + 12, usegmt=True)}, b"", 12.0),
        ({"retry-after": formatdate(NOW - 12, usegmt=True)}, b"", 0.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, b"", 0.25),
        ({"retry-after": "soon"}, b"", None),
        ({}, b"Please try again in 1.3s. Visit", 1.3),
        ({}, b"Please try again in 20ms.", 0.02),
        ({}, b"try again in 6m0s", 360.0),
        ({}, b"Retry after 3 seconds", 3.0),
        ({}, b'{"error":{"details":[{"retryDelay": "34s"}]}}', 34.0),
        ({}, b"no hint", None),
    ],
)
def test_the_wait_asked_for_is_read_in_every_form(headers: dict[str, str], body: bytes, seconds: float | None) -> None:
    assert wait_asked(headers, body, NOW) == (None if seconds is None else pytest.approx(seconds))


@given(body=st.binary(max_size=200), status=st.integers(300, 599))
def test_any_error_body_gives_a_typed_error_of_bounded_length(body: bytes, status: int) -> None:
    error = meant(status, body)
    assert isinstance(error, ModelError | Transient)
    assert len(str(error)) < 600


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ({"message": "x", "code": 502}, Transient),
        ({"message": "x", "type": "overloaded_error"}, Transient),
        ({"message": "x", "code": "rate_limit_exceeded"}, Transient),
        ({"message": "x", "type": "invalid_request_error", "status_code": 400}, ModelError),
        ({"message": "maximum context length", "code": "context_length_exceeded"}, ContextTooLong),
        ({"message": "x", "code": "insufficient_quota"}, ProviderDown),
        ("plain words", ModelError),
    ],
)
def test_an_error_object_inside_an_answer_is_typed_as_a_status_would_be(table: object, kind: type) -> None:
    assert type(stream_failure(table)) is kind


def test_a_key_is_never_shown() -> None:
    key = "mysecretvalue"
    text = scrub(f"Incorrect API key provided: {key}, sk-abcdefgh1234 or abc*****xyz.", [key])
    assert not any(secret in text for secret in (key, "abcdefgh", "abc*", "xyz"))
    assert "Incorrect API key provided" in text


def test_tries_end_with_the_error_its_attempts_and_the_time_waited() -> None:
    retries = Retries(RetryPolicy(attempts=3))
    waits = [retries.next(Transient(ProviderDown("HTTP 503: busy", where="api.test", hint="h"), 2.0)) for _ in range(2)]
    assert [(w.attempt, w.wait, w.reason) for w in waits] == [(2, 2.0, "HTTP 503: busy"), (3, 2.0, "HTTP 503: busy")]
    with pytest.raises(ProviderDown, match=r"busy; gave up after 3 attempts and 4\.0 s of waiting") as caught:
        retries.next(Transient(ProviderDown("HTTP 503: busy", where="api.test", hint="h"), 2.0))
    assert (caught.value.where, caught.value.hint) == ("api.test", "h")


def test_a_wait_over_the_cap_ends_at_once() -> None:
    with pytest.raises(ProviderDown, match="asks to wait 61 s; gave up after 1 attempt and"):
        Retries(RetryPolicy()).next(Transient(ProviderDown("busy"), 61.0))


@given(st.integers(1, 12))
def test_backoff_has_full_jitter_below_its_doubling_bound(tries: int) -> None:
    retries = Retries(RetryPolicy(attempts=20, base=0.5, cap=60.0))
    for attempt in range(tries):
        assert 0.0 <= retries.next(Transient(ProviderDown("busy"))).wait <= min(60.0, 0.5 * 2**attempt)
