"""ask_user: a question to whoever is there."""

from kt import Context, tool


@tool(effect="read", parallel=False)
async def ask_user(ctx: Context[object], question: str, choices: list[str] | None = None) -> str:
    """Ask the user what you cannot find out yourself.

    Args:
        choices: Answers to choose from.
    """
    answer = await ctx.ask(question, choices or ())
    if answer is None:
        return "Nobody can answer now. Decide yourself and say what you assumed, or stop and say what you need to know."
    return answer
