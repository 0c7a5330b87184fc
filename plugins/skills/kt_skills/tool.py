"""The second and third tier of skills: what SKILL.md says, and the files beside it."""

import json

from kt import Context, Text, ToolNeeds, tool
from kt.errors import DataError, KTError, NotFound, Vetoed, nearest

from .folder import files_of, read_bytes
from .packs import skill_of
from .plugin import offered
from .skill import Skill

MAX_TEXT = 50_000
"""Characters of one result."""
MAX_LISTED = 100


@tool(effect="read", blocking=True, needs=ToolNeeds(reads=("*",)))
def skill(ctx: Context[object], name: str, file: str = "") -> Text:
    """Read a skill's instructions, or one of its files.

    Args:
        file: Like references/x.md. Without it you get the instructions.
    """
    chosen = _chosen(ctx, name)
    text = _file(chosen, file) if file else instructions(chosen, *_folder(ctx, chosen))
    return Text(text, origin="" if chosen.own else "file")


def _chosen(ctx: Context[object], name: str) -> Skill:
    if name.startswith("@"):
        return skill_of(ctx.agent.host.plugins, name)
    found = offered(ctx.agent)
    if name in found.skills:
        return found.skills[name]
    for unfit in found.unfit:
        if unfit.name == name:
            raise DataError(f"skill {name!r} can't be used: {unfit.why}", where=unfit.where)
    raise NotFound(f"there is no skill {name!r}", hint=nearest(name, found.skills))


def instructions(chosen: Skill, folder: str, reached: bool) -> str:
    """Return what a model reads of a skill; `folder` is its folder as tools name it, `reached` whether they reach it.

    The skill's text is cut after 50,000 characters.
    """
    head = f"Skill {chosen.name}. Paths in it start from {_shown(folder)}."
    if chosen.compatibility:
        head += f" It needs: {' '.join(chosen.compatibility.split())}"
    files = files_of(chosen.folder)
    lines = [f"- {_shown(path)}" for path in files[:MAX_LISTED]]
    if len(files) > MAX_LISTED:
        lines.append(f"[... {len(files) - MAX_LISTED} more]")
    parts = [head, _cut(chosen.body)]
    if lines:
        parts.append("\n".join([f"Files in {_shown(folder)}:", *lines]))
        if not reached:
            parts.append(
                "Other tools may not reach this folder. Read a file of it with the argument file; where a script does "
                "not run, the user must grant reads of the folder."
            )
    return "\n\n".join(filter(None, parts))


def _folder(ctx: Context[object], chosen: Skill) -> tuple[str, bool]:
    """Return a skill's folder as tools name it, and whether they reach it."""
    try:
        return ctx.files.relative(str(chosen.folder)), True
    except Vetoed:
        return str(chosen.folder), False


def _file(chosen: Skill, path: str) -> str:
    try:
        data = read_bytes(chosen.folder, path, 4 * MAX_TEXT + 1)
    except NotFound as error:
        raise NotFound(
            f"skill {chosen.name!r} has no file {path!r}", hint=nearest(path, files_of(chosen.folder))
        ) from error
    if b"\0" in data:
        raise KTError(f"{path!r} of skill {chosen.name!r} is a binary file")
    return _cut(data.decode("utf-8-sig", "replace")) or "(the file is empty)"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}\n[cut after {MAX_TEXT:,} characters]"


def _shown(path: str) -> str:
    """Return a path as it is, or as a JSON string where a line of text could not hold it."""
    return path if path.isprintable() else json.dumps(path)
