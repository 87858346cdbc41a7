"""What is applied to a new cluster, and what was."""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.node.resources.k8s.controlplane import NAMESPACE, Resources
from core.node.resources.values import Value
from core.state import Spec, resource


@resource("BootstrapManifestsConfigs.kubernetes.talos.dev", NAMESPACE)
class BootstrapManifestsConfig(Spec, frozen=True):
    """What the manifests of this cluster are made from (id `manifests`): kube-proxy, CoreDNS, the pods' network."""

    server: str = msgspec.field(name="string", default="")
    cluster_domain: str = ""
    pod_cidrs: tuple[str, ...] = msgspec.field(name="podCIDRs", default=())
    proxy_enabled: bool = False
    proxy_image: str = ""
    proxy_args: tuple[str, ...] = ()
    proxy_config: Mapping[str, Any] = {}
    proxy_config_checksum: str = ""
    proxy_resources: Resources = Resources()
    core_dns_enabled: bool = msgspec.field(name="coreDNSEnabled", default=False)
    core_dns_image: str = msgspec.field(name="coreDNSImage", default="")
    dns_service_ip: str = msgspec.field(name="dnsServiceIP", default="")
    dns_service_ipv6: str = msgspec.field(name="dnsServiceIPv6", default="")
    flannel_enabled: bool = False
    flannel_image: str = ""
    flannel_extra_args: tuple[str, ...] = ()
    flannel_kube_service_host: str = ""
    flannel_kube_service_port: str = ""
    flannel_kube_network_policies_enabled: bool = False
    flannel_kube_network_policies_image: str = ""
    flannel_backend_type: str = ""
    flannel_backend_port: int = 0
    flannel_backend_mtu: int = msgspec.field(name="flannelBackendMTU", default=0)
    flannel_backend_extra_config: Mapping[str, Any] = {}
    flannel_resources: Resources = Resources()
    pod_security_policy_enabled: bool = False
    talos_api_service_enabled: bool = msgspec.field(name="talosAPIServiceEnabled", default=False)
    cni_name: str = ""


class ExtraManifest(Value, frozen=True):
    """Manifests of the config's: at `url`, or written out in `inline_manifest`. They are applied by `priority`."""

    name: str
    url: str = ""
    priority: str = ""
    extra_headers: Mapping[str, str] = {}
    inline_manifest: str = ""


@resource("ExtraManifestsConfigs.kubernetes.talos.dev", NAMESPACE)
class ExtraManifestsConfig(Spec, frozen=True):
    """Manifests of the config's (id `extra-manifests`)."""

    extra_manifests: tuple[ExtraManifest, ...] = ()


class SingleManifest(Value, frozen=True):
    """One object of Kubernetes."""

    object: Mapping[str, Any]


@resource("Manifests.kubernetes.talos.dev", NAMESPACE)
class Manifest(Spec, frozen=True):
    """Objects that the cluster shall have; ids sort in the order in which they are applied ("11-kube-proxy"). In YAML
    the spec is the list of the objects themselves."""

    items: tuple[SingleManifest, ...] = ()

    @property
    def scalar(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(item.object for item in self.items)


@resource("ManifestStatuses.kubernetes.talos.dev", NAMESPACE)
class ManifestStatus(Spec, frozen=True):
    """The manifests that have been applied, by id (id `manifests`)."""

    manifests_applied: tuple[str, ...] = ()
