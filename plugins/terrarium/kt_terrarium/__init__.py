"""Terrarium: many creatures in one living graph, with channels, output wiring and supervision."""

from typing import TYPE_CHECKING, Any

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry

TOOLS = {
    "send_message": "send on a channel of the graph",
    "environment": "what the creatures of a graph share",
    "group_status": "see one's group",
    "group_add_node": "add a creature to one's group",
    "group_spawn": "add a creature with a task",
    "group_remove": "remove a creature",
    "group_start": "start a creature",
    "group_stop": "stop a creature",
    "group_channel": "make, change and remove channels",
    "group_wire": "wire outputs",
    "group_send": "give a creature input",
}


@hookimpl
def kt_addhooks(manager: Any) -> None:
    from .hooks import TerrariumSpecs

    manager.add_hookspecs(TerrariumSpecs)


@hookimpl
def kt_register(registry: "Registry") -> None:
    for name, help in TOOLS.items():
        registry.tool(name, f"kt_terrarium.tools:{name}", help=help)
    registry.add("schema", "terrarium", "kt_terrarium.schema:schema", help="a recipe of a terrarium")
    registry.trigger("channel", "kt_terrarium.trigger:channel", help="woken by a channel, in words of its own")
    registry.plugin("terrarium", "kt_terrarium.team:Team", help="bring up the team of a recipe whose root the agent is")
    registry.add("document", "terrarium", "kt_terrarium.recipe:root_creature", help="a team, as its root")
    registry.build_option("terrarium", "kt_terrarium.membership:option", help="the agent's place in a terrarium")
    registry.run_option("add", "kt_terrarium.options:add", help="more creatures beside it", metavar="REF[=NAME],...")
    registry.run_option(
        "channel", "kt_terrarium.options:channel", help="what they talk on", metavar="NAME[:SENDER>LISTENER,...]"
    )
    registry.add("chat_command", "team", "kt_terrarium.chat:team", help="see and change the team: /team help")
    registry.command("terrarium", "kt_terrarium.command:terrarium", help="teams: list, info, run, watch, schema")
    registry.add("loader", "terrariums", "kt_terrarium.packs:recipes_of", help="the recipes that a pack carries")
    registry.add("loader", "team", "kt_terrarium.packs:members_of", help="the creatures of a recipe, by name")
