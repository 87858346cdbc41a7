"""What the control plane's programs are given of keys and certificates."""

from core.node.controllers.k8s.secrets.encryption import etcd_encryption
from core.node.controllers.k8s.secrets.render import RenderSecrets
from core.node.controllers.k8s.secrets.trusts import ProgramTrusts
from core.node.work import Work
from core.state import Controller

__all__ = ["ProgramTrusts", "RenderSecrets", "controllers", "etcd_encryption"]


def controllers(work: Work) -> list[Controller]:
    """All controllers of this part."""
    return [etcd_encryption(), RenderSecrets(work), ProgramTrusts()]
