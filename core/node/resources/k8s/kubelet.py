"""The kubelet: what the config says of it, what it is run with, and what it has."""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.node.resources.k8s.nodes import NAMESPACE
from core.node.resources.values import Value
from core.state import Column, Spec, resource


class IDMapping(Value, frozen=True):
    """A range of ids in a mount, as the runtime specification has it."""

    container_id: int = msgspec.field(name="containerid", default=0)
    host_id: int = msgspec.field(name="hostid", default=0)
    size: int = 0


class Mount(Value, frozen=True):
    """A mount of the runtime specification."""

    destination: str
    type: str = ""
    source: str = ""
    options: tuple[str, ...] = ()
    uid_mappings: tuple[IDMapping, ...] = msgspec.field(name="uidmappings", default=())
    gid_mappings: tuple[IDMapping, ...] = msgspec.field(name="gidmappings", default=())


@resource("KubeletConfigs.kubernetes.talos.dev", NAMESPACE, sensitive=True)
class KubeletConfig(Spec, frozen=True):
    """The kubelet as configured (id `kubelet`). `register_with_taints` is value:effect by key."""

    image: str
    cluster_dns: tuple[str, ...] = msgspec.field(name="clusterDNS", default=())
    cluster_domain: str = ""
    extra_args: Mapping[str, tuple[str, ...]] = {}
    extra_mounts: tuple[Mount, ...] = ()
    extra_config: Mapping[str, Any] = {}
    cloud_provider_external: bool = False
    default_runtime_seccomp_enabled: bool = False
    skip_node_registration: bool = False
    static_pod_list_url: str = msgspec.field(name="staticPodListURL", default="")
    disable_manifests_directory: bool = False
    enable_fs_quota_monitoring: bool = msgspec.field(name="enableFSQuotaMonitoring", default=False)
    credential_provider_config: Mapping[str, Any] = {}
    register_with_taints: Mapping[str, str] = {}


@resource("KubeletSpecs.kubernetes.talos.dev", NAMESPACE, sensitive=True)
class KubeletSpec(Spec, frozen=True):
    """The kubelet as it is run (id `kubelet`); `config` is its KubeletConfiguration."""

    image: str
    args: tuple[str, ...] = ()
    extra_mounts: tuple[Mount, ...] = ()
    expected_nodename: str = ""
    config: Mapping[str, Any] = {}
    credential_provider_config: Mapping[str, Any] = {}


@resource("KubeletKubeconfigs.kubernetes.talos.dev", NAMESPACE)
class KubeletKubeconfig(Spec, frozen=True):
    """The kubelet has a kubeconfig of its own, with this SHA-256 (id `kubelet`)."""

    hash: str


@resource("KubeletLifecycles.kubernetes.talos.dev", NAMESPACE)
class KubeletLifecycle(Spec, frozen=True):
    """The kubelet may run (id `kubelet`) while this is there; who needs it holds a finalizer."""


@resource("KubeletStatuses.kubernetes.talos.dev", NAMESPACE, columns=(Column("Image", "{.image}"),))
class KubeletStatus(Spec, frozen=True):
    """The kubelet that runs (id `kubelet`)."""

    image: str
