"""/jobs in a conversation."""

from collections.abc import Iterator

from kt import Agent
from kt.errors import UsageError

from .jobs import Job, Jobs

USAGE = "/jobs, /jobs show ID, /jobs stop ID"
TITLE = 60
"""Characters of a call's arguments."""


async def jobs(agent: Agent, words: str) -> str:
    """Return the calls in the background; with `show ID` what one said or came to; with `stop ID` end one.

    Raises UsageError for other words and where nothing can run in the background, NotFound for an unknown id.
    """
    known = _jobs_of(agent)
    verb, _, id = words.strip().partition(" ")
    if not verb:
        return "\n".join(_listed(agent, known)) or "nothing runs in the background"
    if verb not in ("show", "stop") or not id.strip():
        raise UsageError(f"/jobs can't {words.strip()[:20]!r}", hint=USAGE)
    if verb == "show":
        return _told(known.find(id.strip()))
    ran = known.find(id.strip()).result is None
    job = await known.stop(id.strip())
    return f"{job.id} was stopped" if ran and job.cancelled else f"{job.id} had ended: {job.state}"


def words(agent: Agent) -> list[str]:
    """Return the words that may follow /jobs."""
    known = next((a.plugin for a in agent.active if isinstance(a.plugin, Jobs)), None)
    shown = [] if known is None else [job for job in known.all.values() if job.background]
    return [*(f"show {job.id}" for job in shown), *(f"stop {job.id}" for job in shown if job.result is None)]


def _jobs_of(agent: Agent) -> Jobs:
    found = next((a.plugin for a in agent.active if isinstance(a.plugin, Jobs)), None)
    if found is None:
        raise UsageError("no tool here can run in the background", hint="one that can is bash: tools: [bash]")
    return found


def _listed(agent: Agent, known: Jobs) -> Iterator[str]:
    now = agent.host.clock.time()
    rows = [
        (
            job.id,
            job.call.name,
            _state(job),
            f"{(now if job.ended is None else job.ended) - job.began:,.0f} s",
            _title(job),
        )
        for job in known.all.values()
        if job.background
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(4)] if rows else []
    for id, name, state, seconds, title in rows:
        head = f"{id:<{widths[0]}}  {name:<{widths[1]}}  {state:<{widths[2]}}  {seconds:>{widths[3]}}"
        yield f"{head}  {title}".rstrip()


def _state(job: Job) -> str:
    return "failed" if job.state == "done" and job.result is not None and job.result.is_error else job.state


def _title(job: Job) -> str:
    """Return what the arguments of a call say, on one line."""
    said = " ".join(str(value) for value in (job.call.arguments or {}).values() if isinstance(value, str | int | float))
    line = " ".join(said.split())
    return line if len(line) <= TITLE else f"{line[: TITLE - 4]} ..."


def _told(job: Job) -> str:
    if job.result is not None:
        return f"{job.id} {_state(job)}:\n{job.result.text}".rstrip()
    return (
        f"{job.id} runs; so far:\n{job.output}".rstrip() if job.output else f"{job.id} runs, and has said nothing yet"
    )
