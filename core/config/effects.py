"""What follows when a key changes that the node acts on: the one table of it. Everything else of the schema is read,
validated, kept, and reported as not acted on yet (`core.config.support`). Whoever implements a key adds a line here:
`validate`, `plan`, what a node answers to an apply, and docs/config.md follow."""

from typing import Final

import msgspec


class Effect(msgspec.Struct, frozen=True):
    """What a change does, as words that go on behind the key. It happens at once, unless it is `once`: at a moment that
    comes once in a node's life. `lasting`: what goes or changes stays until the next boot; what is new does not.
    `certificates` are issued anew without a restart of who serves with them, `services` end or start."""

    what: str
    once: bool = False
    lasting: bool = False
    certificates: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


_LEAVES: Final = ("apid", "trustd")
_ROUTES: Final = Effect("links, addresses and routes follow")
_ADDRESSES: Final = Effect("addresses follow", certificates=_LEAVES)
_RESOLVERS: Final = Effect("/etc/resolv.conf is written anew")
_KUBELET: Final = Effect("the kubelet is started anew with it; pods go on", services=("kubelet",))
_APISERVER: Final = Effect("kube-apiserver is started anew with it")
_MANAGER: Final = Effect("kube-controller-manager is started anew with it")
_SCHEDULER: Final = Effect("kube-scheduler is started anew with it")
_MANIFESTS: Final = Effect("the cluster is given it; what is left out is taken away")
_NODE: Final = Effect("the Node follows; what others have set stays")
_DISK: Final = Effect("is read when the node takes a disk", once=True)
_ETCD: Final = Effect("etcd starts with it the next time it starts")
_ETCD_ADDRESSES: Final = Effect("etcd's members know this one there; it listens so the next time it starts")

# A path covers all below it; [] stands for any element, * for any key of a free mapping. Documents other than the
# v1alpha1 one have their kind before their keys.
EFFECTS: Final[dict[str, Effect]] = {
    "version": Effect("is the only one there is"),
    "machine.type": Effect("trustd runs on control planes alone", certificates=_LEAVES, services=("trustd",)),
    "machine.token": Effect("nodes join with the new one"),
    "machine.ca": Effect("is accepted with the next connection", certificates=_LEAVES),
    "machine.acceptedCAs": Effect("are accepted with the next connection"),
    "machine.certSANs": Effect("are in the next certificate", certificates=_LEAVES),
    "machine.network.hostname": Effect("the node takes the name", certificates=_LEAVES),
    "machine.network.interfaces[].interface": _ROUTES,
    "machine.network.interfaces[].deviceSelector": _ROUTES,
    "machine.network.interfaces[].addresses": _ADDRESSES,
    "machine.network.interfaces[].cidr": _ADDRESSES,
    "machine.network.interfaces[].routes": _ROUTES,
    "machine.network.interfaces[].mtu": _ROUTES,
    "machine.network.interfaces[].dhcp": _ADDRESSES,
    "machine.network.interfaces[].ignore": _ADDRESSES,
    "machine.network.interfaces[].vip.ip": Effect(
        "the control planes elect who of them has it", certificates=("apid", "trustd")
    ),
    "machine.network.interfaces[].dhcpOptions.routeMetric": _ROUTES,
    "machine.network.interfaces[].dhcpOptions.ipv4": _ADDRESSES,
    "machine.network.nameservers": _RESOLVERS,
    "machine.network.searchDomains": _RESOLVERS,
    "machine.network.disableSearchDomain": _RESOLVERS,
    "machine.network.extraHostEntries": Effect("/etc/hosts is written anew"),
    "machine.install.disk": _DISK,
    "machine.install.diskSelector": _DISK,
    "machine.install.wipe": _DISK,
    "machine.time": Effect("the clock follows these servers"),
    "machine.sysctls": Effect("are set; what is left out gets back what it was"),
    "machine.kubelet": _KUBELET,
    "machine.features.diskQuotaSupport": _KUBELET,
    "cluster.network.dnsDomain": _KUBELET,
    "cluster.externalCloudProvider.enabled": Effect(
        "the kubelet, kube-apiserver and kube-controller-manager start anew", services=("kubelet",)
    ),
    "machine.registries.mirrors": Effect("images come from there from the next pull on"),
    "machine.registries.config.*.tls": Effect("registries are known by these from the next pull on"),
    "machine.registries.config.*.auth": Effect("is used from the next pull on", services=("containerd", "cri")),
    "machine.pods": Effect("the kubelet runs these beside all else"),
    "machine.controlPlane.controllerManager.disabled": Effect("kube-controller-manager ends, or begins"),
    "machine.controlPlane.scheduler.disabled": Effect("kube-scheduler ends, or begins"),
    "machine.kernel.modules": Effect("are loaded", lasting=True),
    "machine.nodeLabels": _NODE,
    "machine.nodeAnnotations": _NODE,
    "machine.nodeTaints": Effect("a control plane's Node follows; a worker's has them from its registration"),
    "cluster.allowSchedulingOnControlPlanes": Effect("the Node's taint follows"),
    "cluster.proxy": _MANIFESTS,
    "cluster.coreDNS": _MANIFESTS,
    "cluster.network.cni.urls": _MANIFESTS,
    "cluster.network.cni.flannel.extraArgs": _MANIFESTS,
    "cluster.externalCloudProvider.manifests": _MANIFESTS,
    "cluster.extraManifests": _MANIFESTS,
    "cluster.extraManifestHeaders": Effect("manifests that are not here yet are asked for with these"),
    "cluster.inlineManifests": _MANIFESTS,
    "cluster.clusterName": Effect("is the context's name in client configs that the node makes"),
    "cluster.controlPlane.endpoint": Effect("workers ask there for their certificates"),
    "machine.features.kubePrism": Effect("the balancer before the API servers follows", services=("kubeprism",)),
    "cluster.etcd.image": _ETCD,
    "cluster.etcd.extraArgs": _ETCD,
    "cluster.etcd.subnet": _ETCD_ADDRESSES,
    "cluster.etcd.advertisedSubnets": _ETCD_ADDRESSES,
    "cluster.etcd.listenSubnets": _ETCD,
    "cluster.controlPlane.localAPIServerPort": _APISERVER,
    "cluster.apiServer.image": _APISERVER,
    "cluster.apiServer.extraArgs": _APISERVER,
    "cluster.apiServer.extraVolumes": _APISERVER,
    "cluster.apiServer.env": _APISERVER,
    "cluster.apiServer.resources": _APISERVER,
    "cluster.apiServer.admissionControl": _APISERVER,
    "cluster.apiServer.auditPolicy": _APISERVER,
    "cluster.apiServer.authorizationConfig": _APISERVER,
    "cluster.apiServer.disablePodSecurityPolicy": Effect("changes nothing: such policies are never switched on"),
    "cluster.controllerManager": _MANAGER,
    "cluster.scheduler": _SCHEDULER,
    "ControlPlanesConfig": Effect("etcd begins where a majority of them agrees", once=True),
    "cluster.ca": Effect(
        "certificates are issued by it, and kubelet, kube-controller-manager and kube-scheduler start anew with theirs",
        services=("kubelet",),
    ),
    "cluster.acceptedCAs": Effect(
        "are believed by kube-apiserver as it runs, by the others once started anew", services=("kubelet",)
    ),
    "cluster.id": Effect("nodes find those that have the same one"),
    "cluster.secret": Effect("nodes find those that have the same one"),
    "cluster.discovery.enabled": Effect("nodes find each other through the control planes, or do not"),
    "cluster.discovery.registries.service.disabled": Effect(
        "nodes find each other through the control planes, or do not"
    ),
    "MetricsConfig": Effect("GET /metrics is answered while it is there"),
}
