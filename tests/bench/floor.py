"""The floor: plain asyncio, dicts and json, what any agent loop must do and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from script import Script, add


class FloorAgent:
    """Answer prompts from a script, calling one tool."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.tools = {"add": add}
        self.messages: list[dict[str, Any]] = [{"role": "system", "content": "You are a test agent."}]

    async def _complete(self) -> dict[str, Any]:
        step = self.script.next()
        if step.sleep:
            await asyncio.sleep(step.sleep)
        if step.calls:
            calls = [{"id": i, "function": {"name": n, "arguments": a}} for i, n, a in step.make_calls()]
            return {"role": "assistant", "content": None, "tool_calls": calls}
        return {"role": "assistant", "content": "".join(step.deltas)}

    async def _deltas(self) -> AsyncIterator[str]:
        for delta in self.script.next().deltas:
            yield delta

    async def _call(self, call: dict[str, Any]) -> dict[str, Any]:
        function = call["function"]
        result = self.tools[function["name"]](**json.loads(function["arguments"]))
        return {"role": "tool", "tool_call_id": call["id"], "content": str(result)}

    async def run(self, text: str) -> str:
        self.messages.append({"role": "user", "content": text})
        while True:
            message = await self._complete()
            self.messages.append(message)
            calls = message.get("tool_calls")
            if not calls:
                return str(message["content"])
            if len(calls) == 1:
                self.messages.append(await self._call(calls[0]))
            else:
                self.messages += await asyncio.gather(*[self._call(c) for c in calls])

    async def stream(self, text: str) -> AsyncIterator[str]:
        self.messages.append({"role": "user", "content": text})
        parts = []
        async for delta in self._deltas():
            parts.append(delta)
            yield delta
        self.messages.append({"role": "assistant", "content": "".join(parts)})


async def build(script: Script) -> FloorAgent:
    return FloorAgent(script)


async def turn(agent: FloorAgent, text: str) -> str:
    return await agent.run(text)


async def stream(agent: FloorAgent, text: str) -> AsyncIterator[str]:
    async for delta in agent.stream(text):
        yield delta


async def close(agent: FloorAgent) -> None:
    pass
