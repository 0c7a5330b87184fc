"""A note to memory: a line that is added to the instructions which agents read in this project."""

from pathlib import Path

from kt import Agent

NAMES = ("AGENTS.override.md", "AGENTS.md", "CLAUDE.md")
"""The first of these in a folder is what agents read, so that is where a note goes."""


async def note_down(agent: Agent, text: str) -> Path:
    """Add a line to the project's AGENTS.md, or with a second # to the user's own; the agent's prompt has it at once.

    Return the file. Raises OSError.
    """
    home = agent.host.registry.find("config", "home")
    own = text.startswith("#") and home is not None
    file = _written(home.load()() if own and home is not None else _root(agent.pwd), text.lstrip("# ").strip())
    await agent.refresh_prompt()
    return file


def _written(folder: Path, line: str) -> Path:
    file = next((folder / name for name in NAMES if (folder / name).is_file()), folder / "AGENTS.md")
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_text("utf-8") if file.is_file() else ""
    gap = "" if not before or before.endswith("\n") else "\n"
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"{gap}- {line}\n")
    return file


def _root(pwd: Path) -> Path:
    """Return the nearest folder from `pwd` upwards that has such a file, else its repository's, else `pwd`."""
    for folder in (pwd, *pwd.parents):
        if (folder / ".git").exists() or any((folder / name).is_file() for name in NAMES):
            return folder
    return pwd
