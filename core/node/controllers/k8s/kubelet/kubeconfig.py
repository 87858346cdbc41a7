"""-> KubeletKubeconfig: the kubelet has a kubeconfig of its own, by which others on this node may ask the API server,
too. It writes the file once, when it was given a certificate."""

import hashlib
from pathlib import Path
from typing import Final

from core.cluster.kubernetes import kubelet
from core.node.resources.k8s import KubeletKubeconfig
from core.node.resources.services import Service
from core.state import Controller, Scope, exclusive, weak

AGAIN: Final = 2.0  # seconds between two looks while a kubelet that runs has none yet
_SERVICE: Final = Service.at("kubelet")


class Kubeconfig(Controller):
    """Id `kubelet`, for as long as the file is there."""

    name = "k8s.KubeletKubeconfigController"
    inputs = (weak(_SERVICE),)
    outputs = (exclusive(KubeletKubeconfig),)

    def __init__(self, path: Path = Path(kubelet.KUBECONFIG)) -> None:
        self._path = path

    async def reconcile(self, scope: Scope) -> None:
        service = scope.find(_SERVICE)
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            scope.sync(KubeletKubeconfig.all(), {})
            if service is not None and service.spec.running:
                scope.later(AGAIN)
            return
        scope.sync(KubeletKubeconfig.all(), {"kubelet": KubeletKubeconfig(hash=hashlib.sha256(data).hexdigest())})
