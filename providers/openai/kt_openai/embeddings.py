"""The embedder `openai`: vectors by `POST {base}/embeddings`, of OpenAI or of any service that speaks it."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kt.errors import ConfigError, ModelError, ProviderDown
from kt_http.errors import HttpError, Transient, failure
from kt_http.exchange import MAX_ERROR
from kt_http.options import COMMON, endpoint_of
from kt_http.retry import Retries
from kt_http.transport import transport_of

from .chat import ChatWire
from .provider import OPENAI, OPENAI_KEY

if TYPE_CHECKING:
    from kt import Host

PATH = "/embeddings"
MODEL = "text-embedding-3-small"
DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
BATCH = 128
"""Texts of one request."""


class OpenAIEmbedder:
    """Embed texts by a service. `base_url` and `key_env` name another one than OpenAI, which may need no key.

    `dimensions` is how long the vectors are: it need not be said of OpenAI's models, where it asks for shorter ones.
    `prefix` and `query_prefix` stand before each text, for models that want one. The other settings are those of
    providers: auth, headers, clocks, retry. Raises ConfigError for a wrong setting or a missing key.
    """

    def __init__(
        self,
        host: "Host",
        *,
        model: str = MODEL,
        dimensions: int | None = None,
        prefix: str = "",
        query_prefix: str = "",
        **options: Any,
    ) -> None:
        if unknown := [name for name in options if name not in COMMON]:
            raise ConfigError(f"the embedder openai has no setting {unknown[0]!r}", hint=", ".join(COMMON))
        given = options if "base_url" in options else {"base_url": OPENAI, "key_env": OPENAI_KEY, **options}
        self.dim = dimensions or DIMENSIONS.get(model, 0)
        if not self.dim:
            raise ConfigError(f"nobody knows how long the vectors of {model!r} are", hint="set dimensions")
        self._endpoint = endpoint_of(host, given, ChatWire.auth, path=PATH)
        self.name = f"{self._endpoint.where}/{model}/{self.dim}" + (f"/{prefix}" if prefix else "")
        self._host, self._prefixes = host, (prefix, query_prefix)
        self._fixed: dict[str, Any] = {"model": model, "encoding_format": "float"}
        if model in DIMENSIONS and self.dim != DIMENSIONS[model]:
            self._fixed["dimensions"] = self.dim

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:
        """Return a vector for each text. Raises errors of the ModelError family."""
        prefix = self._prefixes[query]
        found: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            found += await self._batch([prefix + text for text in texts[start : start + BATCH]])
        return found

    async def _batch(self, texts: list[str]) -> list[list[float]]:
        body = json.dumps({**self._fixed, "input": texts}).encode("utf-8", "replace")
        retries = Retries(self._endpoint.retry)
        while True:
            try:
                return self._vectors(await self._ask(body), len(texts))
            except Transient as trouble:
                await self._host.clock.sleep(retries.next(trouble).wait)

    async def _ask(self, body: bytes) -> bytes:
        """Return the answer's body. Raises Transient where another try may help, ModelError where not."""
        end = self._endpoint
        transport, url = transport_of(self._host), end.url + PATH
        try:
            async with transport.open("POST", url, headers=end.headers, body=body, clocks=end.clocks) as response:
                if response.status < 300:
                    return await response.read()
                words = await response.read(MAX_ERROR, cut=True)
                now, where = self._host.clock.time(), end.where
                raise failure(response.status, response.headers, words, now=now, where=where, secrets=end.secrets)
        except HttpError as error:
            down = ProviderDown(error.what, where=error.where or end.where, hint=error.hint)
            raise (Transient(down) if error.passing else down) from error

    def _vectors(self, body: bytes, count: int) -> list[list[float]]:
        """Return the vectors in their order. Raises ModelError for what is no answer to `count` texts."""
        try:
            entries = sorted(json.loads(body)["data"], key=lambda entry: entry["index"])
            vectors = [[float(number) for number in entry["embedding"]] for entry in entries]
        except (ValueError, TypeError, KeyError) as error:
            raise ModelError(f"the service sent no vectors: {error!r}", where=self._endpoint.where) from None
        if len(vectors) != count or any(len(vector) != self.dim for vector in vectors):
            sizes = sorted({len(vector) for vector in vectors})
            what = f"{len(vectors)} vectors of {sizes} numbers came for {count} texts, not {self.dim} numbers each"
            raise ModelError(what, where=self._endpoint.where, hint="set dimensions to what the model has")
        return vectors
