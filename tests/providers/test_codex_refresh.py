"""The refresh of a ChatGPT login: in time, and once for all tasks and processes."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from codex_script import ACCOUNT, HOUR, NOW, FastClock, Issuer, mode, reply, saved, secrets_of, tokens
from kt import Host
from kt.errors import KeyRefused, KTError, ModelError, ProviderDown
from kt_codex import tokens as module
from kt_codex.lock import locked
from kt_codex.tokens import TokenFile

pytestmark = pytest.mark.anyio


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with Host(clock=FastClock()) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "codex.json"


async def login(server: Any, host: Host, path: Path, expires: float) -> tuple[Issuer, TokenFile]:
    issuer = Issuer()
    server.answers = [issuer]
    return issuer, TokenFile(host, saved(path, tokens(expires, issuer=server.url)))


@pytest.mark.parametrize(("left", "refreshes"), [(301, 0), (299, 1), (-HOUR, 1)])
async def test_a_token_is_refreshed_five_minutes_before_its_end(
    server: Any, host: Host, path: Path, left: float, refreshes: int
) -> None:
    issuer, file = await login(server, host, path, NOW + left)
    assert (await file.fresh()).refresh == f"rt-secret-{refreshes:04}"
    assert file.read().refresh == f"rt-secret-{refreshes:04}"
    assert len(issuer.forms) == refreshes
    if refreshes:
        assert issuer.forms == [
            {"grant_type": "refresh_token", "refresh_token": "rt-secret-0000",
             "client_id": "app_EMoamEEZ73f0CkXaXp7hrann"}
        ]  # fmt: skip
        assert mode(path) == 0o600


async def test_a_refused_token_is_refreshed_unless_another_is_there(server: Any, host: Host, path: Path) -> None:
    issuer, file = await login(server, host, path, NOW + HOUR)
    refused = file.read()
    newer = await file.fresh(refused=refused)
    assert newer.access != refused.access
    assert await file.fresh(refused=refused) == newer
    assert len(issuer.forms) == 1


async def test_many_tasks_refresh_once(server: Any, host: Host, path: Path) -> None:
    issuer, file = await login(server, host, path, NOW)
    found = await asyncio.gather(*(TokenFile(host, path).fresh() for _ in range(20)))
    assert set(found) == {file.read()}
    assert issuer.spent == ["rt-secret-0000"]


async def test_many_processes_refresh_once(server: Any, host: Host, path: Path) -> None:
    issuer, file = await login(server, host, path, NOW)  # which is over for their clocks too, or soon
    saved(path, tokens(1.0, issuer=server.url))
    issuer.expires = 9e9
    issuer.gate.clear()
    script = f"""
import asyncio
from pathlib import Path
from kt import Host
from kt_codex.tokens import TokenFile

async def main():
    async with Host() as host:
        print("ready", flush=True)
        print(await TokenFile(host, Path({str(path)!r})).fresh(), flush=True)

asyncio.run(main())
"""
    command, pipe = [sys.executable, "-c", script], asyncio.subprocess.PIPE
    processes = [await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    await issuer.asked.wait()
    issuer.gate.set()
    for process in processes:
        out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert ACCOUNT in out.decode()
        assert secrets_of(out.decode()) == []
    assert [form["refresh_token"] for form in issuer.forms] == ["rt-secret-0000"]
    assert file.read().refresh == "rt-secret-0001"


async def test_the_loop_goes_on_while_another_holds_the_lock(server: Any, host: Host, path: Path) -> None:
    issuer, file = await login(server, host, path, NOW)
    async with file.lock():
        waiting = asyncio.create_task(file.fresh())
        for _ in range(3):
            await asyncio.sleep(0.03)
        assert not waiting.done()
        file.write(tokens(number=7, issuer=server.url))
    assert await waiting == tokens(number=7, issuer=server.url)
    assert issuer.forms == []


async def test_a_lock_that_is_never_free_is_given_up(path: Path) -> None:
    path.parent.mkdir()
    async with locked(path):
        with pytest.raises(ProviderDown, match="another process"):
            async with locked(path, patience=0.0):
                pass
    async with locked(path, patience=0.0):
        pass


async def test_a_token_spent_by_somebody_without_the_lock_is_taken_from_the_file(
    server: Any, host: Host, path: Path
) -> None:
    issuer, file = await login(server, host, path, NOW)
    issuer.valid = "rt-secret-0005"
    issuer.gate.clear()
    waiting = asyncio.create_task(file.fresh())
    await issuer.asked.wait()
    file.write(tokens(number=5, issuer=server.url))
    issuer.gate.set()
    assert await waiting == tokens(number=5, issuer=server.url)
    assert len(issuer.forms) == 1


async def test_a_token_from_the_file_that_is_at_its_end_is_refreshed_in_turn(
    server: Any, host: Host, path: Path
) -> None:
    issuer, file = await login(server, host, path, NOW)
    issuer.valid = "rt-secret-0005"
    issuer.gate.clear()
    waiting = asyncio.create_task(file.fresh())
    await issuer.asked.wait()
    file.write(tokens(NOW, number=5, issuer=server.url))
    issuer.gate.set()
    assert (await waiting).refresh == "rt-secret-0001"
    assert [form["refresh_token"] for form in issuer.forms] == ["rt-secret-0000", "rt-secret-0005"]


async def test_a_refused_refresh_asks_for_a_new_login(server: Any, host: Host, path: Path) -> None:
    issuer, file = await login(server, host, path, NOW)
    issuer.valid = "another"
    with pytest.raises(KeyRefused, match="has already been used") as raised:
        await file.fresh()
    assert raised.value.exit_code == 77
    assert "kt login codex" in raised.value.hint
    assert secrets_of(raised.value.line()) == []
    assert file.read() == tokens(NOW, issuer=server.url)


async def test_a_service_that_is_down_is_asked_again(server: Any, host: Host, path: Path) -> None:
    issuer, file = await login(server, host, path, NOW)
    issuer.errors = [reply(503), reply(429, retry_after="2")]
    assert (await file.fresh()).refresh == "rt-secret-0001"
    assert host.clock.slept[1] == 2.0  # type: ignore[attr-defined]
    saved(path, tokens(NOW, issuer=server.url))
    issuer.errors = [reply(503, {"error": "rt-secret-0000"})] * 3
    with pytest.raises(ProviderDown) as raised:
        await file.fresh()
    assert secrets_of(raised.value.line()) == []


async def test_a_token_is_used_to_its_end_while_the_service_is_down(server: Any, host: Host, path: Path) -> None:
    issuer, file = await login(server, host, path, NOW + 100)
    issuer.errors = [reply(503)] * 4
    assert await file.fresh() == tokens(NOW + 100, issuer=server.url)
    assert len(issuer.forms) == 1
    with pytest.raises(ProviderDown):
        await file.fresh(refused=file.read())


@pytest.mark.parametrize("body", [{}, {"access_token": ""}, {"access_token": "a b"}, [], "rt-secret", None])
async def test_an_answer_without_tokens_changes_nothing(server: Any, host: Host, path: Path, body: object) -> None:
    issuer, file = await login(server, host, path, NOW)
    issuer.errors = [reply(200, body)]
    with pytest.raises(ModelError) as raised:
        await file.fresh()
    assert secrets_of(raised.value.line()) == []
    assert file.read() == tokens(NOW, issuer=server.url)


async def test_a_cancelled_refresh_is_written_all_the_same(server: Any, host: Host, path: Path) -> None:
    issuer, file = await login(server, host, path, NOW)
    issuer.gate.clear()
    waiting = asyncio.create_task(file.fresh())
    await issuer.asked.wait()
    waiting.cancel()
    await asyncio.sleep(0)
    issuer.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert file.read().refresh == "rt-secret-0001"


async def test_a_cancelled_refresh_does_not_wait_for_ever(
    server: Any, host: Host, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE", 0.01)
    issuer, file = await login(server, host, path, NOW)
    issuer.gate.clear()
    waiting = asyncio.create_task(file.fresh())
    await issuer.asked.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    issuer.gate.set()
    async with locked(path.with_name("codex.json.lock"), patience=0.0):
        assert file.read() == tokens(NOW, issuer=server.url)


@pytest.mark.parametrize("url", ["http://a.test", "ftp://a", "https://u:p@a.test", "https://", "nothing", "https://[x"])
async def test_tokens_go_to_no_unsafe_address(host: Host, path: Path, url: str) -> None:
    file = TokenFile(host, saved(path, tokens(NOW, issuer=url)))
    with pytest.raises(KTError) as raised:
        await file.fresh()
    assert raised.value.exit_code == 78
