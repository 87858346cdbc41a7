"""A control plane's store with what this domain reads: the config, and what others say of secrets and etcd."""

from pathlib import Path
from typing import Any

import msgspec

from core.config import generate
from core.config.load import load
from core.config.merge import merge
from core.node.controllers.k8s.controlplane import policies, programs
from core.node.controllers.k8s.controlplane.machinepods import MachinePods
from core.node.controllers.k8s.controlplane.pods import ControlPlanePods, Pods
from core.node.controllers.k8s.controlplane.render import RenderConfigs
from core.node.resources.config import MachineConfig, MachineType, MachineTypeSpec
from core.node.resources.k8s import SecretsStatus
from core.node.resources.secrets import KubernetesRoot
from core.node.resources.services import Service
from core.node.resources.values import CertificateAndKey, Key
from core.node.survivor import Survivor
from tests.node.controllers.house import House
from tests.support.clock import FakeClock
from tests.support.fdtable import FdTable

OPTIONS = generate.Options(name="c", endpoint="https://c.example:6443", kubernetes="1.34.1")
SECRETS = generate.new_secrets(1_700_000_000.0)
CONFIG = load(generate.control_plane(SECRETS, OPTIONS))
WORKER = load(generate.worker(SECRETS, OPTIONS))
ROOT = KubernetesRoot(
    name="c",
    endpoint="https://c.example:6443",
    local_endpoint="https://127.0.0.1:6443",
    issuing_ca=CertificateAndKey(),
    aggregator_ca=CertificateAndKey(),
    service_account=Key(),
)


class ControlPlane(House):
    """The domain but for its server. `table` is init's, which outlives it."""

    def __init__(self, folder: Path, table: FdTable) -> None:
        pods = ControlPlanePods(Survivor(table, "static-pods", Pods))
        makers = (programs.api_server(), programs.controller_manager(), programs.scheduler())
        super().__init__(FakeClock(), [*makers, *policies.controllers(), RenderConfigs(folder), pods, MachinePods()])

    def told(self, kubernetes: str = "1.34.1", **patch: Any) -> None:
        """A control plane's config with these parts over it."""
        images = {
            section: {"image": f"registry.k8s.io/{program}:v{kubernetes}"}
            for section, program in (
                ("apiServer", "kube-apiserver"),
                ("controllerManager", "kube-controller-manager"),
                ("scheduler", "kube-scheduler"),
            )
        }
        config = merge(CONFIG, msgspec.json.encode({"cluster": images}))
        if patch:
            config = merge(config, msgspec.json.encode(patch))
        self.put("machine-type", MachineTypeSpec(machine_type=MachineType.CONTROLPLANE))
        self.put("v1alpha1", MachineConfig(yaml_marshalled=config.text))

    def others_are_ready(self, secrets: str = "kube-apiserver:1 kube-controller-manager:1 kube-scheduler:1") -> None:
        self.put("k8s", ROOT)
        self.put("static-pods", SecretsStatus(ready=True, version=secrets))
        self.etcd(healthy=True)

    def etcd(self, *, healthy: bool) -> None:
        self.put("etcd", Service(running=True, healthy=healthy, unknown=False))
