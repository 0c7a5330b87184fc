"""Keys of providers in the keyring of the system."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.add("keys", "a-keyring", "kt_keyring.keys:KeyringKeys", help="keys in the keyring of the system")
