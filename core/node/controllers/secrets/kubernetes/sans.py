"""KubernetesRoot, HostnameStatus, NodeAddress -> CertSAN: every name and address under which this node's kube-apiserver
is asked for."""

from typing import Final

from core.config.schema.addresses import is_ip
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.secrets import CertSAN, KubernetesRoot
from core.state import Controller, Scope, shared, weak

_ROOT: Final = KubernetesRoot.at("k8s")
_HOST: Final = HostnameStatus.at("hostname")
_ADDRESSES: Final = NodeAddress.at("accumulative-no-k8s")
_LOOPBACK: Final = ("127.0.0.1", "localhost")


class KubernetesCertSANs(Controller):
    """Id `k8s`, on a control plane that knows its name and an address."""

    name = "secrets.KubernetesCertSANsController"
    inputs = (weak(_ROOT), weak(_HOST), weak(_ADDRESSES))
    outputs = (shared(CertSAN),)

    async def reconcile(self, scope: Scope) -> None:
        root, host, addresses = scope.find(_ROOT), scope.find(_HOST), scope.find(_ADDRESSES)
        if root is None:
            scope.remove(CertSAN.at("k8s"))
            return
        if host is None or addresses is None or not addresses.spec.addresses:
            return
        service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
        found = dict.fromkeys(
            (
                *root.spec.cert_sans,
                *service,
                f"{service[-1]}.{root.spec.dns_domain}",
                *(host.spec.hostname, host.spec.fqdn),
                *root.spec.api_server_ips,
                *(address.partition("/")[0] for address in addresses.spec.addresses),
                *_LOOPBACK,
            )
        )
        ips = tuple(each for each in found if is_ip(each))
        names = tuple(each for each in found if each and each not in ips)
        scope.put("k8s", CertSAN(ips=ips, dns_names=names, fqdn=host.spec.fqdn))
