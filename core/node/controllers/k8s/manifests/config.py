"""MachineConfig -> BootstrapManifestsConfig, ExtraManifestsConfig: what the cluster shall be given, as a control
plane's config says it. A worker has none."""

from collections.abc import Iterator, Sequence
from typing import Final

from core.cluster.kubernetes import subnets, versions
from core.config.load import Config
from core.config.schema.cluster import Cluster
from core.node.controllers.k8s.controlplane.source import of_control_plane
from core.node.resources.k8s import BootstrapManifestsConfig, ExtraManifest, ExtraManifestsConfig, Resources
from core.state import Controller, Scope

BOOTSTRAP: Final = BootstrapManifestsConfig.at("manifests")
EXTRA: Final = ExtraManifestsConfig.at("extra-manifests")
KUBECONFIG: Final = "/etc/kubernetes/kubeconfig"
_DNS: Final = 10  # of a range of services, the address that pods ask for names
_SMALL: Final = Resources(requests={"cpu": "100m", "memory": "50Mi"})
_NETWORKS, _CLOUD, _LAST = "05", "30", "99"


def bootstrap_config(proxy_image: str, dns_image: str, flannel_image: str) -> Controller:
    """Id `manifests`; the images are those of who names none."""

    def make(config: Config, _: Scope) -> BootstrapManifestsConfig:
        cluster = config.v1alpha1.cluster
        pods, dns = tuple(map(str, subnets.pods(cluster.network))), _dns_addresses(cluster)
        image, prism = cluster.proxy.image or proxy_image, config.v1alpha1.machine.features.kube_prism
        host, port = ("127.0.0.1", str(prism.port)) if prism.enabled else ("", "")
        cni, flannel = cluster.network.cni.name, cluster.network.cni.flannel
        return BootstrapManifestsConfig(
            server=f"https://{host}:{port}" if host else cluster.control_plane.endpoint,
            cluster_domain=cluster.network.dns_domain,
            pod_cidrs=pods,
            proxy_enabled=not cluster.proxy.disabled,
            proxy_image=image,
            proxy_args=tuple(_proxy(cluster, image, pods)),
            proxy_resources=_SMALL,
            core_dns_enabled=not cluster.core_dns.disabled,
            core_dns_image=cluster.core_dns.image or dns_image,
            dns_service_ip=next((address for address in dns if ":" not in address), ""),
            dns_service_ipv6=next((address for address in dns if ":" in address), ""),
            flannel_enabled=cni == "flannel",
            flannel_image=flannel_image,
            flannel_extra_args=flannel.extra_args if flannel is not None else (),
            flannel_kube_service_host=host,
            flannel_kube_service_port=port,
            flannel_backend_type="vxlan",
            flannel_backend_port=4789,
            flannel_resources=_SMALL,
            cni_name=cni,
        )

    return of_control_plane(
        "k8s.ControlPlaneBootstrapManifestsController", BootstrapManifestsConfig, BOOTSTRAP.id, make
    )


def extra_config() -> Controller:
    """Id `extra-manifests`. Each has a name of its own: where it is, or what the config calls it."""

    def make(config: Config, _: Scope) -> ExtraManifestsConfig:
        return ExtraManifestsConfig(extra_manifests=tuple(_extra(config.v1alpha1.cluster)))

    return of_control_plane("k8s.ControlPlaneExtraManifestsController", ExtraManifestsConfig, EXTRA.id, make)


def _extra(cluster: Cluster) -> Iterator[ExtraManifest]:
    if cluster.network.cni.name == "custom":
        for url in cluster.network.cni.urls:
            yield ExtraManifest(name=url, url=url, priority=_NETWORKS)
    for url in cluster.external_cloud_provider.manifests if cluster.external_cloud_provider.enabled else ():
        yield ExtraManifest(name=url, url=url, priority=_CLOUD)
    for url in cluster.extra_manifests:
        yield ExtraManifest(name=url, url=url, priority=_LAST, extra_headers=cluster.extra_manifest_headers)
    for inline in cluster.inline_manifests:
        yield ExtraManifest(name=inline.name, priority=_LAST, inline_manifest=inline.contents)


def _proxy(cluster: Cluster, image: str, pods: Sequence[str]) -> Iterator[str]:
    """kube-proxy's flags: ours, and the config's in their place."""
    mode = cluster.proxy.mode or versions.facts(versions.of(image)).proxy
    told: dict[str, Sequence[str]] = {
        "cluster-cidr": [",".join(pods)],
        "conntrack-max-per-core": ["0"],
        "hostname-override": ["$(NODE_NAME)"],
        "kubeconfig": [KUBECONFIG],
        "proxy-mode": [mode],
    }
    for name, values in sorted((told | cluster.proxy.extra_args).items()):
        yield from (f"--{name}={value}" for value in values)


def _dns_addresses(cluster: Cluster) -> list[str]:
    """The tenth of each range of services, or what the config has pods ask."""
    found = [network.network_address + _DNS for network in subnets.services(cluster.network)]
    return [str(address) for address in found]
