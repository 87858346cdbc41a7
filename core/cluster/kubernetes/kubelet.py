"""How a kubelet is run: its flags and its KubeletConfiguration, by what a node wants of it and by its release. Pure.
What an operator adds goes over what is set here, but for what the config's rules keep."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core.cluster.kubernetes import versions
from core.cluster.kubernetes.versions import Release

Tree = Mapping[str, Any]

FOLDER: Final = "/etc/kubernetes"
CONFIG: Final = f"{FOLDER}/kubelet.yaml"
BOOTSTRAP: Final = f"{FOLDER}/bootstrap-kubeconfig"
KUBECONFIG: Final = f"{FOLDER}/kubeconfig-kubelet"
AUTHORITIES: Final = f"{FOLDER}/pki/ca.crt"
MANIFESTS: Final = f"{FOLDER}/manifests"
CREDENTIALS: Final = f"{FOLDER}/kubelet-credentialproviderconfig.yaml"
CREDENTIAL_PROVIDERS: Final = "/usr/local/lib/kubelet/credentialproviders"
DATA: Final = "/var/lib/kubelet"
PKI: Final = f"{DATA}/pki"
RUNTIME: Final = "unix:///run/containerd/containerd.sock"
RESOLVER: Final = "/run/etc/resolv.conf"  # the file itself: one that is bound elsewhere stays what it was
SANDBOX: Final = "registry.k8s.io/pause:3.8"
GROUP: Final = "/podruntime/kubelet/kubelet"
SECONDS_TO_STOP: Final = 30  # that pods have when the node goes down
SECONDS_FOR_CRITICAL: Final = 10  # of these, for those the others lean on
OOM_SCORE: Final = -450

# the first release that ...
_SHUTS_DOWN: Final = (1, 21)  # ends its pods with the node unless that is switched off (GracefulNodeShutdown)
_SECCOMP: Final = (1, 22)  # knows seccompDefault, for three releases behind a gate
_SECCOMP_OPEN: Final = (1, 25)
_CREDENTIALS: Final = (1, 24)  # runs credential providers without a gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a node wants: `addresses` are one for each family, `taints` value:effect by key, `root` the node's own
    control group. One that does not `register` runs static pods alone and asks no API server."""

    release: Release
    nodename: str
    addresses: Sequence[str] = ()
    control_plane: bool = False
    register: bool = True
    cluster_dns: Sequence[str] = ()
    cluster_domain: str = "cluster.local"
    static_pod_url: str = ""
    manifests: bool = False
    seccomp_default: bool = False
    quotas: bool = False
    cloud_provider_external: bool = False
    credential_provider: bool = False
    taints: Mapping[str, str] = field(default_factory=dict)
    extra_args: Mapping[str, Sequence[str]] = field(default_factory=dict)
    extra_config: Tree = field(default_factory=dict)
    root: str = "/"


def arguments(wish: Wish) -> tuple[str, ...]:
    """The command line behind the program, sorted; a flag stands once for each of its values."""
    flags = versions.known("kubelet", wish.release, dict(_flags(wish))) | dict(wish.extra_args)
    return tuple(f"--{name}={value}" for name, values in sorted(flags.items()) for value in values)


def registers(args: Sequence[str]) -> bool:
    """Whether a kubelet with this command line is one of a cluster's."""
    return any(each.startswith("--kubeconfig=") for each in args)


def configuration(wish: Wish) -> dict[str, Any]:
    """The KubeletConfiguration."""
    return merged(dict(_config(wish)), wish.extra_config)


def merged(tree: Tree, more: Tree) -> dict[str, Any]:
    """`more` over `tree`: mappings key by key, everything else whole."""
    made = dict(tree)
    for key, value in more.items():
        there = made.get(key)
        both = isinstance(there, Mapping) and isinstance(value, Mapping)
        made[key] = merged(there, value) if both else value  # type: ignore[arg-type] # both are mappings
    return made


def _flags(wish: Wish) -> Iterator[tuple[str, Sequence[str]]]:
    yield "config", (CONFIG,)
    yield "cert-dir", (PKI,)
    yield "hostname-override", (wish.nodename,)
    if wish.register:
        yield "bootstrap-kubeconfig", (BOOTSTRAP,)
        yield "kubeconfig", (KUBECONFIG,)
    if wish.addresses:
        yield "node-ip", (",".join(wish.addresses),)
    if wish.cloud_provider_external:
        yield "cloud-provider", ("external",)
    yield "container-runtime", ("remote",)
    yield "container-runtime-endpoint", (RUNTIME,)
    yield "pod-infra-container-image", (SANDBOX,)
    if wish.taints and wish.register:
        taints = (f"{t['key']}={t.get('value', '')}:{t['effect']}" for t in _taints(wish))
        yield "register-with-taints", (",".join(taints),)
    if wish.credential_provider:
        yield "image-credential-provider-bin-dir", (CREDENTIAL_PROVIDERS,)
        yield "image-credential-provider-config", (CREDENTIALS,)


def _config(wish: Wish) -> Iterator[tuple[str, Any]]:
    yield from _STANDING.items()
    yield (
        "authentication",
        {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": wish.register},
            "x509": {"clientCAFile": AUTHORITIES},
        },
    )
    yield "authorization", {"mode": "Webhook" if wish.register else "AlwaysAllow"}
    yield "cgroupRoot", wish.root
    yield "clusterDNS", list(wish.cluster_dns)
    yield "clusterDomain", wish.cluster_domain
    yield "systemReserved", _RESERVED | {"memory": "512Mi" if wish.control_plane else "384Mi"}
    if wish.static_pod_url:
        yield "staticPodURL", wish.static_pod_url
    if wish.manifests:
        yield "staticPodPath", MANIFESTS
    if wish.release >= _SHUTS_DOWN:
        yield "shutdownGracePeriod", f"{SECONDS_TO_STOP}s"
        yield "shutdownGracePeriodCriticalPods", f"{SECONDS_FOR_CRITICAL}s"
    if not versions.has("kubelet", "container-runtime-endpoint", wish.release):
        yield "containerRuntimeEndpoint", RUNTIME
    if wish.taints and wish.register and not versions.has("kubelet", "register-with-taints", wish.release):
        yield "registerWithTaints", _taints(wish)
    if wish.seccomp_default and wish.release >= _SECCOMP:
        yield "seccompDefault", True
    if gates := dict(_gates(wish)):
        yield "featureGates", gates


def _gates(wish: Wish) -> Iterator[tuple[str, bool]]:
    if wish.quotas:
        yield "LocalStorageCapacityIsolationFSQuotaMonitoring", True
    if wish.seccomp_default and _SECCOMP <= wish.release < _SECCOMP_OPEN:
        yield "SeccompDefault", True
    if wish.credential_provider and wish.release < _CREDENTIALS:
        yield "KubeletCredentialProviders", True


def _taints(wish: Wish) -> list[dict[str, str]]:
    taints = []
    for key, text in sorted(wish.taints.items()):
        value, _, effect = text.rpartition(":")
        taints.append({"key": key, "effect": effect} | ({"value": value} if value else {}))
    return taints


_RESERVED: Final = {"cpu": "50m", "pid": "100", "ephemeral-storage": "256Mi"}
_STANDING: Final[dict[str, Any]] = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "cgroupDriver": "cgroupfs",
    "failSwapOn": False,
    "httpCheckFrequency": "1s",  # between answers, which wait for something new
    "kubeletCgroups": GROUP,
    "logging": {"format": "json"},
    "oomScoreAdj": OOM_SCORE,
    "protectKernelDefaults": True,
    "resolvConf": RESOLVER,
    "rotateCertificates": True,
    "serializeImagePulls": False,
    "streamingConnectionIdleTimeout": "5m",
    "systemCgroups": "/system",
    "tlsMinVersion": "VersionTLS13",
}
