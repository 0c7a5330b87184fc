"""kt login codex with a code on another device; the issuer is a server of the test."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from codex_script import FastClock, Issuer, reply, secrets_of, start
from kt import Host
from kt.errors import ConfigError, KeyRefused, ModelError, ProviderDown
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


async def test_a_login_on_another_device(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    pending = {"error": {"code": "deviceauth_authorization_unknown", "message": "not yet"}}
    issuer.polls = [reply(403, pending), reply(404), reply(429, {"error": "slow_down"}), reply(403)]
    task, said = start(server, host, path, device=True)
    assert await task == path
    assert host.clock.slept == [5.0, 5.0, 10.0, 10.0]  # type: ignore[attr-defined]
    assert f"{server.url}/codex/device" in said[0]
    assert Issuer.USER_CODE in said[0]
    assert secrets_of(*said) == []
    assert issuer.forms[0] == {
        "grant_type": "authorization_code",
        "client_id": "app_EMoamEEZ73f0CkXaXp7hrann",
        "code": Issuer.CODE,
        "code_verifier": Issuer.VERIFIER,
        "redirect_uri": f"{server.url}/deviceauth/callback",
    }
    assert TokenFile(host, path).read().refresh == "rt-secret-0001"


@pytest.mark.parametrize(
    ("interval", "seconds"), [("7", 7.0), (" 3 ", 3.0), (4, 4.0), ("0", 1.0), ("-1", 1.0), ("999", 60.0), ("x", 5.0),
                              (None, 5.0), ("nan", 5.0)]
)  # fmt: skip
async def test_the_interval_is_text_within_bounds(
    server: Any, host: Host, issuer: Issuer, path: Path, interval: Any, seconds: float
) -> None:
    issuer.interval, issuer.polls = interval, [reply(403)]
    await start(server, host, path, device=True)[0]
    assert host.clock.slept == [seconds]  # type: ignore[attr-defined]


async def test_a_server_that_names_its_wait_is_heard(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    issuer.polls = [reply(429, retry_after="30"), reply(503), reply(400, {"error": "authorization_pending"})]
    await start(server, host, path, device=True)[0]
    assert host.clock.slept == [30.0, 30.0, 30.0]  # type: ignore[attr-defined]


async def test_a_code_that_nobody_enters(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    issuer.polls = [reply(403)] * 1000
    with pytest.raises(KeyRefused, match="in time"):
        await start(server, host, path, device=True)[0]
    assert 890 < sum(host.clock.slept) < 900  # type: ignore[attr-defined]


@pytest.mark.parametrize("code", ["access_denied", "expired_token"])
async def test_a_device_that_is_refused(server: Any, host: Host, issuer: Issuer, path: Path, code: str) -> None:
    issuer.polls = [reply(403), reply(400, {"error": code})]
    with pytest.raises(KeyRefused):
        await start(server, host, path, device=True)[0]


async def test_an_answer_that_is_none_ends_the_login(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    issuer.polls = [reply(200, {"authorization_code": Issuer.CODE})]
    with pytest.raises(ModelError) as raised:
        await start(server, host, path, device=True)[0]
    assert secrets_of(raised.value.line()) == []
    issuer.polls = [reply(401, {"error": f"no {Issuer.DEVICE}"})]
    with pytest.raises(KeyRefused) as raised:
        await start(server, host, path, device=True)[0]
    assert secrets_of(raised.value.line()) == []


async def test_an_issuer_without_device_login(server: Any, host: Host, path: Path) -> None:
    for answer, error in ((reply(404), ConfigError), (reply(500), ProviderDown), (reply(200, {}), ModelError)):
        server.answers = [answer]
        with pytest.raises(error):
            await start(server, host, path, device=True)[0]


async def test_a_connection_that_breaks_while_waiting_is_made_again(
    server: Any, host: Host, issuer: Issuer, path: Path
) -> None:
    issuer.polls = [b"", reply(403)]
    assert await start(server, host, path, device=True)[0] == path
