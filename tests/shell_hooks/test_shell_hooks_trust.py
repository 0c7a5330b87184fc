"""What keeps hooks safe and stands elsewhere: the digest of trust, and what a session brings back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Plugins
from kt.testing import EventRecorder, ScriptedLLM
from kt_config.trust import trust

from .conftest import Hooked, Seen, advice, at

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("file", ["hooks/check.sh", "hooks/lib/owl.py", "settings.json", "settings.local.json"])
async def test_trust_ends_with_a_script_that_changed(
    hooked: Hooked, repo: Path, write_settings: Callable[..., Path], seen: Seen, file: str
) -> None:
    write_settings(repo, at("UserPromptSubmit", seen.keep))
    trust(repo)
    async with hooked({}) as agent:
        changed = repo / ".claude" / file
        changed.parent.mkdir(parents=True, exist_ok=True)
        changed.write_text("{}")
        recorder = EventRecorder(agent)
        assert (await agent.run("go")).ok
    (remark,) = advice(recorder)
    assert "it changed since it was trusted" in remark
    assert seen.all == []


async def test_a_session_brings_no_programs_back(plugins: Plugins, repo: Path, seen: Seen, tmp_path: Path) -> None:
    hooks: list[Any] = [{"shell_hooks": {"hooks": at("SessionStart", seen.keep)}}]
    file = tmp_path / "owls.ktlog"
    async with Host(plugins) as host:
        made = await Agent.build({}, llm=ScriptedLLM(["one"]), session=file, plugins=hooks, host=host, pwd=repo)
        async with made as agent:
            await agent.run("hi")
        again = await Agent.resume(file, host=host, llm=ScriptedLLM(["two"]))
        await again.stop()
    assert seen.events == ["SessionStart"]
