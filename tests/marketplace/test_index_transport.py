"""Fetching: only what may be asked, bounded in bytes and time, and only the bytes that were named."""

import hashlib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kt.errors import ConfigError, KTError
from kt_marketplace.transport import check, fetch, read

from .index_world import BYTES, Answer, Web, says

DIGEST = hashlib.sha256(BYTES).hexdigest()


@pytest.fixture
def web() -> Iterator[Web]:
    with Web().running() as web:
        yield web


def moved(to: str) -> Answer:
    return says(b"", 302, Location=to)


def drips(web: Web, data: bytes) -> Answer:
    """Send a byte of `data` every tenth of a second, until the test ends."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        for byte in data:
            request.wfile.write(bytes([byte]))
            if web.done.wait(0.1):
                return

    return answer


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x",
        "file:///etc/passwd",
        "data:,x",
        "https://",
        "https://me:word@host/x",
        "https://host:port/x",
        "x",
    ],
)
def test_what_is_no_web_address_is_not_asked(url: str) -> None:
    with pytest.raises(ConfigError, match="no address"):
        read(url)


def test_http_is_for_this_machine_or_a_pinned_key() -> None:
    check("http://127.0.0.1/x", pinned=False)
    check("http://[::1]:8080/x", pinned=False)
    check("http://localhost/x", pinned=False)
    check("http://example.org/x", pinned=True)
    for url in ("http://example.org/x", "http://127.0.0.1.example.org/x", "http://localhost.example.org/x"):
        with pytest.raises(ConfigError, match="anybody on the way could change it"):
            check(url, pinned=False)


def test_offline_nothing_is_asked(web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KT_OFFLINE", "1")
    for ask in (lambda: read(web.address), lambda: fetch(web.address, DIGEST, tmp_path / "x", size=len(BYTES))):
        with pytest.raises(KTError, match="KT_OFFLINE forbids"):
            ask()
    assert web.asked == []


def test_a_redirect_is_followed(web: Web) -> None:
    web.pages = {"/a": moved("/b"), "/b": moved(f"{web.address}/c"), "/c": says(b"found")}
    assert read(f"{web.address}/a") == b"found"


@pytest.mark.parametrize("to", ["http://example.org/x", "http://10.0.0.1/x"])
def test_a_redirect_to_where_one_may_not_ask_is_refused(web: Web, to: str) -> None:
    web.pages["/a"] = moved(to)
    with pytest.raises(ConfigError, match="anybody on the way"):
        read(f"{web.address}/a")


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_a_redirect_to_anything_else_is_refused(web: Web, to: str) -> None:
    web.pages["/a"] = moved(to)
    with pytest.raises(KTError):
        read(f"{web.address}/a")


def test_a_circle_of_redirects_ends(web: Web) -> None:
    web.pages["/a"] = moved("/a")
    with pytest.raises(KTError, match="answered 302"):
        read(f"{web.address}/a")
    assert len(web.asked) < 12


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Yield an https server whose certificate this process takes for good."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    file = tmp_path / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(certificate + private)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    web, context = Web(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    web.server.socket = context.wrap_socket(web.server.socket, server_side=True)
    web.address = web.address.replace("http:", "https:")
    with web.running():
        yield web


def test_https_is_never_left_for_http(secure: Web, web: Web) -> None:
    secure.pages = {"/good": says(b"safe"), "/bad": moved(f"{web.address}/x")}
    web.pages["/x"] = says(b"unsafe")
    assert read(f"{secure.address}/good") == b"safe"
    for pinned in (False, True):
        with pytest.raises(ConfigError, match="leads from https to http://"):
            read(f"{secure.address}/bad", pinned=pinned)
    assert web.asked == []


def test_a_certificate_of_nobody_is_refused(secure: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(KTError, match="can't reach") as raised:
        read(f"{secure.address}/good")
    assert raised.value.exit_code == 69


def test_more_than_was_agreed_is_not_read(web: Web) -> None:
    web.pages["/x"] = says(b"a" * 1001)
    with pytest.raises(KTError, match="larger than 1000 bytes"):
        read(f"{web.address}/x", size=1000)


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 1000, b"HTTP/1.0 200 OK\r\nX-Long: " + b"x" * 1000],
    ids=["nothing", "body", "headers"],
)
def test_a_server_that_is_slow_is_not_waited_for(web: Web, said: bytes) -> None:
    web.pages["/x"] = drips(web, said or b"") if said else lambda _: web.done.wait(60) and None
    with pytest.raises(KTError, match=r"too slow: not there within 0.5 seconds") as raised:
        read(f"{web.address}/x", seconds=0.5)
    assert raised.value.exit_code == 69


def test_nobody_there_is_an_error(web: Web) -> None:
    with pytest.raises(KTError, match=r"can't reach 127\.0\.0\.1:9") as raised:
        read("http://127.0.0.1:9/index.json", seconds=5)
    assert raised.value.exit_code == 69


def test_no_http_is_an_error(web: Web) -> None:
    web.pages["/x"] = lambda request: request.wfile.write(b"hello\r\n\r\n") and None
    with pytest.raises(KTError, match="can't reach"):
        read(f"{web.address}/x")


def test_a_file_is_there_once_it_is_the_right_one(web: Web, tmp_path: Path) -> None:
    web.pages["/x.whl"] = says(BYTES)
    file = fetch(f"{web.address}/x.whl", DIGEST, tmp_path / "x.whl", size=len(BYTES))
    assert file.read_bytes() == BYTES
    again = fetch(file.as_uri(), DIGEST, tmp_path / "y.whl", size=len(BYTES))
    assert again.read_bytes() == BYTES
    assert sorted(f.name for f in tmp_path.iterdir()) == ["x.whl", "y.whl"]


@pytest.mark.parametrize(
    ("data", "says_what"),
    [
        (b"another", "is not the file that its index names"),
        (BYTES + b"!", "larger than 7 bytes"),
        (BYTES[:-1], "has 6 bytes, its index says 7"),
    ],
)
@pytest.mark.parametrize("near", [True, False])
def test_other_bytes_are_not_kept(web: Web, tmp_path: Path, data: bytes, says_what: str, near: bool) -> None:
    web.pages["/x.whl"] = says(data)
    (tmp_path / "near.whl").write_bytes(data)
    url = (tmp_path / "near.whl").as_uri() if near else f"{web.address}/x.whl"
    with pytest.raises(KTError, match=says_what) as raised:
        fetch(url, DIGEST, tmp_path / "x.whl", size=len(BYTES))
    assert raised.value.exit_code == 65
    assert [f.name for f in tmp_path.iterdir()] == ["near.whl"]


def test_a_file_that_is_not_there_is_an_error(web: Web, tmp_path: Path) -> None:
    for url in (f"{web.address}/x.whl", (tmp_path / "none.whl").as_uri()):
        with pytest.raises(KTError) as raised:
            fetch(url, DIGEST, tmp_path / "x.whl", size=len(BYTES))
        assert raised.value.exit_code == 69
    assert list(tmp_path.iterdir()) == []
