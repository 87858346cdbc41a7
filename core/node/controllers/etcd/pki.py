"""EtcdRoot, Etcd -> PKIStatus: etcd's keys and certificates as files of its own. It reads a renewed certificate again
by itself; `version` changes with what it reads at its start alone."""

from pathlib import Path
from typing import Final

from core.base import swap
from core.cluster.etcd.flags import PKI
from core.node.resources.etcd import PKIStatus
from core.node.resources.secrets import Etcd, EtcdRoot
from core.state import Controller, Scope, exclusive, weak

OWNER: Final = 60
_ROOT: Final = EtcdRoot.at("etcd")
_CERTIFICATES: Final = Etcd.at("etcd")


class PKIFiles(Controller):
    """Id `etcd`, on a control plane. `owner` is etcd's user and group id."""

    name = "etcd.PKIController"
    inputs = (weak(_ROOT), weak(_CERTIFICATES))
    outputs = (exclusive(PKIStatus),)

    def __init__(self, folder: Path = Path(PKI), owner: int = OWNER) -> None:
        self._folder, self._owner = folder, owner

    async def reconcile(self, scope: Scope) -> None:
        root, made = scope.find(_ROOT), scope.find(_CERTIFICATES)
        if root is None:
            scope.remove(PKIStatus.at("etcd"))
            swap.discard(self._folder)
            return
        if made is None:
            return
        authority = {"ca.crt": root.spec.etcd_ca.crt}
        files = {
            **authority,
            "server.crt": made.spec.etcd.crt,
            "server.key": made.spec.etcd.key,
            "peer.crt": made.spec.etcd_peer.crt,
            "peer.key": made.spec.etcd_peer.key,
        }
        swap.swap(self._folder, files, self._owner)
        scope.put("etcd", PKIStatus(ready=True, version=swap.digest(authority)))
