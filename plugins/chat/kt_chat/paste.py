"""Large pastes and images stand in the prompt as a few words, and go to the agent whole."""

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kt import Media, Part

from .attach import image

LINES, CHARACTERS = 12, 1_500
"""From how many on a paste is only named in the prompt."""
_PLACE = re.compile(r"\[pasted (\d+): [^\]]*\]|\[image (\d+): [^\]]*\]")
_CLIPBOARDS = (
    ("wl-paste", "--type", "image/png"),
    ("xclip", "-selection", "clipboard", "-t", "image/png", "-o"),
    ("pngpaste", "-"),
)


class Pastes:
    """Keep what was pasted, by number, until it is sent."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._images: dict[int, Media] = {}

    def taken(self, text: str) -> str:
        """Return what a paste puts into the prompt: itself, or a few words that stand for it."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if (found := _image_at(text)) is not None:
            return self.picture(found)
        lines = text.count("\n") + 1
        if lines <= LINES and len(text) <= CHARACTERS:
            return text
        number = len(self._texts) + 1
        self._texts[number] = text
        return f"[pasted {number}: {lines} lines]" if lines > 1 else f"[pasted {number}: {len(text)} characters]"

    def picture(self, media: Media) -> str:
        """Keep an image; return the words that stand for it."""
        number = len(self._images) + 1
        self._images[number] = media
        return f"[image {number}: {media.name or media.mime}]"

    def whole(self, text: str) -> tuple[str, tuple[Part, ...]]:
        """Return a prompt with its pasted texts in place, and the images it names."""
        images: list[Part] = []

        def place(found: re.Match[str]) -> str:
            if found[1]:
                return self._texts.get(int(found[1]), found[0])
            if (media := self._images.get(int(found[2]))) is not None:
                images.append(media)
            return found[0]

        return _PLACE.sub(place, text), tuple(images)


def _image_at(text: str) -> Media | None:
    """Return the image that a pasted path leads to: terminals paste a dropped file as its path."""
    word = text.strip().strip("'\"").replace("\\ ", " ")
    if not word or "\n" in word or len(word) > 4096:
        return None
    path = Path(unquote(urlsplit(word).path)) if word.startswith("file://") else Path(word)
    try:
        return image(path) if path.is_absolute() and path.is_file() else None
    except (OSError, ValueError):
        return None


def clipboard_image() -> Media | None:
    """Return the image on the clipboard, None where there is none or no program to read it."""
    for words in _CLIPBOARDS:
        if shutil.which(words[0]):
            done = subprocess.run(words, capture_output=True, timeout=5, check=False, stdin=subprocess.DEVNULL)
            if done.returncode == 0 and done.stdout.startswith(b"\x89PNG"):
                return Media("image/png", data=done.stdout, name="clipboard.png")
    return None
