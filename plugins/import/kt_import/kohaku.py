"""A creature of the reference system: its configuration, with prompts, as a creature of ours."""

from kt.errors import NotFound

from . import models, plugins, prompt_keys, subagents, tools, triggers
from .bases import take_base
from .names import GUARDING as GUARDS
from .names import RISKY, WRITE
from .section import Section, Target
from .source import Document
from .work import Home, Work, text_of
from .yaml_text import dump

ORDER = (
    *("name", "description", "base", "no_inherit", "prompt_mode", "llm", "prompt", "prompt_file", "variables", "tools"),
    *("subagents", "plugins", "guards", "limits", "triggers", "input", "outputs"),
)
NATIVE = "a provider calls tools in its own form; the plugin textcalls is for models that have none"
ALWAYS = "tools are described to the model by the request itself"
GONE = {
    "version": "a pack has a version: kt-pack.toml",
    "tool_doc_mode": ALWAYS,
    "skill_mode": ALWAYS,
    "include_tools_in_prompt": ALWAYS,
    "include_hints_in_prompt": ALWAYS,
    "framework_hint_overrides": "the prompt says what is to be said; a plugin adds to it by kt_prompt: docs/hooks.md",
    "max_messages": "a long conversation is summarised: docs/compaction.md",
    "ephemeral": "say `kt run --no-session`",
    "sanitize_orphan_tool_calls": "every call has a result here, always",
    "disable_provider_tools": "a provider brings no tools of its own",
    "session_key": "a session is a file: `kt run --session PATH`",
    "mcp_servers": "MCP is not there yet; a tool of your own is a function with @kt.tool",
    "memory": "`kt embedding` makes an index of sessions; the tool search_memory finds in it: docs/search.md",
    "skill_index_budget_bytes": "the list of skills has at most 4,000 characters: docs/skills.md",
    "output_wiring": "a wire belongs to a recipe: docs/terrarium.md",
}
"""Keys without a counterpart, and what to do instead."""

NAMES_OF_KEYS = {
    "system_prompt": "prompt",
    "system_prompt_file": "prompt",
    "default_plugins": "plugins",
    "termination": "plugins",
    "compact": "plugins",
    "output": "outputs",
    "controller": "llm",
    **{key: key for key in ("tools", "subagents", "plugins", "triggers", "input")},
}
KNOWN = (
    *models.KEYS, *GONE, *NAMES_OF_KEYS, "name", "description", "base_config", "no_inherit", "prompt_mode",
    "prompt_context_files", "pwd_guard", "max_iterations", "tool_format", "startup_trigger", "skills", "creatures",
    "root", "channels", "terrarium",
)  # fmt: skip
"""Keys that a source may have, for "did you mean"."""


def creature(work: Work, document: Document, out: str, *, description: str = "") -> str:
    """Convert a creature into files below `out`; return the path of its file. It may say its description itself."""
    home = Home(document.path.parent, out)
    work.creatures[home.folder.resolve()] = out
    target = Target()
    fields(work, document.section(work.report), target, home)
    if description:
        target.data.setdefault("description", description)
    return write(work, home.path("creature.yaml"), target)


def write(work: Work, path: str, target: Target) -> str:
    """Add a creature's file to the output."""
    work.files[path] = dump(ordered(target))
    work.creature_files.append(path)
    return path


def ordered(target: Target) -> dict[str, object]:
    """Return a creature's keys in the order in which people read them."""
    data = target.data
    return {key: data[key] for key in sorted(data, key=lambda k: ORDER.index(k) if k in ORDER else len(ORDER))}


def fields(work: Work, section: Section, target: Target, home: Home) -> None:
    """Move every key of a creature, be it a file or an entry of a recipe."""
    section.move("name", target, want="text")
    section.move("description", target, want="text")
    take_base(work, section, target, home)
    _inherited(section, target)
    controller = section.inner("controller")
    for part in (controller, section):
        models.take(part, target)
        _engine(part, target)
    models.finish(target)
    _contexts(work, section, home)
    prompt_keys.take(work, section, target, home, files=["system_prompt_file"], texts=["system_prompt"], out=home.out)
    tools.take(work, section, target)
    _skills(section, target)
    subagents.take(work, section, target, home)
    plugins.take(section, target)
    triggers.take(section, target)
    _ends(section, target)
    _guards(section, target)
    if home.variables:
        target.put(("variables",), dict(home.variables))
    for part in (controller, section):
        for key, why in GONE.items():
            if isinstance(part.get(key), dict | list):
                _drop_all(part.inner(key), why)
            part.drop(key, why)


def _drop_all(section: Section, why: str) -> None:
    for key in list(section.left):
        section.drop(key, why)


def _inherited(section: Section, target: Target) -> None:
    """Move what says how the base and this creature become one."""
    keys = section.inner("no_inherit")
    for key in list(keys.left):
        if ours := NAMES_OF_KEYS.get(keys.text(key)):
            keys.add(key, target, "no_inherit", ours)
        else:
            keys.drop(key, "a creature has no such key")
    if section.text("prompt_mode") == "replace" and "base" in target.data:
        section.move("prompt_mode", target)
    elif section.text("prompt_mode") == "concat":
        section.used("prompt_mode", "a base's prompt comes first where nothing else is said")
    section.drop("prompt_mode", "it can be replace, beside a base")


def _engine(section: Section, target: Target) -> None:
    """Move what the reference system's loop is told."""
    plugins.bound(section, "max_iterations", target, "max_turns", "model calls of the agent and its sub-agents")
    if section.text("tool_format") in ("bracket", "xml"):
        section.move("tool_format", target, ("plugins", "textcalls"), value={}, why="one JSON action a reply")
    if section.text("tool_format") == "native":
        section.used("tool_format", "where nothing is said, calls have the form of the provider")
    section.drop("tool_format", NATIVE)
    if section.text("pwd_guard") in ("warn", "block"):
        section.add("pwd_guard", target, "guards", "sandbox", "paths are the sandbox's matter: docs/safety.md")
    section.drop("pwd_guard", "what a creature may reach is the user's to say: docs/safety.md")


def _contexts(work: Work, section: Section, home: Home) -> None:
    """Note the files that fill variables of prompts."""
    contexts = section.inner("prompt_context_files")
    for key in list(contexts.left):
        try:
            home.contexts[str(key)] = text_of(work, home, contexts.text(key))
        except NotFound as error:
            contexts.drop(key, error.what)
        else:
            contexts.used(key, f"where a prompt says {{{{{key}}}}}, it includes the file")


def _skills(section: Section, target: Target) -> None:
    """Move the list of skills: a creature that has the tool sees all that are installed."""
    if "skills" not in section:
        return
    skills = section.inner("skills")
    for key in list(skills.left):
        if isinstance(skills.get(key), str):
            skills.add(key, target, "tools", "skill", f"it finds {skills.text(key)!r} where it is installed")
            target.put(("plugins", "skills"), {})
        else:
            skills.drop(key, "a skill is a name")


def _guards(section: Section, target: Target) -> None:
    """Let guards stand around tools that reach out, which the library wants and the other system left to its user."""
    reaching = {*RISKY} & {*target.data.get("tools", ())}
    if reaching or "guards" in target.data:
        target.data["guards"] = list(GUARDS)
        why = f"they stand around {', '.join(sorted(reaching))}" if reaching else "sandbox does not stand alone"
        section.report.add("changed", "guards", section.place(section.at), f"guards: {', '.join(GUARDS)}; {why}")


def _ends(section: Section, target: Target) -> None:
    """Move input and output; the terminal is the business of `kt run`."""
    given = section.inner("input", alone="type")
    if given.text("type") == "none":
        given.move("type", target, ("input",), why="a creature that waits for triggers")
    terminal = given.text("type") in ("cli", "cli_nonblocking", "tui")
    why = "`kt run` brings the terminal, and `--mode` says which" if terminal else WRITE["input"]
    _all_gone(given, why)
    output = section.inner("output", alone="type")
    simple = output.text("type") in ("stdout", "stdout_prefixed", "tui", "none")
    why = "`kt run` prints the answers; outputs: [...] of a creature sends them elsewhere: docs/io.md"
    _all_gone(output, why if simple else WRITE["output"])


def _all_gone(section: Section, why: str) -> None:
    for key in list(section.left):
        if isinstance(section.get(key), dict | list):
            _all_gone(section.inner(key), why)
        else:
            section.drop(key, why)
