"""MachineConfig -> what kube-apiserver, kube-controller-manager and kube-scheduler are run with. A worker has none."""

from collections.abc import Iterable, Mapping
from typing import Final

from core.cluster.kubernetes import controlplane, subnets, versions
from core.config import images
from core.config.load import Config
from core.config.schema import controlplane as asked
from core.config.schema.cluster import Cluster
from core.node.controllers.k8s.controlplane.source import api_server_image, authorizers, of_control_plane
from core.node.resources.k8s import (
    APIServerConfig,
    ControllerManagerConfig,
    ExtraVolume,
    Resources,
    SchedulerConfig,
)
from core.node.resources.secrets import KubernetesRoot
from core.state import Controller, Scope, weak

_ROOT: Final = KubernetesRoot.at("k8s")


def api_server() -> Controller:
    """Id `kube-apiserver`, as soon as it is known who issues service accounts' tokens."""

    def make(config: Config, scope: Scope) -> APIServerConfig | None:
        cluster, root = config.v1alpha1.cluster, scope.find(_ROOT)
        return None if root is None else _api_server(cluster, root.spec)

    name = "k8s.ControlPlaneAPIServerController"
    return of_control_plane(name, APIServerConfig, controlplane.APISERVER, make, also=(weak(_ROOT),))


def controller_manager() -> Controller:
    """Id `kube-controller-manager`."""

    def make(config: Config, _: Scope) -> ControllerManagerConfig:
        return _controller_manager(config)

    name = "k8s.ControlPlaneControllerManagerController"
    return of_control_plane(name, ControllerManagerConfig, controlplane.CONTROLLER_MANAGER, make)


def scheduler() -> Controller:
    """Id `kube-scheduler`."""

    def make(config: Config, _: Scope) -> SchedulerConfig:
        scheduler = config.v1alpha1.cluster.scheduler
        image = scheduler.image or images.program(controlplane.SCHEDULER)
        wish = controlplane.Scheduler(release=versions.of(image), extra=scheduler.extra_args)
        return SchedulerConfig(
            enabled=not config.v1alpha1.machine.control_plane.scheduler.disabled,
            image=image,
            extra_args=scheduler.extra_args,
            args=tuple(controlplane.scheduler(wish)),
            config=scheduler.config or {},
            extra_volumes=_volumes(scheduler.extra_volumes),
            environment_variables=scheduler.env,
            resources=_resources(scheduler.resources),
        )

    return of_control_plane("k8s.ControlPlaneSchedulerController", SchedulerConfig, controlplane.SCHEDULER, make)


def _api_server(cluster: Cluster, root: KubernetesRoot) -> APIServerConfig:
    server, image = cluster.api_server, api_server_image(cluster)
    release, issuer = versions.of(image), root.issuer_url or root.endpoint
    wish = controlplane.ApiServer(
        release=release,
        issuers=list(dict.fromkeys([issuer, *root.accepted_issuers])),
        service_subnets=_texts(subnets.services(cluster.network)),
        audiences=root.api_audiences,
        port=cluster.control_plane.local_api_server_port,
        authorizers=[kind for kind, _, _ in authorizers(cluster)],
        external_cloud=cluster.external_cloud_provider.enabled,
        extra=server.extra_args,
    )
    return APIServerConfig(
        image=image,
        cloud_provider=_cloud(cluster),
        control_plane_endpoint=cluster.control_plane.endpoint,
        etcd_servers=tuple(wish.etcd),
        local_port=wish.port,
        service_cidrs=tuple(wish.service_subnets),
        extra_args=server.extra_args,
        args=tuple(controlplane.api_server(wish)),
        extra_volumes=_volumes(server.extra_volumes),
        environment_variables=server.env,
        advertised_address=wish.address,
        resources=_resources(server.resources),
        startup_probes_enabled=controlplane.answers_strangers(release, server.extra_args),
        use_authentication_config=controlplane.says_who_is_known(release, server.extra_args),
    )


def _controller_manager(config: Config) -> ControllerManagerConfig:
    cluster = config.v1alpha1.cluster
    manager = cluster.controller_manager
    image = manager.image or images.program(controlplane.CONTROLLER_MANAGER)
    wish = controlplane.ControllerManager(
        release=versions.of(image),
        pod_subnets=_texts(subnets.pods(cluster.network)),
        service_subnets=_texts(subnets.services(cluster.network)),
        external_cloud=cluster.external_cloud_provider.enabled,
        extra=manager.extra_args,
    )
    return ControllerManagerConfig(
        enabled=not config.v1alpha1.machine.control_plane.controller_manager.disabled,
        image=image,
        cloud_provider=_cloud(cluster),
        pod_cidrs=tuple(wish.pod_subnets),
        service_cidrs=tuple(wish.service_subnets),
        extra_args=manager.extra_args,
        args=tuple(controlplane.controller_manager(wish)),
        extra_volumes=_volumes(manager.extra_volumes),
        environment_variables=manager.env,
        resources=_resources(manager.resources),
    )


def _cloud(cluster: Cluster) -> str:
    return "external" if cluster.external_cloud_provider.enabled else ""


def _volumes(volumes: Iterable[asked.ExtraVolume]) -> tuple[ExtraVolume, ...]:
    return tuple(
        ExtraVolume(name=f"extra-{index}", host_path=v.host_path, mount_path=v.mount_path, read_only=v.readonly)
        for index, v in enumerate(volumes)
    )


def _resources(resources: asked.Resources) -> Resources:
    return Resources(requests=_quantities(resources.requests), limits=_quantities(resources.limits))


def _quantities(values: Mapping[str, object] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (values or {}).items()}


def _texts(networks: Iterable[object]) -> list[str]:
    return [str(network) for network in networks]
