"""Put the project's instructions for agents into the system prompt."""

from kt import Agent, hookimpl

from .chain import read_chain


class Skills:
    """Add the AGENTS.md chain of the working folder to the prompt."""

    @hookimpl
    def kt_prompt(self, agent: Agent) -> str | None:
        entry = agent.host.registry.find("config", "home")
        files = read_chain(agent.pwd, entry.load()() if entry is not None else None)
        if not files:
            return None
        blocks = [f'<instructions file="{name}">\n{text}\n</instructions>' for name, text in files]
        return "Instructions of the user and of this project; the later ones win.\n\n" + "\n\n".join(blocks)
