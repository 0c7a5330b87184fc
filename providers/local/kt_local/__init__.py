"""A real model without a key: Qwen2.5-Coder on llama.cpp, in a child process."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.provider("local", "kt_local.provider:local", help="Qwen2.5-Coder on this machine, no key")
    registry.run_option(
        "local", "kt_local.options:local", help="use the local model; fetches 1.1 GB once", is_flag=True
    )
    registry.add("model_command", "pull", "kt_local.commands:pull", help="fetch a local model: kt model pull [NAME]")
    registry.add("model_list", "local", "kt_local.commands:rows", help="the local models, and which are here")
    registry.add("model_command", "rm", "kt_local.commands:rm", help="remove a local model: kt model rm NAME")
    registry.add("doctor", "local", "kt_local.commands:doctor", help="the local model's weights")
