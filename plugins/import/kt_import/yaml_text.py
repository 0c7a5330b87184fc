"""Values as YAML that people read: keys in their order, a text of several lines as a block."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml


def dump(data: dict[str, Any]) -> str:
    """Return YAML that our reader takes for the same values."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    Dumper.add_representer(str, _text)
    return str(yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110))


def _text(dumper: "yaml.SafeDumper", text: str) -> "yaml.ScalarNode":
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
