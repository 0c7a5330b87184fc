"""The watch over folders that grow, where one of them goes."""

import asyncio
from pathlib import Path

import pytest
from kt_sandbox.disk import Watch

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_a_folder_that_goes_is_no_reason_to_stop(tmp_path: Path, when: str) -> None:
    folders = [tmp_path / "stays", tmp_path / "goes"]
    folders[0].mkdir()
    if when == "meanwhile":
        folders[1].mkdir()
    ended = []

    async def work() -> None:
        if when == "meanwhile":
            folders[1].rmdir()
        await asyncio.sleep(0.6)
        ended.append(when)

    watch = Watch(folders, 1_000_000)
    await watch.until(work())
    assert (watch.stopped, ended) == ("", [when])
