"""The tools of the creature: notes as files, through `ctx.files` only."""

import kt

FOLDER = "notes"


@kt.tool(effect="idempotent", needs=kt.ToolNeeds(writes=("$WS",)))
def note(ctx: kt.Context, title: str, text: str) -> str:
    """Write a note, in place of one with the same title.

    Args:
        title: a word or two, lower case
        text: the note
    """
    path = f"{FOLDER}/{title.replace(' ', '-')}.md"
    ctx.files.write(path, f"{text}\n".encode())
    return f"noted in {path}"


@kt.tool(effect="read")
def notes(ctx: kt.Context) -> str:
    """Show all notes."""
    if ctx.files.info(FOLDER) is None:
        return "there are no notes yet"
    files = [file.path for file in ctx.files.listing(FOLDER) if file.path.endswith(".md")]
    texts = [ctx.files.read(path).decode().strip() for path in files]
    names = [path.rpartition("/")[2].removesuffix(".md") for path in files]
    return "\n".join(f"{name}: {text}" for name, text in zip(names, texts, strict=True))
