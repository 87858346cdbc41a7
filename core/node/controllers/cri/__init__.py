"""What the container runtime is told: registries and their credentials."""

from core.node.controllers.cri.registries import Credentials, RegistryFiles, logins, registries

__all__ = ["Credentials", "RegistryFiles", "logins", "registries"]
