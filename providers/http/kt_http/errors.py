"""From an answer that is an error to the typed error, with the key's value taken out of what the server said."""

import json
import re
from collections.abc import Iterable, Mapping

from kt.errors import ContextTooLong, KeyRefused, KTError, ModelError, ProviderDown, UnknownModel

RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
MAX_WORDS = 400

_CONTEXT = re.compile(
    r"context[_ ](length|window|size)|maximum context|(prompt|input) is too long|too many (input )?tokens", re.I
)
_MODEL = re.compile(
    r"model[_ ]not[_ ]found|(unknown|invalid|no such)[_ ]model|not a valid model"
    r"|model\b.{0,120}?\b(does not exist|not found|not a valid)",
    re.I | re.S,
)
_QUOTA = re.compile(
    r"insufficient[_ ]quota|billing_(hard_limit|not_active)|usage[_ ](limit[_ ]reached|not[_ ]included)", re.I
)
_MONEY = re.compile(r"exceeded your current quota|insufficient (credits?|balance|funds)", re.I)
_KEYS = re.compile(r"\b(?:sk|pk|gsk|xai|key)-[\w*.\-]{4,}|\S*\*{3,}\S*")
_WAITS = (
    re.compile(r"(?:try again|retry)\s+(?:in|after)\s+(?:(\d+)m)?([\d.]+)\s*(ms|s|m)?", re.I),
    re.compile(r'"retryDelay"\s*:\s*"()([\d.]+)(s)"'),
)
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0}
_KINDS = {
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "overloaded_error": 529,
    "server_error": 500,
    "api_error": 500,
    "timeout": 504,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "model_not_found": 404,
    "not_found_error": 404,
}


class HttpError(KTError):
    """Report a request that got no usable answer; `passing` says that another try may get one."""

    code, exit_code = "E-HTTP", 69

    def __init__(self, what: str, *, where: str = "", hint: str = "", passing: bool = False) -> None:
        super().__init__(what, where=where, hint=hint)
        self.passing = passing


class Transient(Exception):
    """Carry an error that may pass: `error` is raised when no try is left, `wait` is what the server asks for.

    `wait` is in seconds, None where the server did not say.
    """

    def __init__(self, error: ModelError, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error, self.wait = error, wait


class ErrorInStream(Exception):
    """Carry the error object that a service sent inside an answer of status 200."""

    def __init__(self, data: object) -> None:
        super().__init__(str(data))
        self.data = data


class Malformed(Exception):
    """Say that a piece of an answer is not what its wire allows."""


def failure(
    status: int, headers: Mapping[str, str], body: bytes, *, now: float, where: str = "", secrets: Iterable[str] = ()
) -> ModelError | Transient:
    """Return the error that an answer with `status` >= 300 stands for; Transient where another try may help.

    `body` is what was read of it, JSON or not; `now` is in seconds since the epoch, for a Retry-After date; `secrets`
    never appear in the text. 429 for an empty account is no rate limit and is not Transient.
    """
    wait = wait_asked(headers, body, now)
    code, words = _words(body)
    words = scrub(words, secrets) or "no reason given"
    return _judged(status, headers.get("x-should-retry"), wait, code, words, f"HTTP {status}: {words}", where)


def stream_failure(error: object, *, where: str = "", secrets: Iterable[str] = ()) -> ModelError | Transient:
    """Return the error for an error object that stands in a stream or body of status 200.

    Its status is the object's `status_code`, `code` or what its `type` means; 400 where nothing tells.
    """
    table = error if isinstance(error, dict) else {"message": str(error)}
    if isinstance(inner := table.get("error"), dict):
        table = inner
    known = [table.get(k) for k in ("status_code", "code", "status", "type")]
    numbers = [int(k) for k in known if isinstance(k, int | str) and str(k).isdecimal() and 300 <= int(k) < 600]
    status = numbers[0] if numbers else next((_KINDS[k] for k in known if isinstance(k, str) and k in _KINDS), 400)
    body = json.dumps({"error": table}).encode()
    code, words = _words(body)
    words = scrub(words, secrets) or "no reason given"
    what = f"the service broke off with an error: {words}"
    return _judged(status, None, wait_asked({}, body, 0.0), code, words, what, where)


def _judged(
    status: int, asked: str | None, wait: float | None, code: str, words: str, what: str, where: str
) -> ModelError | Transient:
    """Return the typed error, Transient where another try may help: a rate limit passes, an empty account does not."""
    said = f"{code} {words}"
    empty = status == 402 or _QUOTA.search(said) is not None or (wait is None and _MONEY.search(said) is not None)
    if empty:
        return ProviderDown(what, where=where, hint="the account is out of quota: add credit, or choose another model")
    error = _typed(status, said, what, where)
    again = asked == "true" or (asked != "false" and status in RETRIED and not isinstance(error, ContextTooLong))
    return Transient(error, wait) if again else error


def _typed(status: int, said: str, what: str, where: str) -> ModelError:
    if status in (401, 403):
        return KeyRefused(what, where=where, hint="check the key, and that it may use this model")
    if status in (400, 404, 410, 422) and (_MODEL.search(said) or (status == 404 and "model" in said.lower())):
        return UnknownModel(what, where=where)
    if status == 413 or (status in (400, 422, 500) and _CONTEXT.search(said)):
        return ContextTooLong(what, where=where, hint="compact the conversation, or choose a model with more context")
    if status == 404:
        return ModelError(what, where=where, hint="check base_url: the service has no such path")
    if status in RETRIED or status >= 500:
        return ProviderDown(what, where=where, hint="try again later, or choose another model")
    return ModelError(what, where=where)


def _words(body: bytes) -> tuple[str, str]:
    """Return (code and type, message) of an error body of any common shape."""
    text = body.decode("utf-8", "replace").strip()
    if text[:1] == "<":
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.I | re.S)
        return "", "an HTML page" + (f" with the title {' '.join(title[1].split())!r}" if title else "")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return "", text
    if isinstance(data, list) and data:
        data = data[0]
    if not isinstance(data, dict):
        return "", text
    inner = next((data[k] for k in ("error", "errors", "detail") if data.get(k)), data)
    if not isinstance(inner, dict):
        return "", str(data.get("message") or (inner if isinstance(inner, str) else json.dumps(inner)))
    code = " ".join(str(inner[k]) for k in ("code", "type", "status") if inner.get(k))
    return code, str(inner.get("message") or inner.get("detail") or json.dumps(inner)) + _upstream(inner)


def _upstream(inner: Mapping[str, object]) -> str:
    """Return what a router says that the service behind it said."""
    metadata = inner.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return f" ({raw})" if isinstance(raw, str) and raw else ""


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` on one line of bounded length, without `secrets` and without what looks like a key."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = " ".join(_KEYS.sub("***", text).split())
    return text if len(text) <= MAX_WORDS else text[:MAX_WORDS] + " ..."


def wait_asked(headers: Mapping[str, str], body: bytes, now: float) -> float | None:
    """Return the seconds the server asks to wait: retry-after-ms, Retry-After (seconds or date), or its words."""
    try:
        if value := headers.get("retry-after-ms"):
            return max(0.0, float(value) / 1000)
        if value := headers.get("retry-after"):
            return max(0.0, float(value) if value.replace(".", "", 1).isdigit() else _date(value) - now)
    except ValueError:
        return None
    text = body.decode("utf-8", "replace")
    for pattern in _WAITS:
        if found := pattern.search(text):
            minutes, amount, unit = found.groups()
            return int(minutes or 0) * 60 + float(amount.rstrip(".") or 0) * _UNIT[(unit or "s").lower()]
    return None


def _date(value: str) -> float:
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime(value).timestamp()
