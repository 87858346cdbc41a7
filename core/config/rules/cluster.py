"""The cluster: its endpoint, its address ranges, discovery, and its authorities."""

import ipaddress
from collections.abc import Iterator
from typing import Final

from core.codec.yaml import YamlErrors, parse
from core.config.problems import Finding
from core.config.rules.base import Context, Rule, repeats
from core.config.rules.machine import authority
from core.config.schema.addresses import split_url

_Range = ipaddress.IPv4Network | ipaddress.IPv6Network


def identity(context: Context) -> Iterator[Finding]:
    if not context.has("cluster"):
        return
    cluster = context.cluster
    if not cluster.control_plane.endpoint:
        path = ("cluster", "controlPlane", "endpoint")
        yield Finding(path, "the cluster needs an endpoint", "such as https://10.0.0.1:6443")
    if not context.role_known:
        return
    yield from authority(("cluster", "ca"), cluster.ca, context.control_plane, bool(cluster.accepted_cas))
    if context.control_plane:
        yield from authority(("cluster", "etcd", "ca"), cluster.etcd.ca, True, False)


def ranges(context: Context) -> Iterator[Finding]:
    network = context.cluster.network
    taken: list[tuple[str, _Range]] = []
    for key, subnets in (("podSubnets", network.pod_subnets), ("serviceSubnets", network.service_subnets)):
        for index, text in enumerate(subnets):
            subnet = ipaddress.ip_network(text, strict=False)
            for other, known in taken:
                if subnet.overlaps(known):
                    yield Finding(("cluster", "network", key, index), f"overlaps with {known} of {other}")
            taken.append((key, subnet))


def cni(context: Context) -> Iterator[Finding]:
    section, path = context.cluster.network.cni, ("cluster", "network", "cni")
    if section.name == "custom" and not section.urls:
        yield Finding(path, "a custom CNI needs urls")
    if section.name != "custom" and section.urls:
        yield Finding((*path, "urls"), "urls are for a custom CNI", "write name: custom", at_key=True)
    if section.name != "flannel" and section.flannel is not None:
        yield Finding((*path, "flannel"), "flannel's options need name: flannel", at_key=True)


def discovery(context: Context) -> Iterator[Finding]:
    cluster = context.cluster
    service = cluster.discovery.registries.service
    if service.endpoint and split_url(service.endpoint).path not in ("", "/"):
        path = ("cluster", "discovery", "registries", "service", "endpoint")
        yield Finding(path, "the discovery service's URL has no path")
    if cluster.discovery.enabled and not service.disabled:
        for key, value in (("id", cluster.id), ("secret", cluster.secret)):
            if not value:
                yield Finding(
                    ("cluster", key), f"the discovery service needs cluster.{key}", "make it with `gen secrets`"
                )


def manifests(context: Context) -> Iterator[Finding]:
    manifests = context.cluster.inline_manifests
    yield from repeats(("cluster", "inlineManifests"), "name", (manifest.name for manifest in manifests))
    for index, manifest in enumerate(manifests):
        try:
            parse(manifest.contents.encode())
        except YamlErrors as error:
            place = error.troubles[0]
            message = f"not YAML: line {place.line} of it: {place.message}"
            yield Finding(("cluster", "inlineManifests", index, "contents"), message)


def leftovers(context: Context) -> Iterator[Finding]:
    lifetime = context.cluster.admin_kubeconfig.cert_lifetime
    if lifetime is not None and lifetime <= 0:
        yield Finding(("cluster", "adminKubeconfig", "certLifetime"), "must be more than zero")
    if context.has("cluster", "allowSchedulingOnMasters") and context.has("cluster", "allowSchedulingOnControlPlanes"):
        path = ("cluster", "allowSchedulingOnMasters")
        yield Finding(path, "allowSchedulingOnControlPlanes says the same", "remove this one", at_key=True)


RULES: Final[tuple[Rule, ...]] = (identity, ranges, cni, discovery, manifests, leftovers)
