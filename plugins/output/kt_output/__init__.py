"""Typed output: the answer must fit a type, and the model is asked again until it does."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin(
        "output", "kt_output.plugin:TypedOutput", help="answers that fit a type (Agent.build(output_type=))"
    )
    registry.build_option("output_type", "kt_output.plugin:output_type", help="the type of result.output")
