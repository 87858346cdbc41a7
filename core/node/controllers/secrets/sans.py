"""OSRoot, HostnameStatus, NodeAddress -> CertSAN: every name and address under which this node's API is asked for."""

from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.secrets import CertSAN, OSRoot
from core.state import Controller, Scope, shared, weak

_LOOPBACK = ("127.0.0.1", "::1")


class CertSANs(Controller):
    """Id `api`, from the moment the node knows its addresses. Addresses accumulate, so that a certificate keeps working
    for a client that still uses one that has just gone."""

    name = "secrets.APICertSANsController"
    inputs = (
        weak(OSRoot.at("os")),
        weak(HostnameStatus.at("hostname")),
        weak(NodeAddress.at("accumulative")),
    )
    outputs = (shared(CertSAN),)

    async def reconcile(self, scope: Scope) -> None:
        addresses = scope.find(NodeAddress.at("accumulative"))
        if addresses is None:
            return
        root, host = scope.find(OSRoot.at("os")), scope.find(HostnameStatus.at("hostname"))
        ips = [address.partition("/")[0] for address in addresses.spec.addresses]
        names = [] if host is None else [host.spec.hostname, host.spec.fqdn]
        if root is not None:
            ips += root.spec.cert_san_ips
            names += root.spec.cert_san_dns_names
        scope.put(
            "api",
            CertSAN(
                ips=tuple(sorted(dict.fromkeys([*ips, *_LOOPBACK]))),
                dns_names=tuple(dict.fromkeys(name for name in names if name)),
                fqdn="" if host is None else host.spec.fqdn,
            ),
        )
