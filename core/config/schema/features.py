"""Switches of the machine."""

from typing import Annotated

from msgspec import field

from core.config.schema.base import OBSOLETE, Section
from core.config.schema.numbers import Port
from core.config.schema.words import SortAlgorithm


class ApiAccess(Section, frozen=True):
    """Talos API from pods."""

    enabled: bool = False
    """Turn on."""
    allowed_roles: tuple[str, ...] = ()
    """Roles pods may get (os:reader, os:etcd:backup ...)."""
    allowed_kubernetes_namespaces: tuple[str, ...] = ()
    """Namespaces allowed."""


class KubePrism(Section, frozen=True):
    """Local API load balancer."""

    enabled: bool = False
    """Run it."""
    port: Port = 7445
    """Port on 127.0.0.1."""


class HostDns(Section, frozen=True):
    """Host DNS cache."""

    enabled: bool = False
    """Caching resolver on 127.0.0.53."""
    forward_kube_dns_to_host: bool = field(default=False, name="forwardKubeDNSToHost")
    """CoreDNS upstream = 169.254.116.108."""
    resolve_member_names: bool = False
    """Answer cluster member names."""


class ImageCache(Section, frozen=True):
    """Image cache."""

    local_enabled: bool = False
    """Use local cache."""


class Features(Section, frozen=True):
    """Feature switches."""

    rbac: Annotated[bool, OBSOLETE] = True
    """No effect any more, RBAC is always on (v1.4: false = everyone gets every role)."""
    stable_hostname: bool = False
    """Name from machine identity."""
    kubernetes_talos_api_access: ApiAccess = field(default=ApiAccess(), name="kubernetesTalosAPIAccess")
    """Talos API from pods."""
    apid_check_ext_key_usage: Annotated[bool, OBSOLETE] = True
    """No effect any more, always checked."""
    disk_quota_support: bool = False
    """XFS project quotas on EPHEMERAL/user disks."""
    kube_prism: KubePrism = KubePrism()
    """Local API load balancer."""
    host_dns: HostDns = field(default=HostDns(), name="hostDNS")
    """Host DNS cache."""
    image_cache: ImageCache = ImageCache()
    """Image cache."""
    node_address_sort_algorithm: SortAlgorithm = "v1"
    """V1 or v2."""
