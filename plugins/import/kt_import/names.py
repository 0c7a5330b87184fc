"""What the reference system's tools, sub-agents, plugins and providers are called here, and what has no counterpart."""

TOOLS = {
    "multi_edit": "edit",
    "web_fetch": "fetch",
    "python": "bash",
    "json_read": "json_query",
    "json_write": "json_edit",
    "send_channel": "send_message",
    "add_timer": "set_trigger",
    "add_schedule": "set_trigger",
    "group_spawn_child": "group_spawn",
    "group_remove_node": "group_remove",
    "group_start_node": "group_start",
    "group_stop_node": "group_stop",
    "terrarium_create": "group_add_node",
    "terrarium_status": "group_status",
    "terrarium_send": "group_send",
    "creature_start": "group_start",
    "creature_stop": "group_stop",
}
"""Names that differ; any other name counts if a tool is registered under it."""

TOOLS_GONE = {
    "info": "a tool's whole description is always in the request",
    "think": "say llm: {settings: {effort: high}}",
    "show_card": "a surface shows what it likes of events; ask_user asks",
    "image_gen": "no tool makes images; write one with @kt.tool",
    "grok_image_gen": "no tool makes images; write one with @kt.tool",
    "canvas_image": "no tool makes images; write one with @kt.tool",
    "video_gen": "no tool makes videos; write one with @kt.tool",
    "watch_channel": "a creature of a recipe says channels: {listen: [NAME]}, or has the trigger channel",
    "mcp_list": "MCP is not there yet",
    "mcp_call": "MCP is not there yet",
    "mcp_connect": "MCP is not there yet",
    "mcp_disconnect": "MCP is not there yet",
}
SPAWNING = {"set_trigger": "triggers", "delete_trigger": "triggers", "list_triggers": "triggers", "skill": "skills"}
"""Tools that need a plugin."""

SUBAGENTS = {
    "explore": "explore",
    "plan": "plan",
    "worker": "worker",
    "research": "research",
    "critic": "review",
    "summarize": "summarise",
    "memory_read": "memory",
}
SUBAGENTS_GONE = {
    "memory_write": "the agent keeps notes with the tool scratchpad; search_memory finds what sessions keep",
    "response": "an agent answers by itself",
    "coordinator": "a team is a recipe: docs/terrarium.md",
}

PLUGINS_GONE = {
    "goal": "limits and the plugin budget end a run; say in the prompt when the work is done",
    "cost_tracker": "the profile has the plugin prices, and `kt cost` sums up sessions",
    "event_logger": "a session keeps all events: docs/sessions.md",
    "multimodal_guard": "a model that takes no pictures is told so by its provider",
    "seamless_memory": "the tool search_memory and the sub-agent memory find what was said before",
    "termination_goal": "say in the prompt when the work is done; budget.stop_words ends a turn",
    "pev_verifier": "a sub-agent review, or a wire to a reviewer in a recipe, checks what was done",
    "injection_scanner": "strangers' words taint the conversation, and guards ask then: docs/safety.md",
    "family_guidance": "say variants: a provider may ask for one, with a prompt of its own",
    "otel_metrics": "write a plugin that listens to events: docs/events.md",
}
PLUGINS = {
    "compact": "compaction",
    "compact.auto": "compaction",
    "checkpoint": "checkpoints",
    "context_files": "skills",
    "circuit_breaker": "repeat_guard",
}
GUARDING = ("permissions", "sandbox", "redact")
"""The guards of a creature whose tools reach out: those of the profile `default`."""

RISKY = ("bash", "fetch", "web_search", "write", "edit", "apply_patch", "json_edit", "notebook_edit")
GUARDS = {"sandbox": "sandbox", "permgate": "permissions"}

PROVIDERS = {
    "grok-subscription": "xai",
    "grok": "xai",
    "google-antigravity": "gemini",
    "google": "gemini",
    "moonshot": "kimi",
    "zhipu": "glm",
}
"""Providers that are called otherwise."""

CODE = "code is not converted: "
WRITE = {
    "tool": CODE + "write a function with @kt.tool, in a file beside the creature, and name it ./FILE.py:FUNCTION",
    "plugin": CODE + "write a plugin with the hooks of docs/hooks.md and register it: docs/kinds/plugin.md",
    "trigger": CODE + "write a trigger: docs/kinds/trigger.md; timer, cron, at, watch, webhook, idle are there",
    "input": CODE + "write an input: docs/kinds/input.md; stdin, file, socket, http are there",
    "output": CODE + "write an output: docs/kinds/output.md; stdout, stderr, file are there",
    "command": CODE + "register the kind command: docs/kinds/command.md, or chat_command: docs/kinds/small.md",
    "subagent": CODE + "say its prompt and tools in a table: docs/subagents.md",
}
