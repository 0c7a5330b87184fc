"""Errors of the sandbox."""

from kt.errors import ConfigError

from .settings import Level


class SandboxUnavailable(ConfigError):
    """The walls of this machine are weaker than required; exit code 78."""

    code = "E-SANDBOX"

    @classmethod
    def of(cls, required: Level) -> "SandboxUnavailable":
        """Return the error that says what is missing and how to get it."""
        from . import probe

        missing = "; ".join(f"{name}: {why}" for name, why in probe.missing().items() if why)
        return cls(
            f"programs need a sandbox of level {required}, and this machine has {probe.best().level} ({missing})",
            hint=probe.INSTALL + ", or --sandbox none to run without walls",
        )
