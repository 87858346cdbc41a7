"""Who this node is and which cluster it belongs to: STATE -> Identity, MachineConfig -> Info, DiscoveryConfig."""

import base64
import string
from pathlib import Path
from typing import Final

from core.node import machineconfig
from core.node.resources.block import MountStatus
from core.node.resources.cluster import DiscoveryConfig, Identity, Info
from core.node.resources.config import MachineConfig
from core.node.state_files import StateFiles
from core.state import Controller, Resource, Scope, exclusive, weak

FOLDER: Final = Path("/system/state")
LOCAL: Final = "local"
_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_STATE: Final = MountStatus.at("STATE")
_ACTIVE: Final = MachineConfig.at(machineconfig.ACTIVE)


class NodeIdentity(Controller):
    """Id `local`, once STATE is there: made the first time, and the same until STATE is wiped."""

    name = "cluster.NodeIdentityController"
    inputs = (weak(_STATE),)
    outputs = (exclusive(Identity),)

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = StateFiles(folder)

    async def reconcile(self, scope: Scope) -> None:
        if scope.find(_STATE) is not None:
            scope.put(LOCAL, Identity(node_id=self._files.identity(base62)))


def base62(data: bytes) -> str:
    """A number in digits and letters, as wide as any of that many bytes."""
    number, text, width = int.from_bytes(data), "", 0
    while 62**width < 256 ** len(data):
        number, digit = divmod(number, 62)
        text, width = _DIGITS[digit] + text, width + 1
    return text


class ClusterInfo(Controller):
    """Id `current`, while there is a config."""

    name = "cluster.InfoController"
    inputs = (weak(_ACTIVE),)
    outputs = (exclusive(Info),)

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(_ACTIVE)
        if config is None:
            scope.sync(Info.all(), {})
            return
        cluster = machineconfig.of(config).v1alpha1.cluster
        scope.put("current", Info(cluster_id=cluster.id, cluster_name=cluster.cluster_name))


class DiscoverySettings(Controller):
    """Id `cluster`, while there is a config. The one registry is the control plane itself: no service that somebody
    hosts is ever asked, whatever endpoint the config names, and nothing is written into Kubernetes."""

    name = "cluster.ConfigController"
    inputs = (weak(_ACTIVE),)
    outputs = (exclusive(DiscoveryConfig),)

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(_ACTIVE)
        wanted = {} if config is None else {"cluster": _settings(config)}
        scope.sync(DiscoveryConfig.all(), wanted)


def _settings(config: Resource[MachineConfig]) -> DiscoveryConfig:
    cluster = machineconfig.of(config).v1alpha1.cluster
    enabled = cluster.discovery.enabled and bool(cluster.id and cluster.secret)
    if not enabled:
        return DiscoveryConfig()
    return DiscoveryConfig(
        discovery_enabled=True,
        registry_service_enabled=not cluster.discovery.registries.service.disabled,
        service_encryption_key=base64.b64decode(cluster.secret),
        service_cluster_id=cluster.id,
    )
