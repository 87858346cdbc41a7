"""KubernetesRoot, CertSAN -> KubernetesDynamicCerts: what kube-apiserver serves with, asks kubelets with, and speaks to
aggregated servers with. It takes a new one up without a restart. Behind its own certificate it shows the authority's,
or, where the config has some, the ones that vouch for the authority before those who do not know it."""

import logging
from typing import Final

from core.node.controllers.secrets.leaves import Leaves, Memory, Use, Wish
from core.node.resources.k8s import trust
from core.node.resources.secrets import CertSAN, KubernetesDynamicCerts, KubernetesRoot
from core.node.resources.time import TimeStatus
from core.node.resources.values import CertificateAndKey
from core.node.work import Work
from core.pki import pem
from core.pki.types import KUBERNETES_LIFETIME, Pair
from core.state import Controller, Scope, exclusive, weak

_log = logging.getLogger("secrets")
_ROOT: Final = KubernetesRoot.at("k8s")
_SANS: Final = CertSAN.at("k8s")
_ID: Final = "k8s-dynamic-certs"


class DynamicCertificates(Controller):
    """Id `k8s-dynamic-certs`, on a control plane. Lifetime in seconds."""

    name = "secrets.KubernetesDynamicCertsController"
    inputs = (weak(_ROOT), weak(_SANS), weak(TimeStatus.at("node")))
    outputs = (exclusive(KubernetesDynamicCerts),)

    def __init__(self, work: Work, memory: Memory, lifetime: int = KUBERNETES_LIFETIME) -> None:
        self._leaves, self._lifetime = Leaves(work, memory), lifetime

    async def reconcile(self, scope: Scope) -> None:
        root, sans = scope.find(_ROOT), scope.find(_SANS)
        if root is None:
            scope.remove(KubernetesDynamicCerts.at(_ID))
            return
        if sans is None:
            return
        wishes, now = self._wishes(root.spec, sans.spec), scope.clock.now()
        if made := await self._leaves.keep(now, wishes):
            _log.info("kube-apiserver's certificates issued: %s", ", ".join(made))
        server = self._leaves["server"]
        own, vouching = pem.first(root.spec.issuing_ca.crt)
        chain = CertificateAndKey(crt=server.crt + (vouching or own), key=server.key)
        scope.put(
            _ID,
            KubernetesDynamicCerts(
                api_server=chain,
                api_server_kubelet_client=self._leaves["kubelet-client"],
                front_proxy=self._leaves["front-proxy-client"],
            ),
            labels=trust(root.spec.accepted_cas, own).labels,
        )
        scope.later(self._leaves.due(wishes) - now)

    def _wishes(self, root: KubernetesRoot, sans: CertSAN) -> dict[str, Wish]:
        ca = Pair(root.issuing_ca.crt, root.issuing_ca.key)
        aggregator = Pair(root.aggregator_ca.crt, root.aggregator_ca.key)
        return {
            "server": Wish(
                use=Use.SERVER,
                ca=ca,
                name="kube-apiserver",
                organization="kube-master",
                names=sans.dns_names,
                addresses=sans.ips,
                lifetime=self._lifetime,
            ),
            "kubelet-client": Wish(
                use=Use.CLIENT,
                ca=ca,
                name="apiserver-kubelet-client",
                organization="system:masters",
                lifetime=self._lifetime,
            ),
            "front-proxy-client": Wish(
                use=Use.CLIENT, ca=aggregator, name="front-proxy-client", lifetime=self._lifetime
            ),
        }
