"""The sandbox "none": tools run with the rights of this process, held only by the rules of its three ways out."""

from kt import Agent, Http
from kt.errors import MissingPlugin

from .direct_exec import DirectExec
from .direct_files import DirectFiles


class DirectSandbox:
    """No walls: `files` stays beneath the working folder, `exec` ends its processes, `http` comes with kt-http."""

    level = "none"

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.files = DirectFiles(agent.pwd)
        self.exec = DirectExec(self.files)
        self._http: Http | None = None

    @property
    def http(self) -> Http:
        """Return the client registered as `http` "direct", made on first use. Raises MissingPlugin."""
        if self._http is None:
            entry = self._agent.host.registry.find("http", "direct")
            if entry is None:
                raise MissingPlugin("this needs kt-http, which is not installed", hint="pip install kt-http")
            made: Http = entry.load()(self._agent)
            self._http = made
        return self._http
