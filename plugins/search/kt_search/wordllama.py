"""The embedder `wordllama`: a vector a token, averaged; the weights of the package wordllama, read here.

The package itself is not imported: it would bring pydantic and compiled code, and it looks for its own files in the
wrong folder when there is no network.
"""

import asyncio
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import ConfigError

if TYPE_CHECKING:
    from kt import Host

WEIGHTS = "weights/l2_supercat_256.safetensors"
TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
TOKENS = 512
"""Of a text, the first; passages have fewer."""

_TYPES = {"F16": "<f2", "F32": "<f4"}


class WordLlama:
    """Embed texts by averaging the vectors of their tokens: quick, for words that are alike, blind to their order.

    Raises ConfigError with the install line where numpy, tokenizers or the weights are missing.
    """

    name = "wordllama-l2-256"

    def __init__(self, host: "Host", *, folder: str = "") -> None:
        self._numpy, tokenizers = _libraries()
        where = Path(folder).expanduser() if folder else _package_folder()
        try:
            self._matrix = _matrix(self._numpy, where / WEIGHTS)
            self._tokenizer = tokenizers.Tokenizer.from_file(str(where / TOKENIZER))
        except Exception as error:  # tokenizers raises nothing narrower
            raise _missing(f"the weights of wordllama can't be read: {error}") from None
        self._tokenizer.enable_truncation(TOKENS)
        self._tokenizer.no_padding()
        self.dim = int(self._matrix.shape[1])

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> Sequence[Sequence[float]]:
        """Return the mean of the tokens' vectors for each text; zeros for a text without tokens."""
        return await asyncio.to_thread(self._embed, texts)

    def _embed(self, texts: Sequence[str]) -> Any:
        means = self._numpy.zeros((len(texts), self.dim), "float32")
        for row, encoded in enumerate(self._tokenizer.encode_batch(list(texts), add_special_tokens=False)):
            if encoded.ids:
                means[row] = self._matrix[encoded.ids].mean(axis=0)
        return means


def _libraries() -> tuple[Any, Any]:
    try:
        import numpy
        import tokenizers
    except ImportError as error:
        raise _missing(f"the embedder wordllama needs {error.name}") from None
    return numpy, tokenizers


def _package_folder() -> Path:
    spec = find_spec("wordllama")
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not folders:
        raise _missing("the weights of the embedder wordllama are not installed")
    return Path(folders[0])


def _matrix(numpy: Any, path: Path) -> Any:
    """Return the only matrix of a safetensors file: 8 bytes of length, a JSON header, then the numbers."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    entry = next(entry for name, entry in header.items() if name != "__metadata__")
    first, last = entry["data_offsets"]
    numbers = numpy.frombuffer(data[start + first : start + last], _TYPES[entry["dtype"]])
    return numbers.reshape(entry["shape"]).astype("float32")


def _missing(what: str) -> ConfigError:
    return ConfigError(what, hint="pip install 'kt-search[memory]'")
