"""Five small plugins, one of each common shape."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("patience", "kt_examples.patience:Patience", help="asks a model again that is down")
    registry.plugin("protect", "kt_examples.protect:Protect", help="a guard: some files are not written")
    registry.plugin("slash", "kt_examples.slash:Slash", help="/tools and /usage, answered without the model")
    registry.output("transcript", "kt_examples.transcript:transcript", help="every turn into a Markdown file")
    registry.trigger("watch_file", "kt_examples.watch:watch_file", help="a turn whenever a file changes")
