"""kt login codex as a command, and the way out again; the issuer is a server of the test."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from codex_script import FastClock, Issuer, get, mode, put, reply, saved, secrets_of, there, tokens
from kt import Host
from kt.errors import ConfigError, KTError, UsageError
from kt_codex import oauth
from kt_codex.login import logout, main

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


# Out again


async def test_a_logout_forgets_the_login_here_and_there(server: Any, host: Host, issuer: Issuer, path: Path) -> None:
    saved(path, tokens(issuer=server.url))
    assert await logout(host, file=path)
    assert issuer.revoked == ["rt-secret-0000"]
    assert not there(path)
    assert not await logout(host, file=path)


async def test_a_logout_is_done_here_where_the_service_does_not_answer(
    server: Any, host: Host, issuer: Issuer, path: Path
) -> None:
    issuer.errors = [reply(500)]
    saved(path, tokens(issuer=server.url))
    with pytest.raises(KTError, match="removed here") as raised:
        await logout(host, file=path)
    assert secrets_of(raised.value.line()) == []
    assert not there(path)
    put(path, "damaged")
    assert await logout(host, file=path)


# The command


@pytest.mark.parametrize("argv", [["--nope"], ["word"], ["--device", "--logout"]])
def test_a_wrong_word_is_said(argv: list[str]) -> None:
    with pytest.raises(UsageError):
        main(argv)


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Usage: kt login codex ")
    for word in ("--device", "--logout", "--no-browser", "client id"):
        assert word in shown


@pytest.mark.parametrize("url", ["http://a.test", "nonsense"])
def test_the_issuer_is_a_safe_address(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("KT_CODEX_ISSUER", url)
    with pytest.raises(ConfigError):
        oauth.issuer_of()
    monkeypatch.delenv("KT_CODEX_ISSUER")
    assert oauth.issuer_of() == "https://auth.openai.com"


async def run(home: Path, issuer: str, *args: str) -> asyncio.subprocess.Process:
    environment = {**os.environ, "KT_HOME": str(home), "KT_CODEX_ISSUER": issuer}
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "kt_cli", "login", "codex", *args]
    return await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe)


async def test_the_command_logs_in_and_out(server: Any, issuer: Issuer, path: Path) -> None:
    process = await run(path.parent, server.url, "--no-browser")
    assert process.stdout is not None
    shown = ""
    while "oauth/authorize" not in shown:
        line = await process.stdout.readline()
        assert line, "it ended before it showed an address"
        shown += line.decode()
    query = parse_qs(urlsplit(shown.split()[-1]).query)
    issuer.challenge = query["code_challenge"][0]
    status, page = await get(f"{query['redirect_uri'][0]}?code={Issuer.CODE}&state={query['state'][0]}")
    out, err = await process.communicate()
    assert (process.returncode, err, status) == (0, b"", 200)
    assert str(path) in out.decode()
    assert "client id of OpenAI's Codex CLI" in shown
    assert secrets_of(shown, out.decode(), page) == []
    assert mode(path) == 0o600

    process = await run(path.parent, server.url, "--logout")
    out, err = await process.communicate()
    assert (process.returncode, out, err) == (0, b"Logged out.\n", b"")
    assert issuer.revoked == ["rt-secret-0001"]


async def test_the_command_logs_in_on_another_device(server: Any, issuer: Issuer, path: Path) -> None:
    issuer.interval, issuer.polls = "1", [reply(403)]
    process = await run(path.parent, server.url, "--device")
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert Issuer.USER_CODE in out.decode()
    assert secrets_of(out.decode()) == []


async def test_a_refused_command_says_so_in_one_line(server: Any, issuer: Issuer, path: Path) -> None:
    issuer.polls = [reply(400, {"error": "access_denied"})]
    process = await run(path.parent, server.url, "--device")
    _, err = await process.communicate()
    assert process.returncode == 77
    assert err.decode().startswith("error[E-KEY]: the login was refused")
    assert err.count(b"\n") == 1
