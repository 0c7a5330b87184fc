"""kt login PROVIDER: ask for its key and keep it, or go through the login that a plugin brings (kind `login`)."""

from typing import TYPE_CHECKING

from kt.errors import UsageError

from ..models import table_of, variables_of
from .config import read_key, store_of

if TYPE_CHECKING:
    from kt import Plugins

USAGE = "Usage: kt login PROVIDER [OPTIONS]\n\nKeep a provider's key, or log in where it has a login of its own."


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""
    if not argv or argv[0] in ("--help", "-h"):
        print(USAGE)
        for brought in plugins.registry.entries("login"):
            print(f"\n  kt login {brought.name}: {brought.help}")
        return 0
    provider, rest = argv[0], argv[1:]
    if provider.startswith("-"):
        raise UsageError(f"kt login has no option {provider}", hint="kt login --help")
    if (entry := plugins.registry.find("login", provider)) is not None:
        code: int = entry.load()(rest)
        return code
    if rest:
        raise UsageError(f"kt login {provider} takes nothing more", hint="the key is asked for, never given here")
    if not (variables := variables_of(plugins, provider)):
        plugins.registry.entry("provider", provider)
        raise UsageError(f"{provider!r} needs no key")
    if page := table_of(plugins, provider).get("key_page"):
        print(f"A key is made at {page}")
    store = store_of(plugins)
    store.put(variables[0], read_key(f"Key of {provider} ({variables[0]})"))
    print(f"{provider} has its key ({store.file})")
    return 0
