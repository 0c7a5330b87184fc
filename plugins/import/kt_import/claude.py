"""Claude Code's agents, skills and commands as creatures and skills of ours."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import NotFound

from . import claude_agent, claude_instructions, claude_settings
from .bases import folder_name
from .frontmatter import parse
from .names import GUARDING
from .prompts import placed
from .report import Report
from .section import Target
from .skills import skill, slug, text_of_skill
from .source import OUTSIDE, read_text
from .work import Work
from .yaml_text import dump

if TYPE_CHECKING:
    from kt import Plugins

SKILLS = ".agents/skills"
MAIN = "You work in this folder. Hand work to the sub-agent that is made for it, and check what comes back."
_ARGUMENTS = re.compile(r"\$ARGUMENTS|\$\d\b|!`[^`]*`")
PARTS = ("agents", "skills", "commands")


def convert(plugins: "Plugins", path: Path) -> Work:
    """Return the output of an agent's file, a skill's folder, or a folder with `.claude`.

    Raises NotFound where there is none of these, and DataError for front matter that is neither YAML nor lines.
    """
    root = path.parent if path.is_file() else path
    work = Work(plugins, Report(root), root)
    if path.is_file() and path.suffix == ".md" and path.name != "SKILL.md":
        _single(work, path)
    elif path.name == "SKILL.md" or (path / "SKILL.md").is_file():
        name = skill(work, root, SKILLS)
        work.kind, work.main, work.name = "skill", f"{SKILLS}/{name}", name
        work.report.whole = True
    elif part := _part(path):
        _parts(work, path.resolve().parent, {part: [path]})
    elif path.is_dir():
        _folder(work, path)
    if not work.files:
        hint = "name a folder that holds .claude, or one of agents, skills or commands"
        raise NotFound(f"no agents, skills, commands or CLAUDE.md in {path}", hint=hint)
    if work.kind == "folder":
        _main(work)
    return work


def _single(work: Work, path: Path) -> None:
    """Convert one agent; the files beside it are none of its business."""
    made = claude_agent.agent(work, path, "")
    work.kind, work.main, work.name = "creature", "creature.yaml", folder_name(made) or "agent"
    work.report.whole = False


def _part(path: Path) -> str:
    """Return which part of a `.claude` a folder is; "" for a file, and for one that has parts itself."""
    real = path.resolve()
    whole = real.parent.name != ".claude" and any((real / name).is_dir() for name in (".claude", *PARTS))
    return real.name if real.is_dir() and real.name in PARTS and not whole else ""


def _folder(work: Work, path: Path) -> None:
    """Convert a project's folder, or its `.claude`."""
    top = path if path.resolve().name == ".claude" else path / ".claude"
    root = Path(os.path.normpath(top / ".."))
    work.root = work.report.root = top if top.is_dir() else path
    _parts(
        work,
        root.resolve() / ".claude",
        {name: [folder / name for folder in dict.fromkeys((top, path))] for name in PARTS},
    )
    told = [root / name for name in claude_instructions.NAMES if (root / name).is_file()]
    claude_instructions.take(work, root, [file for file in told if not _is_outside(work, file)])
    claude_settings.report(work, top, root)


def _parts(work: Work, top: Path, folders: dict[str, list[Path]]) -> None:
    """Convert what lies in folders of agents, skills and commands; `top` is the `.claude`, or what holds them."""
    project = top.parent if top.name == ".claude" else top
    work.kind, work.name = "folder", folder_name(f"{project.name}-imported")
    for folder in folders.get("agents", ()):
        for file in _found(work, folder, "*.md"):
            claude_agent.agent(work, file, "agents")
    _skills(work, folders.get("skills", ()))
    for folder in folders.get("commands", ()):
        for file in _found(work, folder, "*.md"):
            _command(work, file, folder)


def _found(work: Work, folder: Path, pattern: str) -> list[Path]:
    """Return the files below a folder that are the source's own; the others are reported."""
    return [file for file in sorted(folder.rglob(pattern)) if not _is_outside(work, file)]


def _is_outside(work: Work, file: Path) -> bool:
    outside = work.report.leads_out(file)
    if outside:
        work.report.add("dropped", file.name, str(file), OUTSIDE)
        work.report.reads(file)
    return outside


def _main(work: Work) -> None:
    """Add the creature that has the agents for sub-agents."""
    agents = sorted({path.split("/")[1] for path in work.creature_files})
    made = Target()
    made.put(("description",), "Works in this folder, with the agents that were there")
    made.put(("prompt",), MAIN)
    made.put(("tools",), list(claude_agent.ALL))
    if agents:
        made.put(("subagents",), [f"../agents/{name}" for name in agents])
    made.put(("plugins",), {"skills": {}})
    made.put(("guards",), list(GUARDING))
    work.files["main/creature.yaml"] = dump(made.data)
    work.creature_files.append("main/creature.yaml")
    work.main = "main"


def _skills(work: Work, folders: Sequence[Path]) -> None:
    known: set[str] = set()
    for folder in folders:
        for file in _found(work, folder, "SKILL.md"):
            if file.parent.name in known:
                work.report.add("dropped", file.parent.name, str(file), "a skill of that name is there already")
                work.report.reads(file)
                continue
            known.add(file.parent.name)
            name = skill(work, file.parent, SKILLS)
            work.report.add("kept", file.parent.name, f"{file}:1:1", f"{SKILLS}/{name}")


def _command(work: Work, file: Path, folder: Path) -> None:
    """Convert a command into a skill: the user's words are then the request, not arguments."""
    front = parse(read_text(file, work.report), file, work.plugins.registry, work.report)
    work.report.reads(file)
    name = slug("-".join(file.relative_to(folder).with_suffix("").parts))
    while f"{SKILLS}/{name}/SKILL.md" in work.files:
        name += "-command"
    for key in ("model", "argument-hint", "disable-model-invocation", "agent", "context"):
        front.section.drop(key, "a skill is read by the agent that works, when it needs it")
    work.files[f"{SKILLS}/{name}/SKILL.md"] = text_of_skill(front, name)
    work.report.add("changed", f"/{name}", f"{file}:1:1", f"{SKILLS}/{name}: ask for it by its name")
    text = read_text(file, work.report)
    place = placed(file, text)
    for match in _ARGUMENTS.finditer(text):
        why = "it stands there as text; say in words what is meant"
        work.report.add("dropped", match[0], place(match.start()), why)
