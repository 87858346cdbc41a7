"""BootstrapManifestsConfig, KubernetesRoot -> Manifest: what every cluster of this config is given. Ids are the
format's; they sort in the order in which the manifests are applied."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from core.cluster.kubernetes.manifests import dns, joining, proxy
from core.cluster.kubernetes.manifests.flannel import Flannel, flannel
from core.cluster.kubernetes.paths import Object
from core.node.controllers.k8s.manifests.config import BOOTSTRAP
from core.node.resources.k8s import BootstrapManifestsConfig, Manifest, SingleManifest
from core.node.resources.secrets import KubernetesRoot
from core.state import Controller, Scope, shared, weak

_ROOT: Final = KubernetesRoot.at("k8s")


class Manifests(Controller):
    """All of them, or none as long as it is not known what they are to say."""

    name = "k8s.ManifestController"
    inputs = (weak(BOOTSTRAP), weak(_ROOT))
    outputs = (shared(Manifest),)

    async def reconcile(self, scope: Scope) -> None:
        config, root = scope.find(BOOTSTRAP), scope.find(_ROOT)
        wanted = {} if config is None or root is None else dict(render(config.spec, root.spec))
        scope.sync(Manifest.all(), wanted)


def manifest(objects: Sequence[Object]) -> Manifest:
    """A resource of objects."""
    return Manifest(items=tuple(SingleManifest(object=each) for each in objects))


def render(config: BootstrapManifestsConfig, root: KubernetesRoot) -> Iterator[tuple[str, Manifest]]:
    """By id."""
    for id_, objects in _objects(config, root):
        yield id_, manifest(objects)


def _objects(config: BootstrapManifestsConfig, root: KubernetesRoot) -> Iterator[tuple[str, list[Object]]]:
    if root.bootstrap_token_id:
        yield "00-kubelet-bootstrapping-token", joining.token(root.bootstrap_token_id, root.bootstrap_token_secret)
    yield "01-csr-node-bootstrap", joining.asking()
    yield "02-node-rbac", joining.reading()
    if config.flannel_enabled:
        yield "05-flannel", flannel(_flannel(config))
    if config.proxy_enabled:
        sizes = config.proxy_resources
        yield "10-kube-proxy", proxy.proxy(config.proxy_image, config.proxy_args, sizes.requests, sizes.limits)
    if config.core_dns_enabled:
        addresses = [address for address in (config.dns_service_ip, config.dns_service_ipv6) if address]
        yield "11-core-dns", dns.dns(config.core_dns_image, config.cluster_domain)
        yield "11-core-dns-svc", dns.service(addresses)
    yield "11-kube-config-in-cluster", joining.kubeconfig(config.server)


def _flannel(config: BootstrapManifestsConfig) -> Flannel:
    backend: dict[str, Any] = {"Type": config.flannel_backend_type, "Port": config.flannel_backend_port}
    if config.flannel_backend_mtu:
        backend["MTU"] = config.flannel_backend_mtu
    return Flannel(
        image=config.flannel_image,
        pods=config.pod_cidrs,
        backend=backend | dict(config.flannel_backend_extra_config),
        flags=config.flannel_extra_args,
        host=config.flannel_kube_service_host,
        port=config.flannel_kube_service_port,
        requests=config.flannel_resources.requests,
        limits=config.flannel_resources.limits,
    )
