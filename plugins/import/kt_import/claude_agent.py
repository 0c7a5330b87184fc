"""An agent of Claude Code: front matter and a prompt, as a creature's folder."""

import posixpath
import re
from pathlib import Path

from .bases import folder_name
from .frontmatter import parse
from .kohaku import ordered
from .names import GUARDING
from .section import Section, Target
from .source import read_text
from .work import Work
from .yaml_text import dump

TOOLS = {
    "Read": "read", "Write": "write", "Edit": "edit", "MultiEdit": "edit", "NotebookEdit": "notebook_edit",
    "NotebookRead": "notebook_read", "Bash": "bash", "BashOutput": "tasks", "TaskOutput": "tasks",
    "KillShell": "stop_task", "KillBash": "stop_task", "TaskStop": "stop_task", "Glob": "glob", "Grep": "grep",
    "LS": "tree", "WebFetch": "fetch", "WebSearch": "web_search", "TodoWrite": "todo", "TodoRead": "todo",
    "Skill": "skill", "SlashCommand": "skill", "AskUserQuestion": "ask_user",
}  # fmt: skip
GONE = {
    "Task": "a creature with sub-agents has the tool task: subagents: [REFERENCE]",
    "Agent": "a creature with sub-agents has the tool task: subagents: [REFERENCE]",
    "ExitPlanMode": "`kt run --permissions plan` is the mode; the user ends it",
    "EnterPlanMode": "`kt run --permissions plan` is the mode; the user ends it",
}
ALL = (
    *("read", "write", "edit", "glob", "grep", "tree", "bash", "tasks", "stop_task", "fetch", "web_search", "todo"),
    *("skill", "ask_user"),
)
"""What an agent that names no tools is given."""

MODELS = {
    "opus": "anthropic/claude-opus-4-8",
    "sonnet": "anthropic/claude-sonnet-4-5",
    "haiku": "anthropic/claude-haiku-4-5",
}
KEYS = {
    "color": "a surface chooses its colours",
    "permissionMode": "the user says it: `kt run --permissions MODE`",
    "mcpServers": "MCP is not there yet",
    "hooks": "the plugin shell_hooks runs it, from .claude/settings.json of a folder you trust: docs/shell_hooks.md",
    "memory": "the tool search_memory finds what sessions keep: docs/search.md",
    "background": "the model says for each call whether it waits; wait: in its parent's table says it once",
    "isolation": "`kt run --cwd FOLDER` works elsewhere",
    "version": "a pack has a version: kt-pack.toml",
}
_PATTERN = re.compile(r"([A-Za-z_][\w-]*)\s*(\(.*\))?", re.DOTALL)


def agent(work: Work, file: Path, out: str) -> str:
    """Convert an agent into a folder below `out`, or into the output's top; return its name."""
    front = parse(read_text(file, work.report), file, work.plugins.registry, work.report)
    work.report.reads(file)
    section, target = front.section, Target()
    name = folder_name(section.text("name") or file.stem) or "agent"
    folder = _free(work, posixpath.join(out, name) if out else "")
    if "name" in section and not isinstance(section.get("name"), str):
        section.drop("name", "a name is a text")
    section.move("name", target, value=name, why="" if section.text("name") == name else "a folder's name")
    _description(section, target)
    _model(section, target)
    _tools(section, target)
    if re.fullmatch("[1-9][0-9]{0,8}", turns := section.text("maxTurns")):
        section.move("maxTurns", target, ("limits", "max_turns"), value=int(turns))
    section.drop("maxTurns", "it is no number of model calls")
    for key, why in KEYS.items():
        section.drop(key, why)
    target.put(("prompt_file",), "prompt.md")
    target.put(("guards",), list(GUARDING))
    # A prompt has no forms there, and {{ }} are forms here.
    work.files[posixpath.join(folder, "prompt.md")] = front.body.strip().replace("{{", "\\{{") + "\n"
    work.report.add("kept", file.name, f"{file}:1:1", f"{posixpath.join(folder, 'prompt.md')}: its prompt")
    path = posixpath.join(folder, "creature.yaml")
    work.files[path] = dump(ordered(target))
    work.creature_files.append(path)
    return name


def _free(work: Work, folder: str) -> str:
    found, number = folder, 2
    while posixpath.join(found, "creature.yaml") in work.files:
        found, number = f"{folder}-{number}", number + 1
    return found


def _description(section: Section, target: Target) -> None:
    """Move the description. `${NAME}` is text there, and a variable of the environment here."""
    text = section.text("description")
    ours = text.replace("${", "$ {")
    section.move("description", target, value=ours, want="text", why="" if ours == text else "$ { is no variable")


def _model(section: Section, target: Target) -> None:
    name = section.text("model")
    if name in ("inherit", "default"):
        section.used("model", "llm: where it is not said, it is the parent's, or the user's default")
    elif name in MODELS:
        section.move("model", target, ("llm", "model"), value=MODELS[name], why="or another: kt model list anthropic")
    elif name:
        full = name if "/" in name or not name.startswith("claude") else f"anthropic/{name}"
        section.move("model", target, ("llm", "model"), value=full)
    section.drop("model", "a model is a text")
    section.move("effort", target, ("llm", "settings", "effort"), want="text")
    table = target.data.get("llm")
    if isinstance(table, dict):
        target.data["llm"] = table["model"] if list(table) == ["model"] else {"model": "default", **table}


def _tools(section: Section, target: Target) -> None:
    """Move the tools; who names none has them all, but those that it refuses."""
    for key in ("tools", "disallowedTools", "skills"):
        if isinstance(section.get(key), str):
            section.left[key] = _split(section.text(key))
    refused = section.inner("disallowedTools")
    names = {TOOLS.get(refused.text(index).partition("(")[0]) for index in refused.left}
    named = "tools" in section
    tools = section.inner("tools")
    if not named or any(tools.text(index) == "*" for index in tools.left):
        target.data["tools"] = [name for name in ALL if name not in names]
    for index in list(tools.left):
        _tool(tools, index, target)
    for index in list(refused.left):
        refused.used(index, "tools: it is not among them; rules for commands are the user's: docs/safety.md")
    target.data["tools"] = [name for name in target.data.get("tools", []) if name not in names]
    skills = section.inner("skills")
    for index in list(skills.left):
        target.add("tools", "skill")
        skills.used(index, "tools: skill finds all that are installed")
    if "skill" in target.data["tools"]:
        target.put(("plugins", "skills"), {})


def _split(text: str) -> list[str]:
    """Return the names of a list with commas, which may stand in a pattern in brackets as well."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _tool(tools: Section, index: str | int, target: Target) -> None:
    match = _PATTERN.fullmatch(tools.text(index).strip())
    if tools.text(index) == "*":
        tools.used(index, "tools: all that are usual here")
    elif match is None or match[1].startswith("mcp__"):
        tools.drop(index, "MCP is not there yet" if match else "this is no tool")
    elif ours := TOOLS.get(match[1]):
        why = f"{match[2]} is a rule, and rules are the user's: docs/safety.md" if match[2] else ""
        tools.add(index, target, "tools", ours, why)
    else:
        tools.drop(index, GONE.get(match[1], f"no tool here does what {match[1]} does"))
