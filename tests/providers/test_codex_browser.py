"""kt login codex in a browser; the issuer is a server of the test."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from codex_script import ACCOUNT, FastClock, Issuer, access, get, jwt, mode, reply, secrets_of, start, there
from kt import Host
from kt.errors import ConfigError, KeyRefused, ModelError
from kt_codex.callback import PORTS, Callback
from kt_codex.tokens import TokenFile

pytestmark = pytest.mark.anyio


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with Host(clock=FastClock()) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "codex.json"


@pytest.fixture
def issuer(server: Any) -> Issuer:
    made = Issuer()
    server.answers = [made]
    return made


class Browser:
    """Be sent to the issuer, and come back with its code, or another answer; `pages` holds what was shown."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.query: dict[str, str] = {}
        self.pages: list[tuple[int, str]] = []
        self._loop = asyncio.get_running_loop()

    def __call__(self, url: str) -> None:
        assert threading.current_thread() is not threading.main_thread()  # a browser may block
        self._loop.call_soon_threadsafe(self.opened.set_result, url)

    async def go(self, **answer: str) -> tuple[int, str]:
        url = await self.opened
        self.query = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
        self.issuer.challenge = self.query["code_challenge"]
        given = answer or {"code": Issuer.CODE, "state": self.query["state"]}
        self.pages.append(await get(f"{self.query['redirect_uri']}?{urlencode(given)}"))
        return self.pages[-1]


async def test_a_login_in_the_browser(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    browser = Browser(issuer)
    task, said = start(server, host, path, browser)
    status, page = await browser.go()
    assert await task == path
    url = urlsplit(browser.opened.result())
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{server.url}/oauth/authorize"
    wanted = {
        "response_type": "code",
        "client_id": "app_EMoamEEZ73f0CkXaXp7hrann",
        "scope": "openid profile email offline_access",
        "code_challenge_method": "S256",
        "id_token_add_organizations": "true",
        "codex_cli_simplified_flow": "true",
        "originator": "codex_cli_rs",
    }
    assert wanted.items() <= browser.query.items()
    assert set(browser.query) - set(wanted) == {"state", "code_challenge", "redirect_uri"}
    assert browser.query["redirect_uri"] == issuer.redirect
    assert issuer.redirect.startswith("http://localhost:")
    assert urlsplit(issuer.redirect).path == "/auth/callback"
    assert min(len(browser.query["state"]), len(issuer.forms[0]["code_verifier"])) >= 43
    assert (issuer.forms[0]["grant_type"], status) == ("authorization_code", 200)
    assert browser.opened.result() in said[0]
    found = TokenFile(host, path).read()
    assert (found.access, found.refresh, found.account) == (access(1), "rt-secret-0001", ACCOUNT)
    assert mode(path) == 0o600
    assert found.issuer == server.url
    assert secrets_of(page, *said) == []
    assert "no-store" in page


async def test_each_login_has_its_own_verifier_and_state(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    seen = set()
    for _ in range(2):
        browser = Browser(issuer)
        task, _ = start(server, host, path, browser)
        await browser.go()
        await task
        seen |= {browser.query["state"], browser.query["code_challenge"]}
    assert len(seen) == 4
    assert TokenFile(host, path).read().refresh == "rt-secret-0002"


async def test_an_answer_with_another_state_is_not_used(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    browser = Browser(issuer)
    task, _ = start(server, host, path, browser)
    for answer in ({"code": "evil", "state": "wrong"}, {"code": "evil"}, {"error": "access_denied", "state": "ü"}):
        status, page = await browser.go(**answer)
        assert status == 400
        assert "another login" in page
    assert issuer.forms == []
    assert not task.done()
    await browser.go()
    await task
    assert issuer.forms[0]["code"] == Issuer.CODE


async def test_a_denied_login(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    browser = Browser(issuer)
    task, _ = start(server, host, path, browser)
    state = parse_qs(urlsplit(await browser.opened).query)["state"][0]
    words = "<script>alert(1)</script>\x1b[31m No"
    status, page = await browser.go(error="access_denied", error_description=words, state=state)
    assert (status, "<script>" in page) == (200, False)
    with pytest.raises(KeyRefused, match="access_denied") as raised:
        await task
    assert "\x1b" not in raised.value.line()
    assert raised.value.exit_code == 77
    assert not there(path)


async def test_an_answer_without_code_or_reason_ends_the_login(
    server: Any, host: Host, issuer: Issuer, path: Path
) -> None:
    browser = Browser(issuer)
    task, _ = start(server, host, path, browser)
    await browser.go(state=parse_qs(urlsplit(await browser.opened).query)["state"][0])
    with pytest.raises(KeyRefused, match="no reason"):
        await task


async def test_other_requests_change_nothing(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    browser = Browser(issuer)
    task, _ = start(server, host, path, browser)
    redirect = parse_qs(urlsplit(await browser.opened).query)["redirect_uri"][0]
    at = redirect.removesuffix("/auth/callback")
    assert (await get(f"{at}/favicon.ico"))[0] == 404
    assert (await get(redirect, method="POST"))[0] == 404
    assert (await get(redirect, raw=b"\x16\x03\x01 TLS \r\n\r\n"))[0] == 404
    assert (await get(redirect, raw=b"GET http://[ HTTP/1.1\r\n\r\n"))[0] == 400
    assert (await get(redirect, raw=b"GET /" + b"a" * 100_000))[0] == 0
    silent = await asyncio.open_connection("127.0.0.1", urlsplit(redirect).port)  # browsers do so ahead of time
    await browser.go()
    await task
    silent[1].close()


async def test_a_second_answer_is_too_late(host: Host) -> None:
    async with Callback("s", (0,)) as callback:
        assert (await get(f"{callback.address}?state=s&code=one"))[0] == 200
        assert (await get(f"{callback.address}?state=s&code=two"))[0] == 400
        assert await callback.code == "one"


async def test_a_port_in_use_is_stepped_over() -> None:
    assert PORTS == (1455, 1457)
    with socket.create_server(("127.0.0.1", 0)) as busy, socket.create_server(("127.0.0.1", 0)) as other:
        first, second = busy.getsockname()[1], other.getsockname()[1]
        async with Callback("s", (first, 0)) as callback:
            assert callback.port not in (0, first)
            assert callback.address == f"http://localhost:{callback.port}/auth/callback"
        with pytest.raises(ConfigError, match=f"{first} and {second}") as raised:
            await Callback("s", (first, second)).__aenter__()
        assert "--device" in raised.value.hint


async def test_a_port_in_use_is_stepped_over_in_a_login(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    browser = Browser(issuer)
    with socket.create_server(("127.0.0.1", 0)) as busy:
        task, _ = start(server, host, path, browser, ports=(busy.getsockname()[1], 0))
        await browser.go()
        await task
        assert urlsplit(issuer.redirect).port != busy.getsockname()[1]


async def test_nobody_comes(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    task, _ = start(server, host, path, patience=0.01)
    with pytest.raises(KeyRefused, match="nobody logged in"):
        await task


async def test_a_login_can_be_broken_off(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    browser = Browser(issuer)
    task, _ = start(server, host, path, browser)
    redirect = parse_qs(urlsplit(await browser.opened).query)["redirect_uri"][0]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(OSError):
        await get(redirect)


async def test_a_browser_that_fails_is_no_failure(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    browser = Browser(issuer)

    def broken(url: str) -> None:
        browser(url)
        raise OSError("no display")

    task, _ = start(server, host, path, broken)
    await browser.go()
    await task


@pytest.mark.parametrize("answer", [reply(400, {"error": "invalid_grant", "error_description": Issuer.CODE}),
                                    reply(403, {"error": {"message": f"bad {Issuer.CODE}"}})])  # fmt: skip
async def test_a_code_that_is_refused(server: Any, host: Host, issuer: Issuer, path: Path, answer: bytes) -> None:
    issuer.errors = [answer]
    browser = Browser(issuer)
    task, said = start(server, host, path, browser)
    await browser.go()
    with pytest.raises(KeyRefused) as raised:
        await task
    assert secrets_of(raised.value.line(), *said) == []


async def test_a_login_without_account_is_none(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    issuer.errors = [reply(200, {"access_token": access(1), "refresh_token": "rt-secret-1", "id_token": jwt(a=1)})]
    browser = Browser(issuer)
    task, _ = start(server, host, path, browser)
    await browser.go()
    with pytest.raises(ModelError, match="no ChatGPT account"):
        await task
    assert not there(path)


async def test_where_nothing_can_be_saved_nobody_is_asked(server: Any, host: Host, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    task, said = start(server, host, tmp_path / "home" / "codex.json")
    with pytest.raises(ConfigError):
        await task
    assert said == []
