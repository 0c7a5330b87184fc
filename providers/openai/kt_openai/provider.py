"""The providers `openai` and `openai-compat`: OpenAI's own address, and any that speaks its Chat Completions."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kt.errors import ConfigError
from kt_http.provider import WireProvider, endpoint

if TYPE_CHECKING:
    from kt import Host

OPENAI = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
NEWER = {"max_tokens_name": "max_completion_tokens"}


def openai(model: str, options: Mapping[str, Any], host: "Host") -> WireProvider:
    """Return the provider `openai`. Raises ConfigError where its key is missing or an option is wrong."""
    if not model:
        raise ConfigError("no model is named", hint="openai/MODEL, for example openai/gpt-4.1-mini")
    given = {"base_url": OPENAI, "key_env": OPENAI_KEY, **NEWER, **options}
    if not _is_openai(given["base_url"]):
        raise ConfigError(
            f"{given['base_url']!r} is not OpenAI's", hint="the provider for other addresses: openai-compat"
        )
    return endpoint(model, given, host)


def compatible(model: str, options: Mapping[str, Any], host: "Host") -> WireProvider:
    """Return the provider `openai-compat` for "URL#MODEL", or for a model with the option base_url.

    Its key comes from the variable that the option `key_env` names; a service may need none. OpenAI's own key goes to
    OpenAI only. Raises ConfigError.
    """
    given = dict(options)
    url, mark, name = model.partition("#")
    if "://" in url:
        given["base_url"], model = url, name
    if not given.get("base_url") or not model:
        form = "openai-compat:URL#MODEL, for example openai-compat:http://127.0.0.1:8080/v1#qwen"
        raise ConfigError(f"an address or a model's name is missing in {url + mark!r}", hint=form)
    if _is_openai(given["base_url"]):
        given = {"key_env": OPENAI_KEY, **NEWER, **given}
    return endpoint(model, given, host)


def _is_openai(base_url: object) -> bool:
    """Tell whether an address is OpenAI's own, encrypted, so that its key may go there unasked."""
    return re.match(r"https://([\w-]+\.)*openai\.com(:443)?(/|$)", str(base_url)) is not None
