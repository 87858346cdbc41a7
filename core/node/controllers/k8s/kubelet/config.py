"""MachineConfig, StaticPodServerStatus -> KubeletConfig: the kubelet as configured."""

from collections.abc import Iterator
from typing import Final

from core.cluster.kubernetes import subnets, versions
from core.config.schema.kubelet import ExtraMount, IdMapping
from core.config.schema.root import V1Alpha1
from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import IDMapping, KubeletConfig, Mount, StaticPodServerStatus
from core.state import Controller, Resource, Scope, transform, weak

IMAGE: Final = "ghcr.io/siderolabs/kubelet:v1.37.0-rc.1"  # where a config names none
SERVER: Final = StaticPodServerStatus.at("static-pod-server-status")
_DNS: Final = 10  # the server's place in each range of services


def kubelet_config() -> Controller:
    """Id `kubelet`, once it is known where static pods are served: a kubelet without that would end those that run."""

    def derive(resource: Resource[MachineConfig], scope: Scope) -> KubeletConfig | None:
        config = machineconfig.of(resource)
        server = scope.find(SERVER)
        if resource.md.id != machineconfig.ACTIVE or not config.complete or server is None:
            return None
        return _config(config.v1alpha1, server.spec.url)

    return transform(
        "k8s.KubeletConfigController",
        MachineConfig,
        KubeletConfig,
        derive,
        also=(weak(SERVER),),
        rename=lambda _: "kubelet",
    )


def _config(root: V1Alpha1, static_pods: str) -> KubeletConfig:
    machine, cluster, kubelet = root.machine, root.cluster, root.machine.kubelet
    dns = tuple(str(subnet.network_address + _DNS) for subnet in subnets.services(cluster.network))
    return KubeletConfig(
        image=kubelet.image or IMAGE,
        cluster_dns=kubelet.cluster_dns or dns,
        cluster_domain=cluster.network.dns_domain,
        extra_args=kubelet.extra_args,
        extra_mounts=tuple(map(_mount, kubelet.extra_mounts)),
        extra_config=kubelet.extra_config or {},
        cloud_provider_external=cluster.external_cloud_provider.enabled,
        default_runtime_seccomp_enabled=kubelet.default_runtime_seccomp_profile_enabled,
        skip_node_registration=kubelet.skip_node_registration,
        static_pod_list_url=static_pods,
        disable_manifests_directory=kubelet.disable_manifests_directory,
        enable_fs_quota_monitoring=machine.features.disk_quota_support,
        credential_provider_config=kubelet.credential_provider_config or {},
        register_with_taints=dict(taints(root)),
    )


def taints(root: V1Alpha1) -> Iterator[tuple[str, str]]:
    """What keeps pods away from the moment the node is known. A control plane that takes pods has none of its own."""
    yield from root.machine.node_taints.items()
    leads, open_ = root.machine.type != "worker", root.cluster.allow_scheduling_on_control_planes
    if leads and not (open_ or root.cluster.allow_scheduling_on_masters):
        role = versions.facts(versions.of(root.machine.kubelet.image)).role
        yield f"node-role.kubernetes.io/{role}", ":NoSchedule"


def _mount(mount: ExtraMount) -> Mount:
    return Mount(
        destination=mount.destination,
        type=mount.type,
        source=mount.source,
        options=mount.options,
        uid_mappings=tuple(map(_ids, mount.uid_mappings)),
        gid_mappings=tuple(map(_ids, mount.gid_mappings)),
    )


def _ids(mapping: IdMapping) -> IDMapping:
    return IDMapping(container_id=mapping.container_id, host_id=mapping.host_id, size=mapping.size)
