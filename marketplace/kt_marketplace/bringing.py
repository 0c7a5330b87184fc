"""What to install for a name that nothing has registered: only a pack that is known to bring it is named."""


def hint(kind: str, name: str) -> str:
    """Return how to install the official pack with this name of a kind; "" where none has it, or it is installed."""
    from .index.search import installed_versions, official_packs

    pack = official_packs().get((kind, name))
    return f"install it: kt install @{pack}" if pack is not None and pack not in installed_versions() else ""
