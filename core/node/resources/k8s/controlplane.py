"""What the control plane's programs are run with."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from core.node.resources.values import Value
from core.state import Column, Spec, resource

NAMESPACE: Final = "controlplane"


class ExtraVolume(Value, frozen=True):
    """A path of the node that the program sees, too."""

    name: str
    host_path: str
    mount_path: str
    read_only: bool = msgspec.field(name="readonly", default=False)


class Resources(Value, frozen=True):
    """Requests and limits of a container, in Kubernetes' quantities ("512Mi")."""

    requests: Mapping[str, str] = {}
    limits: Mapping[str, str] = {}


@resource("APIServerConfigs.kubernetes.talos.dev", NAMESPACE, sensitive=True, columns=(Column("Image", "{.image}"),))
class APIServerConfig(Spec, frozen=True):
    """kube-apiserver (id `kube-apiserver`): `extra_args` as configured (a flag once for each value), `args` all of its
    flags when they are final."""

    image: str
    cloud_provider: str = ""
    control_plane_endpoint: str = ""
    etcd_servers: tuple[str, ...] = ()
    local_port: int = 6443
    service_cidrs: tuple[str, ...] = msgspec.field(name="serviceCIDR", default=())
    extra_args: Mapping[str, tuple[str, ...]] = {}
    args: tuple[str, ...] = ()
    extra_volumes: tuple[ExtraVolume, ...] = ()
    environment_variables: Mapping[str, str] = {}
    advertised_address: str = ""
    resources: Resources = Resources()
    startup_probes_enabled: bool = False
    use_authentication_config: bool = False


@resource(
    "ControllerManagerConfigs.kubernetes.talos.dev",
    NAMESPACE,
    columns=(Column("Enabled", "{.enabled}"), Column("Image", "{.image}")),
)
class ControllerManagerConfig(Spec, frozen=True):
    """kube-controller-manager (id `kube-controller-manager`)."""

    enabled: bool = True
    image: str = ""
    cloud_provider: str = ""
    pod_cidrs: tuple[str, ...] = msgspec.field(name="podCIDRs", default=())
    service_cidrs: tuple[str, ...] = msgspec.field(name="serviceCIDRs", default=())
    extra_args: Mapping[str, tuple[str, ...]] = {}
    args: tuple[str, ...] = ()
    extra_volumes: tuple[ExtraVolume, ...] = ()
    environment_variables: Mapping[str, str] = {}
    resources: Resources = Resources()
    node_cidr_mask_size_ipv4: int = msgspec.field(name="nodeCIDRMaskSizeIPv4", default=0)
    node_cidr_mask_size_ipv6: int = msgspec.field(name="nodeCIDRMaskSizeIPv6", default=0)


@resource(
    "SchedulerConfigs.kubernetes.talos.dev",
    NAMESPACE,
    columns=(Column("Enabled", "{.enabled}"), Column("Image", "{.image}")),
)
class SchedulerConfig(Spec, frozen=True):
    """kube-scheduler (id `kube-scheduler`); `config` is its KubeSchedulerConfiguration."""

    enabled: bool = True
    image: str = ""
    extra_args: Mapping[str, tuple[str, ...]] = {}
    args: tuple[str, ...] = ()
    config: Mapping[str, Any] = {}
    extra_volumes: tuple[ExtraVolume, ...] = ()
    environment_variables: Mapping[str, str] = {}
    resources: Resources = Resources()
