"""The embedder openai, against a loopback server."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from conftest import FaultServer
from kt import Host
from kt.errors import ConfigError, KeyRefused, ModelError, ProviderDown
from kt_openai.embeddings import BATCH, OpenAIEmbedder

pytestmark = pytest.mark.anyio

QUICK = {"attempts": 2, "base": 0.0}


def response(status: str, data: Any) -> bytes:
    body = json.dumps(data).encode()
    return f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def vectors(numbers: Sequence[Sequence[float]], *, backwards: bool = False) -> bytes:
    entries = [{"object": "embedding", "index": n, "embedding": list(vector)} for n, vector in enumerate(numbers)]
    return response("200 OK", {"object": "list", "data": entries[::-1] if backwards else entries})


def embedder(host: Host, server: FaultServer, **settings: Any) -> OpenAIEmbedder:
    return OpenAIEmbedder(
        host, **{"base_url": f"{server.url}/v1", "model": "m", "dimensions": 2, "retry": QUICK, **settings}
    )


async def test_vectors_come_back_in_the_order_of_the_texts(host: Host, server: FaultServer) -> None:
    server.answers = [vectors([[1, 0], [0, 1.5]], backwards=True)]
    made = embedder(host, server)
    assert (made.name, made.dim) == ("127.0.0.1/m/2", 2)
    assert await made.embed(["a", "b"]) == [[1.0, 0.0], [0.0, 1.5]]
    [asked] = server.requests
    assert (asked.method, asked.path) == ("POST", "/v1/embeddings")
    assert asked.json == {"model": "m", "encoding_format": "float", "input": ["a", "b"]}
    assert "authorization" not in asked.headers


async def test_many_texts_are_several_requests(host: Host, server: FaultServer) -> None:
    server.answers = [vectors([[1, 0]] * BATCH), vectors([[0, 1]] * 2)]
    assert await embedder(host, server).embed(["x"] * (BATCH + 2)) == [[1.0, 0.0]] * BATCH + [[0.0, 1.0]] * 2
    assert [len(peer.json["input"]) for peer in server.requests] == [BATCH, 2]
    assert await embedder(host, server).embed([]) == []


async def test_queries_and_texts_may_have_prefixes(host: Host, server: FaultServer) -> None:
    server.answers = [vectors([[1, 0]])]
    made = embedder(host, server, prefix="passage: ", query_prefix="query: ")
    await made.embed(["owl"])
    await made.embed(["owl"], query=True)
    assert [peer.json["input"] for peer in server.requests] == [["passage: owl"], ["query: owl"]]
    assert made.name != embedder(host, server).name


async def test_the_key_is_sent_and_never_shown(
    host: Host, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWL_KEY", "hoot-hoot-hoot")
    server.answers = [response("401 Unauthorized", {"error": {"message": "bad key hoot-hoot-hoot"}})]
    with pytest.raises(KeyRefused) as caught:
        await embedder(host, server, key_env="OWL_KEY").embed(["a"])
    assert server.requests[0].headers["authorization"] == "Bearer hoot-hoot-hoot"
    assert "hoot" not in caught.value.line()


async def test_what_may_pass_is_tried_again(host: Host, server: FaultServer) -> None:
    busy = response("503 Busy", {"error": {"message": "busy"}})
    server.answers = [busy, vectors([[1, 0]])]
    assert await embedder(host, server).embed(["a"]) == [[1.0, 0.0]]
    server.answers = [busy]
    with pytest.raises(ProviderDown, match="gave up after 2 attempts"):
        await embedder(host, server).embed(["a"])


@pytest.mark.parametrize(
    "answer",
    [
        response("200 OK", {"error": "no"}), response("200 OK", {"data": [{"index": 0}]}),
        response("200 OK", {"data": [{"index": 0, "embedding": ["x"]}]}), vectors([[1, 0, 0]]), vectors([]),
        response("200 OK", []),
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_an_error(host: Host, server: FaultServer, answer: bytes) -> None:
    server.answers = [answer]
    with pytest.raises(ModelError, match="vectors"):
        await embedder(host, server).embed(["a"])


async def test_openai_itself_needs_a_key_and_knows_its_models(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        OpenAIEmbedder(host)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-of-embeddings")
    assert OpenAIEmbedder(host).name == "api.openai.com/text-embedding-3-small/1536"
    assert OpenAIEmbedder(host, model="text-embedding-3-large", dimensions=256).dim == 256


async def test_the_key_of_openai_goes_nowhere_else_unasked(
    host: Host, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-of-embeddings")
    server.answers = [vectors([[1, 0]])]
    await embedder(host, server).embed(["a"])
    assert "authorization" not in server.requests[0].headers


async def test_wrong_settings_are_named(host: Host, server: FaultServer) -> None:
    with pytest.raises(ConfigError, match="no setting 'modle'"):
        embedder(host, server, modle="x")
    with pytest.raises(ConfigError, match="nobody knows how long"):
        embedder(host, server, dimensions=None)
