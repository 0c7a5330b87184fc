"""The plugin websearch: nothing but its settings, which the tool web_search asks for."""

from dataclasses import dataclass


@dataclass(slots=True)
class WebSearchConfig:
    """`engine` is a name of the kind search_engine; `url` and `key_env` replace the engine's own address and variable.

    Empty ones leave what the engine has.
    """

    engine: str = "duckduckgo"
    url: str = ""
    key_env: str = ""


class WebSearch:
    """Say which search engine an agent asks, and where."""

    Config = WebSearchConfig

    def __init__(self, config: WebSearchConfig) -> None:
        self.config = config
