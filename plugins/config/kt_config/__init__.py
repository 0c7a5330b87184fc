"""Everything Terrarium reads from files: creatures, profiles, model presets, folder trust."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.add("loader", "creature", "kt_config.creatures:load", help="a creature from a reference or a path")
    registry.add("loader", "tool", "kt_config.creatures:load_tool", help="a tool from module:attribute or a file")
    registry.add("loader", "profile", "kt_config.profiles:load", help="a profile by name")
    registry.add("loader", "model", "kt_config.models:load", help="the provider of a preset, PROVIDER/MODEL or table")
    registry.add("keys", "file", "kt_config.keys:FileKeys", help="keys of providers in a file only its owner can read")
    registry.add("loader", "presets", "kt_config.settings:presets", help="the user's model presets")
    registry.add("config", "settings", "kt_config.settings:Settings", help="the user's and the project's settings")
    registry.add("config", "reference", "kt_config.references:find", help="the file a reference names")
    registry.add("config", "home", "kt_config.home:config_folder", help="the folder of the user's settings")
    registry.add(
        "config", "is_reference", "kt_config.references:is_reference", help="is a word a creature or a prompt?"
    )
    registry.add("config", "document", "kt_config.documents:load_file", help="a configuration file with positions")
    registry.add("config", "creature_of", "kt_config.creatures:creature_of", help="the creature of a document")
    registry.add("config", "needs_of", "kt_config.needs:needs_of", help="what a creature says it may reach")
    registry.add("config", "overrides", "kt_config.overrides:overrides_of", help="what KT_SET and --set say")
    registry.run_option(
        "set", "kt_config.overrides:option", help="another value for a key of the creature",
        metavar="KEY=VALUE", repeatable=True,
    )  # fmt: skip
    registry.add("schema", "creature", "kt_config.schema:creature", help="a creature file")
    registry.add("config", "recorded", "kt_config.recorded:recorded", help="the files that loading a creature opens")
    registry.add("config", "set_model", "kt_config.settings:set_model", help="write the user's default model")
    registry.add("config", "add_model", "kt_config.settings:add_table", help="write a preset or endpoint")
    registry.add("config", "endpoints", "kt_config.settings:endpoints", help="the user's own endpoints")
    registry.add("config", "trust", "kt_config.trust:trust", help="trust a folder")
    registry.add("config", "is_trusted", "kt_config.trust:is_trusted", help="is a folder trusted as it is now?")
    registry.add("config", "creatures_of", "kt_config.references:creatures_of", help="the creatures a pack carries")
    registry.add("config", "profiles", "kt_config.profiles:names", help="the names of all profiles")
