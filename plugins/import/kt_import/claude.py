"""Claude Code's agents, skills and commands as creatures and skills of ours."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import NotFound

from . import claude_agent, claude_settings
from .bases import folder_name
from .frontmatter import parse
from .names import GUARDING
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
_IMPORT = re.compile(r"^@(\S+)[ \t]*$", re.MULTILINE)
INSTRUCTIONS = ("CLAUDE.md", "CLAUDE.local.md", ".claude/CLAUDE.md", "AGENTS.md")


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
    elif path.is_dir():
        _folder(work, path)
    if not work.files:
        raise NotFound(f"no agents, skills, commands or CLAUDE.md in {path}", hint="name a folder that holds .claude")
    return work


def _single(work: Work, path: Path) -> None:
    """Convert one agent; the files beside it are none of its business."""
    made = claude_agent.agent(work, path, "")
    work.kind, work.main, work.name = "creature", "creature.yaml", folder_name(made) or "agent"
    work.report.whole = False


def _folder(work: Work, path: Path) -> None:
    top = path if path.name == ".claude" else path / ".claude"
    root = path.parent if path.name == ".claude" else path
    work.root = work.report.root = top if top.is_dir() else path
    work.kind, work.name = "folder", folder_name(f"{root.resolve().name}-imported")
    folders = [top, path] if top.is_dir() else [path]
    for folder in folders:
        for file in _found(work, folder / "agents", "*.md"):
            claude_agent.agent(work, file, "agents")
    _skills(work, folders)
    for folder in folders:
        for file in _found(work, folder / "commands", "*.md"):
            _command(work, file, folder / "commands")
    for name in INSTRUCTIONS:
        if (root / name).is_file() and not _is_outside(work, root / name):
            _instructions(work, root, root / name)
    claude_settings.report(work, top, root)
    if work.files:
        _main(work)


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


def _skills(work: Work, folders: list[Path]) -> None:
    known: set[str] = set()
    for folder in folders:
        for file in _found(work, folder / "skills", "SKILL.md"):
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
    for match in _ARGUMENTS.finditer(text):
        line, start = text.count("\n", 0, match.start()), text.rfind("\n", 0, match.start())
        place = f"{file}:{line + 1}:{match.start() - start}"
        work.report.add("dropped", match[0], place, "it stands there as text; say in words what is meant")


def _instructions(work: Work, root: Path, file: Path) -> None:
    """Copy what every agent of a folder is told, and the files it names in lines of their own."""
    text = read_text(file, work.report)
    work.report.reads(file)
    out = "AGENTS.md" if "AGENTS.md" not in work.files else work.free("CLAUDE.md")
    if out == "AGENTS.md":
        work.files[out] = text
        work.report.add("kept", file.name, f"{file}:1:1", f"{out}: every agent that works in the folder reads it")
    else:
        work.files["AGENTS.md"] = f"{str(work.files['AGENTS.md']).rstrip()}\n\n{text}"
        work.report.add("changed", file.name, f"{file}:1:1", "it stands at the end of AGENTS.md")
    for match in _IMPORT.finditer(text):
        named = file.parent / match[1]
        if named.is_file() and named.resolve().is_relative_to(root.resolve()):
            inner = named.resolve().relative_to(root.resolve()).as_posix()
            work.files[inner] = read_text(named, work.report)
            work.report.add("kept", f"@{match[1]}", f"{file}:1:1", inner)
        else:
            work.report.add("dropped", f"@{match[1]}", f"{file}:1:1", "no file of the folder; write it beside")
