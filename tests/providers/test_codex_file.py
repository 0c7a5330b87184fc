"""The file of a ChatGPT login: private, whole, read strictly; and what its tokens say."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from codex_script import ACCOUNT, FastClock, access, jwt, mode, put, saved, secrets_of, tokens
from kt import Host
from kt.errors import ConfigError, ModelError
from kt_codex import tokens as module
from kt_codex.tokens import TokenFile, claims, tokens_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with Host(clock=FastClock()) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "codex.json"


# The file


async def test_a_login_is_kept_where_the_settings_are(host: Host, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("KT_HOME", str(path.parent))
    assert TokenFile(host).path == path


async def test_a_login_is_private_and_comes_back_as_it_was(host: Host, path: Path) -> None:
    old = os.umask(0)
    try:
        file = TokenFile(host, path)
        async with file.lock():
            file.write(tokens(issuer="https://a.test"))
    finally:
        os.umask(old)
    assert file.read() == tokens(issuer="https://a.test")
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert {p.name: mode(p) for p in path.parent.iterdir()} == {"codex.json": 0o600, "codex.json.lock": 0o600}


async def test_nobody_else_may_write_in_the_folder(host: Host, path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o775)
    TokenFile(host, path).write(tokens())
    assert mode(path.parent) == 0o755
    path.parent.chmod(0o1777)  # as /tmp is: there nobody can replace what is another's
    TokenFile(host, path).write(tokens())
    assert mode(path.parent) == 0o1777


async def test_no_login_is_a_missing_configuration(host: Host, path: Path) -> None:
    for made in (path, saved(path.parent / "a" / "file", tokens()) / "codex.json"):
        with pytest.raises(ConfigError) as raised:
            TokenFile(host, made).read()
        assert raised.value.exit_code == 78
    with pytest.raises(ConfigError, match="no ChatGPT login") as raised:
        TokenFile(host, path).read()
    assert raised.value.hint == "kt login codex"


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o755])
async def test_a_login_that_others_can_read_is_refused(host: Host, path: Path, bits: int) -> None:
    saved(path, tokens()).chmod(bits)
    with pytest.raises(ConfigError, match="others can read") as raised:
        TokenFile(host, path).read()
    assert "chmod 600" in raised.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": None},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "line\nbreak-rt-secret"},
        {"refresh_token": None},
        {"refresh_token": "with space"},
        {"account_id": ""},
        {"issuer": 5},
        {"unknown": 1},
    ],
)
async def test_a_file_is_read_strictly_and_never_quoted(host: Host, path: Path, change: dict[str, Any]) -> None:
    table = json.loads(saved(path, tokens()).read_text()) | change
    put(path, json.dumps(table))
    with pytest.raises(ConfigError, match="damaged") as raised:
        TokenFile(host, path).read()
    assert secrets_of(raised.value.line()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 1', "\udcff", "[" * 100_000])
async def test_what_is_no_table_is_damaged(host: Host, path: Path, text: str) -> None:
    saved(path, tokens()).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match="damaged"):
        TokenFile(host, path).read()


async def test_a_link_or_folder_is_no_login(host: Host, path: Path) -> None:
    path.parent.mkdir()
    put(path, link=saved(path.parent / "elsewhere.json", tokens()))
    with pytest.raises(ConfigError):
        TokenFile(host, path).read()
    put(path, folder=True)
    with pytest.raises(ConfigError):
        TokenFile(host, path).read()


async def test_a_failed_write_leaves_the_old_login(host: Host, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(path, tokens())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("fsync", "fdopen"):
        with monkeypatch.context() as patch:
            patch.setattr(f"kt_codex.tokens.os.{name}", full)
            with pytest.raises(ConfigError, match="No space left") as raised:
                TokenFile(host, path).write(tokens(number=1))
        assert secrets_of(raised.value.line()) == []
    assert TokenFile(host, path).read() == tokens()
    assert [p.name for p in path.parent.iterdir()] == ["codex.json"]


@pytest.mark.parametrize("point", ["os.fsync", "Path.replace"])
async def test_a_crash_in_the_middle_leaves_the_old_login(host: Host, path: Path, point: str) -> None:
    saved(path, tokens())
    script = f"""
import asyncio, os, sys
from pathlib import Path
sys.path.append({str(Path(__file__).parent)!r})
from codex_script import tokens
from kt import Host
from kt_codex.tokens import TokenFile

async def main():
    file = TokenFile(Host(), Path({str(path)!r}))
    async with file.lock():
        {point} = lambda *_: os._exit(9)
        file.write(tokens(number=1))

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    assert await process.wait() == 9
    file = TokenFile(host, path)
    assert file.read() == tokens()
    assert len(list(path.parent.glob(".codex.json.*"))) == 1
    assert all(mode(p) == 0o600 for p in path.parent.iterdir())
    async with file.lock():  # it went with its process
        file.write(tokens(number=2))
    assert file.read() == tokens(number=2)
    assert sorted(p.name for p in path.parent.iterdir()) == ["codex.json", "codex.json.lock"]


# Tokens


def test_a_login_shows_no_token() -> None:
    assert secrets_of(repr(tokens()), str(tokens())) == []


@pytest.mark.parametrize("token", ["", "opaque", "a.b", "a.!!.c", "a.bnVsbA.c", f"a.{'W1' * 40000}.c", "a.é.c"])
def test_what_is_no_jwt_says_nothing(token: str) -> None:
    assert claims(token) == {}


@pytest.mark.parametrize("end", [None, "soon", True, []])
def test_a_token_that_does_not_say_when_it_ends_has_no_end(end: object) -> None:
    assert module.Tokens(jwt(exp=end), "r", ACCOUNT).expires is None


def test_what_a_refresh_leaves_out_stays() -> None:
    new = access(1)
    assert tokens_of({"access_token": new}, "https://i", tokens()) == module.Tokens(
        new, tokens().refresh, ACCOUNT, "https://i"
    )


def test_a_login_without_account_or_refresh_token_is_none() -> None:
    for granted in ({"access_token": access(1), "refresh_token": "r"}, {"access_token": access(1), "id_token": "x"}):
        with pytest.raises(ModelError) as raised:
            tokens_of(granted, "https://i")
        assert secrets_of(raised.value.line()) == []
