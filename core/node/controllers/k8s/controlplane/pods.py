"""Programs' configs, their files' versions -> the control plane's StaticPods. Nothing begins before etcd is healthy;
what has begun goes on whatever becomes of etcd, and through a restart of machined: the pods are remembered in init, so
that the next machined says the same until it knows better."""

from typing import Any, Final

from core.cluster.kubernetes import controlplane, stamps
from core.cluster.kubernetes.pods import Program, Volume, pod
from core.node.resources.config import MachineTypeSpec
from core.node.resources.k8s import (
    APIServerConfig,
    ConfigStatus,
    ControllerManagerConfig,
    ExtraVolume,
    SchedulerConfig,
    SecretsStatus,
    StaticPod,
)
from core.node.resources.services import Service
from core.node.survivor import Survivor
from core.state import Controller, Scope, shared, weak

Pods = dict[str, dict[str, Any]]
Config = APIServerConfig | ControllerManagerConfig | SchedulerConfig
_API: Final = APIServerConfig.at(controlplane.APISERVER)
_MANAGER: Final = ControllerManagerConfig.at(controlplane.CONTROLLER_MANAGER)
_SCHEDULER: Final = SchedulerConfig.at(controlplane.SCHEDULER)
_CONFIGS: Final = ConfigStatus.at("static-pods")
_SECRETS: Final = SecretsStatus.at("static-pods")
_MACHINE: Final = MachineTypeSpec.at("machine-type")
_ETCD: Final = Service.at("etcd")
CONFIG_VERSION: Final = "ichor.dev/config-version"
SECRETS_VERSION: Final = "ichor.dev/secrets-version"


class ControlPlanePods(Controller):
    """Ids are the pods' names. A pod has the versions of its own files in its annotations, so that a change of them
    restarts it and none of the others."""

    name = "k8s.ControlPlaneStaticPodController"
    inputs = tuple(map(weak, (_API, _MANAGER, _SCHEDULER, _CONFIGS, _SECRETS, _MACHINE, _ETCD)))
    outputs = (shared(StaticPod),)

    def __init__(self, memory: Survivor[Pods]) -> None:
        self._memory = memory
        self._said = memory.load() or {}

    async def reconcile(self, scope: Scope) -> None:
        machine, etcd = scope.find(_MACHINE), scope.find(_ETCD)
        wanted: Pods | None = None
        if machine is not None and not machine.spec.machine_type.control_plane:
            wanted = {}
        elif etcd is not None and etcd.spec.running and etcd.spec.healthy:
            wanted = _wanted(scope)
        if wanted is not None and wanted != self._said:
            self._memory.save(wanted)
            self._said = wanted
        scope.sync(StaticPod.all(), {name: StaticPod(pod=tree) for name, tree in self._said.items()})


def _wanted(scope: Scope) -> Pods | None:
    """The pods that shall run; None until all that they need is there."""
    configs, secrets = scope.find(_CONFIGS), scope.find(_SECRETS)
    api, manager, scheduler = scope.find(_API), scope.find(_MANAGER), scope.find(_SCHEDULER)
    if configs is None or secrets is None or not configs.spec.ready or not secrets.spec.ready:
        return None
    if api is None or manager is None or scheduler is None:
        return None
    made = [_pod(controlplane.APISERVER, api.spec, configs.spec, secrets.spec)]
    for name, spec in ((controlplane.CONTROLLER_MANAGER, manager.spec), (controlplane.SCHEDULER, scheduler.spec)):
        if spec.enabled:
            made.append(_pod(name, spec, configs.spec, secrets.spec))
    return {tree["metadata"]["name"]: tree for tree in made}


def _pod(name: str, spec: Config, configs: ConfigStatus, secrets: SecretsStatus) -> dict[str, Any]:
    versions = {CONFIG_VERSION: configs.version, SECRETS_VERSION: secrets.version}
    own = {key: stamps.of(text, name) for key, text in versions.items()}
    api = spec if isinstance(spec, APIServerConfig) else None
    return pod(
        Program(
            name=name,
            image=spec.image,
            args=spec.args,
            port=controlplane.PORTS[name] if api is None else api.local_port,
            probes=api is None or api.startup_probes_enabled,
            env=spec.environment_variables,
            volumes=[_volume(volume) for volume in spec.extra_volumes],
            requests=spec.resources.requests,
            limits=spec.resources.limits,
            versions={key: version for key, version in own.items() if version},
        )
    )


def _volume(volume: ExtraVolume) -> Volume:
    return Volume(name=volume.name, host=volume.host_path, path=volume.mount_path, writable=not volume.read_only)
