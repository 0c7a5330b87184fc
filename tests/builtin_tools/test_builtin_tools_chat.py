"""/todo: the list that the model keeps, as a person sees it."""

import pytest
from kt.errors import UsageError
from kt.testing import running
from kt_builtin_tools.chat import todo

pytestmark = pytest.mark.anyio


async def test_the_list_is_shown_with_its_marks() -> None:
    items = [{"text": "look", "status": "done"}, {"text": "write\nit", "status": "active"}, {"text": "test"}]
    async with running([[("todo", {"items": items})], "done"], tools=["todo"]) as agent:
        assert await todo(agent, "") == "there is no to-do list"
        assert (await agent.run("go")).ok
        assert (await todo(agent, "")).splitlines() == ["[x] look", "[>] write it", "[ ] test", "1 of 3 done"]
        with pytest.raises(UsageError):
            await todo(agent, "add more")
