"""Make the golden file of the format that the code writes now: `python tests/sessions/golden/make.py`.

Only for a new format: a file of an older one is never made again.
"""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from tempfile import gettempdir

from kt import Agent, Media, Message, Opaque, Text, Thinking, ToolCall, ToolResult
from kt_sessions.rewind import rewind
from kt_sessions.schema import FORMAT

HERE = Path(__file__).parent


async def write(path: Path) -> None:
    """Write all that a session can hold: turns, state, an edit, media, blobs, a part, and a path that was left."""
    async with await Agent.build({"name": "golden"}, llm="scripted/", session=path, pwd=path.parent) as agent:
        await agent.run("hello")
        agent.state["plan"] = [{"step": "first", "done": True}]
        agent.edit_history(0, 1, [Message("user", [Text("(hello, in short)")])], by="compaction")
        media = Media("image/png", data=bytes(range(256)))
        await agent.run([Text("Müller 東京 😀"), media, Opaque("hologram", {"beams": [1, 2.5]})])
        agent.add(Message("assistant", [Thinking("hm", signature="sig"), ToolCall("c1", "look", '{"a":')]))
        long = ToolResult("c1", [Text("x" * 40_000, origin="file")], is_error=True, name="look")
        agent.add(Message("tool", [long]))
        await agent.run("and \ud800 on")
        part = await Agent.build(
            {"name": "part"}, llm="scripted/", host=agent.host, session=agent.log.child(), pwd=agent.pwd
        )
        async with part:
            await part.run("a part")
    rewind(path, 2)
    async with await Agent.resume(path) as agent:
        await agent.run("from turn 2")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    from test_formats import as_read

    folder = Path(gettempdir(), "golden")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    made = folder / f"format-{FORMAT}.ktlog"
    asyncio.run(write(made))
    shutil.copy(made, HERE)
    (HERE / f"format-{FORMAT}.json").write_text(json.dumps(as_read(made), indent=1) + "\n")
