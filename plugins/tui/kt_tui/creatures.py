"""The agent, its sub-agents and the creatures of its team, as a tree."""

from collections.abc import Iterable, Iterator
from typing import Any

from kt import Agent
from kt_chat.draw import COLOURS, MARKS, RUNNING
from kt_chat.inert import one_line
from kt_chat.items import Item, Worker
from kt_chat.status import seconds
from kt_chat.transcript import Transcript
from rich.text import Text
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from .team import members_of

Key = tuple[str, str]
"""A creature and "", or a creature and the id of its sub-agent."""
STATES = {"running": "cyan", "waiting": "yellow", "restarting": "yellow", "failed": "red", "stopped": "dim"}


class Creatures(Tree[Item | None]):
    """Show who is at work; a sub-agent's node carries its item."""

    def __init__(self) -> None:
        super().__init__("", id="creatures-tree")
        self.show_root = False
        self.guide_depth = 2
        self._creatures: dict[Key, TreeNode[Item | None]] = {}

    def show(self, agent: Agent, transcripts: dict[str, Transcript]) -> None:
        """Bring the tree up to date. `transcripts` are those of the agent and of its team's creatures, by name."""
        rows = dict(_rows(agent, transcripts))
        for key in [key for key in self._creatures if key not in rows]:
            self._creatures.pop(key).remove()
        for key, (label, item) in rows.items():
            if (node := self._creatures.get(key)) is None:
                above = self._creatures[key[0], ""] if key[1] else self.root
                self._creatures[key] = above.add(label, item, expand=True, allow_expand=not key[1])
            elif node.label != label:
                node.set_label(label)

    def process_label(self, label: Any) -> Text:
        """Return a label as it is: what a model wrote is no markup."""
        return label if isinstance(label, Text) else Text(str(label))


def _rows(agent: Agent, transcripts: dict[str, Transcript]) -> Iterator[tuple[Key, tuple[Text, Item | None]]]:
    members = members_of(agent)
    for name in dict.fromkeys([agent.name, *members, *transcripts]):
        transcript = transcripts.get(name)
        yield (name, ""), (_creature(agent, name, members.get(name), transcript), None)
        for worker in _workers(transcript.items if transcript is not None else ()):
            yield (name, worker.id), (_worker(worker), worker)


def _creature(agent: Agent, name: str, member: Any, transcript: Transcript | None) -> Text:
    doing = transcript.doing if transcript is not None else ""
    if member is not None:
        now = member.status()
        state, words = now.state, [now.state, f"{now.waiting} waiting" if now.waiting else "", now.model]
    else:
        state = "running" if doing else "idle"
        words = [state, agent.model if name == agent.name else ""]
    line = Text.assemble(
        (one_line(name, 40), "bold"), " ", (f"{', '.join(filter(None, words))}", STATES.get(state, ""))
    )
    return line.append(f"  {one_line(doing, 60)}" if doing else "", "dim")


def _workers(items: Iterable[Item]) -> list[Worker]:
    """Return the sub-agents that work, and the last ten that ended."""
    workers = [item for item in items if isinstance(item, Worker)]
    ended = [worker for worker in workers if worker.state not in RUNNING][-10:]
    return [worker for worker in workers if worker.state in RUNNING or worker in ended]


def _worker(worker: Worker) -> Text:
    head = Text.assemble(
        (f"{MARKS[worker.state]} ", COLOURS[worker.state]), (f"{one_line(worker.name, 40)} {worker.id}", "bold")
    )
    said = worker.doing or (f"{worker.state} {seconds(worker.seconds)}" if worker.state not in RUNNING else "")
    return head.append(f"  {one_line(said, 60)}", "dim").append(f"  {one_line(worker.prompt, 40)}", "dim")
