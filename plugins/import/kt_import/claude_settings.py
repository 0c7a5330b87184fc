"""Settings of Claude Code, of which each is reported: a creature from elsewhere sets up no rights here."""

from pathlib import Path

from kt.errors import DataError

from .report import leaves
from .section import Section
from .source import load
from .work import Work

FILES = ("settings.json", "settings.local.json")
WHY = {
    "permissions": "say it in config.toml, [profile.default.config.permissions] rules: docs/safety.md",
    "hooks": "the plugin shell_hooks runs it, from .claude/settings.json of a folder you trust: docs/shell_hooks.md",
    "env": "an environment is the shell's; `kt config key set NAME` keeps keys",
    "model": "`kt model default PROVIDER/MODEL` says it for all",
    "mcpServers": "MCP is not there yet",
    "sandbox": "say it in config.toml, [profile.default.config.sandbox]: docs/safety.md",
}
OTHER = "a setting of that program; see docs/profiles.md for ours"


def report(work: Work, folder: Path, root: Path) -> None:
    """Report each setting of a folder, and its servers, as dropped."""
    for file in (*(folder / name for name in FILES), root / ".mcp.json"):
        if not file.is_file():
            continue
        try:
            section = load(file, work.plugins.registry, work.report).section(work.report)
        except DataError as error:
            work.report.add("dropped", file.name, error.where, f"it can't be read: {error.what}")
            continue
        for key in list(section.left):
            _leaves(section, key)


def _leaves(section: Section, key: str | int) -> None:
    value = section.get(key)
    why = WHY.get(str(key), OTHER)
    for path in leaves(value):
        keys = (*section.at, key, *path)
        section.report.add("dropped", ".".join(map(str, keys)), section.place(keys), why)
    del section.left[key]
