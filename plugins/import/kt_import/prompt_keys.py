"""The keys that say a prompt, in files and as text, as the one prompt a creature has here."""

import posixpath
from collections.abc import Sequence

from kt.errors import DataError, NotFound

from .section import Section, Target
from .work import Home, Work, prompt_file, prompt_text, text_of


def take(
    work: Work, section: Section, target: Target, home: Home, *, files: Sequence[str], texts: Sequence[str], out: str
) -> None:
    """Move prompts into the target of a creature whose file lies in the folder `out`.

    One file alone is its `prompt_file`. Else the prompt is a text, which includes the files first: of a text, and not
    of a file, `${NAME}` is a variable of the environment, there as here.
    """
    taken: list[tuple[str, str]] = []
    for key in files:
        if path := _file(work, section, key, home):
            taken.append((key, posixpath.relpath(path, out or ".")))
    said = [key for key in texts if section.text(key).strip()]
    if len(taken) == 1 and not said:
        section.move(taken[0][0], target, ("prompt_file",), value=taken[0][1])
    parts = [] if "prompt_file" in target.data else [f"{{{{include {path}}}}}" for _, path in taken]
    for key in said:
        text = section.text(key)
        parts.append(prompt_text(work, home, text, section.key(key), section.where(key), out=out))
        if parts == [text]:
            section.move(key, target, ("prompt",))
    if parts:
        target.put(("prompt",), "\n\n".join(parts))
    for key, _ in taken:
        section.used(key, "prompt: it includes the file")
    for key in said:
        section.used(key, "prompt")
    for key in (*files, *texts):
        section.drop(key, "it is empty, or no text")


def _file(work: Work, section: Section, key: str, home: Home) -> str:
    """Return the output's path of the prompt that a key names; "" where it names none, which is reported."""
    if not (name := section.text(key)):
        return ""
    try:
        return prompt_file(work, home, text_of(work, home, name))
    except (NotFound, DataError) as error:
        section.drop(key, str(error))
    return ""
