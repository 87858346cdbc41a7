"""KubeletSpec, its secrets, files and a certificate that it is given -> a kubelet that runs with these: it is started
when they are there, and anew when they are others than it was started with. -> KubeletStatus: what runs."""

from collections.abc import Awaitable, Callable
from typing import Final

from core.base.errors import NotFound
from core.node.resources.files import EtcFileStatus
from core.node.resources.k8s import KubeletSpec, KubeletStatus, ProgramTrust
from core.node.resources.secrets import Kubelet as Secrets
from core.node.resources.services import Service
from core.node.services.kubelet import Kubelet
from core.state import Controller, Scope, exclusive, weak

ID: Final = "kubelet"
_SERVICE: Final = Service.at(ID)


class KubeletService(Controller):
    """`start` is asked to start it if it was not yet, `restart` to stop and start it. Pods do not notice; before it is
    known what it should run with, as when machined comes back, it is left alone."""

    name = "k8s.KubeletServiceController"
    inputs = (
        weak(KubeletSpec.at(ID)),
        weak(Secrets.at(ID)),
        weak(EtcFileStatus),
        weak(_SERVICE),
        weak(ProgramTrust.at(ID)),
    )

    def __init__(self, kubelet: Kubelet, start: Callable[[], None], restart: Callable[[], Awaitable[None]]) -> None:
        self._kubelet, self._start, self._restart = kubelet, start, restart

    async def reconcile(self, scope: Scope) -> None:
        try:
            wanted = self._kubelet.wanted()
        except NotFound:
            return
        self._start()
        if _runs(scope) and wanted != self._kubelet.started():
            await self._restart()


class KubeletStatuses(Controller):
    """Id `kubelet`, while it runs."""

    name = "k8s.KubeletStatusController"
    inputs = (weak(_SERVICE),)
    outputs = (exclusive(KubeletStatus),)

    def __init__(self, kubelet: Kubelet) -> None:
        self._kubelet = kubelet

    async def reconcile(self, scope: Scope) -> None:
        started = self._kubelet.started() if _runs(scope) else None
        scope.sync(KubeletStatus.all(), {ID: KubeletStatus(image=started.image)} if started else {})


def _runs(scope: Scope) -> bool:
    service = scope.find(_SERVICE)
    return service is not None and service.spec.running
