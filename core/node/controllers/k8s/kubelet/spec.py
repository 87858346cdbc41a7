"""KubeletConfig, Nodename, NodeIP, MachineType -> KubeletSpec: the kubelet as it is run."""

from typing import Final

from core.cluster.kubernetes import kubelet, versions
from core.node.resources.config import MachineTypeSpec
from core.node.resources.k8s import KubeletConfig, KubeletSpec, NodeIP, Nodename
from core.state import Controller, Resource, Scope, transform, weak

KUBELET: Final = KubeletSpec.at("kubelet")
_NAME: Final = Nodename.at("nodename")
_ADDRESSES: Final = NodeIP.at("kubelet")
_MACHINE: Final = MachineTypeSpec.at("machine-type")


def kubelet_spec() -> Controller:
    """Id `kubelet`, once the node has its name and addresses."""

    def derive(resource: Resource[KubeletConfig], scope: Scope) -> KubeletSpec | None:
        config, name, machine = resource.spec, scope.find(_NAME), scope.find(_MACHINE)
        addresses = _addresses(config, scope)
        if name is None or machine is None or addresses is None:
            return None
        wish = _wish(config, name.spec.nodename, addresses, machine.spec.machine_type.control_plane)
        return KubeletSpec(
            image=config.image,
            args=kubelet.arguments(wish),
            extra_mounts=config.extra_mounts,
            expected_nodename="" if config.skip_node_registration else _registered(config, name.spec.nodename),
            config=kubelet.configuration(wish),
            credential_provider_config=config.credential_provider_config,
        )

    inputs = (weak(_NAME), weak(_ADDRESSES), weak(_MACHINE))
    return transform("k8s.KubeletSpecController", KubeletConfig, KubeletSpec, derive, also=inputs)


def _addresses(config: KubeletConfig, scope: Scope) -> tuple[str, ...] | None:
    """None while they are not known."""
    if "node-ip" in config.extra_args:
        return ()
    known = scope.find(_ADDRESSES)
    return None if known is None else known.spec.addresses


def _registered(config: KubeletConfig, name: str) -> str:
    return next(iter(config.extra_args.get("hostname-override", ())), name)


def _wish(config: KubeletConfig, name: str, addresses: tuple[str, ...], control_plane: bool) -> kubelet.Wish:
    return kubelet.Wish(
        release=versions.of(config.image),
        nodename=name,
        addresses=addresses,
        control_plane=control_plane,
        register=not config.skip_node_registration,
        cluster_dns=config.cluster_dns,
        cluster_domain=config.cluster_domain,
        static_pod_url=config.static_pod_list_url,
        manifests=not config.disable_manifests_directory,
        seccomp_default=config.default_runtime_seccomp_enabled,
        quotas=config.enable_fs_quota_monitoring,
        cloud_provider_external=config.cloud_provider_external,
        credential_provider=bool(config.credential_provider_config),
        taints=config.register_with_taints,
        extra_args=config.extra_args,
        extra_config=config.extra_config,
    )
