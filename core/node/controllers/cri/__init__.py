"""The container runtime: what it is told of registries, and which images the node has no use for."""

from core.node.controllers.cri.garbage import ImageGC
from core.node.controllers.cri.registries import Credentials, RegistryFiles, logins, registries

__all__ = ["Credentials", "ImageGC", "RegistryFiles", "logins", "registries"]
