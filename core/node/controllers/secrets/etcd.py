"""etcd's authority and the four certificates that it needs on a control plane: to serve, to be a peer, to be
administered, and to be used by kube-apiserver."""

import logging
from typing import Final

from core.node import machineconfig
from core.node.controllers.secrets.leaves import Leaves, Memory, Use, Wish
from core.node.resources.config import MachineConfig
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.secrets import Etcd, EtcdRoot
from core.node.resources.time import TimeStatus
from core.node.resources.values import CertificateAndKey
from core.node.work import Work
from core.pki.types import AUTHORITY_LIFETIME, Pair
from core.state import Controller, Resource, Scope, exclusive, transform, weak

_log = logging.getLogger("secrets")
_LOOPBACK: Final = ("127.0.0.1", "::1")
_ROOT: Final = EtcdRoot.at("etcd")
_HOST: Final = HostnameStatus.at("hostname")
_ADDRESSES: Final = NodeAddress.at("accumulative-no-k8s")


def etcd_root() -> Controller:
    """MachineConfig -> EtcdRoot, id `etcd`, on a control plane."""

    def derive(resource: Resource[MachineConfig], _: Scope) -> EtcdRoot | None:
        config = machineconfig.of(resource)
        ca = config.v1alpha1.cluster.etcd.ca
        if resource.md.id != machineconfig.ACTIVE or not config.is_control_plane or ca is None or not ca.key:
            return None
        return EtcdRoot(etcd_ca=CertificateAndKey(crt=ca.crt, key=ca.key))

    return transform("secrets.RootEtcdController", MachineConfig, EtcdRoot, derive, rename=lambda _: "etcd")


class EtcdCertificates(Controller):
    """EtcdRoot, HostnameStatus, NodeAddress -> Etcd, id `etcd`, once the node knows its name and an address. Lifetime
    in seconds."""

    name = "secrets.EtcdController"
    inputs = (weak(_ROOT), weak(_HOST), weak(_ADDRESSES), weak(TimeStatus.at("node")))
    outputs = (exclusive(Etcd),)

    def __init__(self, work: Work, memory: Memory, lifetime: int = AUTHORITY_LIFETIME) -> None:
        self._leaves, self._lifetime = Leaves(work, memory), lifetime

    async def reconcile(self, scope: Scope) -> None:
        root, host, addresses = scope.find(_ROOT), scope.find(_HOST), scope.find(_ADDRESSES)
        if root is None:
            scope.remove(Etcd.at("etcd"))
            return
        if host is None or addresses is None or not addresses.spec.addresses:
            return
        wishes, now = self._wishes(root.spec, host.spec, addresses.spec), scope.clock.now()
        if made := await self._leaves.keep(now, wishes):
            _log.info("etcd's certificates issued: %s", ", ".join(made))
        scope.put(
            "etcd",
            Etcd(
                etcd=self._leaves["server"],
                etcd_peer=self._leaves["peer"],
                etcd_admin=self._leaves["admin"],
                etcd_api_server=self._leaves["kube-apiserver"],
            ),
        )
        scope.later(self._leaves.due(wishes) - now)

    def _wishes(self, root: EtcdRoot, host: HostnameStatus, addresses: NodeAddress) -> dict[str, Wish]:
        ca, name = Pair(root.etcd_ca.crt, root.etcd_ca.key), host.hostname
        ips = tuple(address.partition("/")[0] for address in addresses.addresses)
        names = tuple(dict.fromkeys((host.hostname, host.fqdn)))

        def member(names: tuple[str, ...], ips: tuple[str, ...]) -> Wish:
            return Wish(use=Use.BOTH, ca=ca, name=name, names=names, addresses=ips, lifetime=self._lifetime)

        def client(name: str) -> Wish:
            return Wish(use=Use.CLIENT, ca=ca, name=name, lifetime=self._lifetime)

        return {
            "server": member((*names, "localhost"), (*ips, *_LOOPBACK)),
            "peer": member(names, ips),
            "admin": client("talos"),
            "kube-apiserver": client("kube-apiserver"),
        }
