"""The kubelet's word on its pods -> StaticPodStatus: how those do that it was given by this node. On control planes
alone, for no other node has a certificate to ask a kubelet with."""

from typing import Any, Final

from core.base.errors import Denied, NotReady
from core.cluster.kubernetes.client import Kubernetes
from core.node.containers.pods import SOURCE
from core.node.controllers.k8s.controlplane.pods import CONFIG_VERSION, SECRETS_VERSION
from core.node.resources.k8s import StaticPodStatus
from core.node.resources.secrets import KubernetesDynamicCerts
from core.node.resources.services import Service
from core.node.resources.values import CertificateAndKey
from core.rpc.tls import ClientTLS
from core.state import Controller, Scope, exclusive, weak

KUBELET: Final = "127.0.0.1:10250"
SETTLED: Final = 15.0  # seconds between two looks when all are ready
UNSETTLED: Final = 2.0
SECONDS: Final = 5.0  # for an answer

_SERVICE: Final = Service.at("kubelet")
_CERTIFICATES: Final = KubernetesDynamicCerts.at("k8s-dynamic-certs")


class StaticPodStatuses(Controller):
    """Id: <namespace>/<name>; labels say which versions of its files the pod was made for. What was said last stands
    while the kubelet runs and does not answer."""

    name = "k8s.KubeletStaticPodController"
    inputs = (weak(_SERVICE), weak(_CERTIFICATES))
    outputs = (exclusive(StaticPodStatus),)

    def __init__(self, server: str = KUBELET) -> None:
        self._server = server
        self._client: Kubernetes | None = None
        self._shown: CertificateAndKey | None = None

    async def reconcile(self, scope: Scope) -> None:
        service, certificates = scope.find(_SERVICE), scope.find(_CERTIFICATES)
        if certificates is None or service is None or not service.spec.running:
            await self._leave()
            scope.sync(StaticPodStatus.all(), {})
            return
        try:
            client = await self._known(certificates.spec.api_server_kubelet_client)
            pods = await client.ask("GET", "/pods", seconds=SECONDS)
        except (NotReady, Denied):
            scope.later(UNSETTLED)  # it starts, or does not know yet whom it may answer
            return
        static = {_id(pod): pod for pod in pods.get("items") or () if _static(pod)}
        found = {id_: StaticPodStatus(pod_status=pod.get("status") or {}) for id_, pod in static.items()}
        scope.sync(StaticPodStatus.all(), found, labels=lambda id_: _versions(static[id_]))
        scope.later(SETTLED if found and all(pod.ready for pod in found.values()) else UNSETTLED)

    async def _known(self, shown: CertificateAndKey) -> Kubernetes:
        """A client that shows this certificate. The kubelet signs its own; on loopback that is who listens there."""
        if self._client is None or shown != self._shown:
            await self._leave()
            self._client = Kubernetes(self._server, ClientTLS(None, shown.crt, shown.key, insecure=True))
            self._shown = shown
        return self._client

    async def _leave(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None


def _static(pod: dict[str, Any]) -> bool:
    return bool(pod["metadata"].get("annotations", {}).get(SOURCE, "api") != "api")


def _id(pod: dict[str, Any]) -> str:
    metadata = pod["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"


def _versions(pod: dict[str, Any]) -> dict[str, str]:
    annotations = pod["metadata"].get("annotations", {})
    return {key: annotations[key] for key in (CONFIG_VERSION, SECRETS_VERSION) if key in annotations}
