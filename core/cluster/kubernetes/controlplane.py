"""What the programs of the control plane are told: their flags, of what the cluster is to be and of their release.
Pure. What an operator adds goes over it, and beside it where a flag is a list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from core.cluster.kubernetes import versions
from core.cluster.kubernetes.versions import Release

APISERVER: Final = "kube-apiserver"
CONTROLLER_MANAGER: Final = "kube-controller-manager"
SCHEDULER: Final = "kube-scheduler"
PROGRAMS: Final = (APISERVER, CONTROLLER_MANAGER, SCHEDULER)
SECRETS: Final = "/system/secrets/kubernetes"  # a folder for each program, of its own uid
CONFIGS: Final = "/system/config/kubernetes"
AUDIT: Final = "/var/log/audit/kube"
ADMISSION: Final = "admission-control-config.yaml"
AUDIT_POLICY: Final = "auditpolicy.yaml"
AUTHENTICATION: Final = "authentication-config.yaml"
AUTHORIZATION: Final = "authorization-config.yaml"
SCHEDULING: Final = "scheduler-config.yaml"
ENCRYPTION: Final = "encryptionconfig.yaml"
KUBECONFIG: Final = "kubeconfig"
PORTS: Final = {APISERVER: 6443, CONTROLLER_MANAGER: 10257, SCHEDULER: 10259}
ETCD: Final = ("https://127.0.0.1:2379",)
OWN_ADDRESS: Final = "$(POD_IP)"  # what the kubelet says in the variable of this name

# lists that an operator adds to
_LISTS: Final = frozenset({"authorization-mode", "enable-admission-plugins", "feature-gates"})
# who says who a caller is in another way than by our file, cannot have both
_STRANGERS: Final = ("anonymous-auth", "authentication-config")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServer:
    """A kube-apiserver. `issuers` of service accounts' tokens, the first signs; `audiences` they are good for;
    `authorizers` by type, in the order in which they are asked."""

    release: Release
    issuers: Sequence[str]
    service_subnets: Sequence[str]
    audiences: Sequence[str] = ()
    etcd: Sequence[str] = ETCD
    port: int = PORTS[APISERVER]
    address: str = OWN_ADDRESS
    authorizers: Sequence[str] = ("Node", "RBAC")
    external_cloud: bool = False
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerManager:
    """A kube-controller-manager. Mask sizes are those of a node's pod range; 0 is its own choice."""

    release: Release
    pod_subnets: Sequence[str]
    service_subnets: Sequence[str]
    mask_v4: int = 0
    mask_v6: int = 0
    external_cloud: bool = False
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """A kube-scheduler, which has most of it from its configuration."""

    release: Release
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)


def api_server(server: ApiServer) -> list[str]:
    """kube-apiserver's command line behind its name, sorted."""
    return _line(APISERVER, server.release, _api_server(server), server.extra)


def controller_manager(manager: ControllerManager) -> list[str]:
    """kube-controller-manager's."""
    return _line(CONTROLLER_MANAGER, manager.release, _controller_manager(manager), manager.extra)


def scheduler(wish: Scheduler) -> list[str]:
    """kube-scheduler's."""
    return _line(SCHEDULER, wish.release, _scheduler(), wish.extra)


def says_who_is_known(release: Release, extra: Mapping[str, Sequence[str]]) -> bool:
    """Whether kube-apiserver has our file on authentication: where there is such a file, unless an operator says by
    flags who is known. Without it everybody may ask for its health, as strangers."""
    own = any(flag in _STRANGERS or flag.startswith("oidc-") for flag in extra)
    return bool(versions.facts(release).authentication) and not own


def says_who_may(release: Release, extra: Mapping[str, Sequence[str]]) -> bool:
    """Whether kube-apiserver has our file on authorization: where there is such a file, unless an operator says it by
    flags."""
    own = any(flag.startswith("authorization-") for flag in extra)
    return bool(versions.facts(release).authorization) and not own


def answers_strangers(release: Release, extra: Mapping[str, Sequence[str]]) -> bool:
    """Whether who has no certificate, as the kubelet's probes, is told kube-apiserver's health."""
    if says_who_is_known(release, extra):
        return True
    if "authentication-config" in extra:
        return False
    return "anonymous-auth" not in extra or tuple(extra["anonymous-auth"])[-1:] == ("true",)


def _api_server(server: ApiServer) -> Iterator[tuple[str, str]]:
    secrets, configs = f"{SECRETS}/{APISERVER}", f"{CONFIGS}/{APISERVER}"
    yield "advertise-address", server.address
    yield "bind-address", "::" if any(":" in subnet for subnet in server.service_subnets) else "0.0.0.0"
    yield "secure-port", str(server.port)
    yield "tls-min-version", "VersionTLS13"
    yield "tls-cert-file", f"{secrets}/apiserver.crt"
    yield "tls-private-key-file", f"{secrets}/apiserver.key"
    yield "allow-privileged", "true"
    yield "profiling", "false"
    yield "etcd-servers", ",".join(server.etcd)
    yield "etcd-cafile", f"{secrets}/etcd-client-ca.crt"
    yield "etcd-certfile", f"{secrets}/etcd-client.crt"
    yield "etcd-keyfile", f"{secrets}/etcd-client.key"
    yield "encryption-provider-config", f"{secrets}/{ENCRYPTION}"
    yield "kubelet-client-certificate", f"{secrets}/apiserver-kubelet-client.crt"
    yield "kubelet-client-key", f"{secrets}/apiserver-kubelet-client.key"
    yield "kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname"
    yield "service-cluster-ip-range", ",".join(server.service_subnets)
    yield from _callers(server, secrets, configs)
    yield from _policies(server, configs)
    if server.external_cloud:
        yield "cloud-provider", "external"
    yield from _gates(server.release, server.service_subnets)


def _callers(server: ApiServer, secrets: str, configs: str) -> Iterator[tuple[str, str]]:
    """Who is known, and by what."""
    yield "client-ca-file", f"{secrets}/ca.crt"
    yield "enable-bootstrap-token-auth", "true"
    if says_who_is_known(server.release, server.extra):
        yield "authentication-config", f"{configs}/{AUTHENTICATION}"
    elif "authentication-config" not in server.extra:
        # the kubelet's probes show no certificate; RBAC tells strangers health and version, and nothing else
        yield "anonymous-auth", "true"
    yield "requestheader-client-ca-file", f"{secrets}/aggregator-ca.crt"
    yield "requestheader-allowed-names", "front-proxy-client"
    yield "requestheader-extra-headers-prefix", "X-Remote-Extra-"
    yield "requestheader-group-headers", "X-Remote-Group"
    yield "requestheader-username-headers", "X-Remote-User"
    yield "proxy-client-cert-file", f"{secrets}/front-proxy-client.crt"
    yield "proxy-client-key-file", f"{secrets}/front-proxy-client.key"
    yield "service-account-key-file", f"{secrets}/service-account.pub"
    yield "service-account-signing-key-file", f"{secrets}/service-account.key"
    for issuer in server.issuers[: versions.facts(server.release).issuers]:
        yield "service-account-issuer", issuer
    yield "api-audiences", ",".join(server.audiences or server.issuers)


def _policies(server: ApiServer, configs: str) -> Iterator[tuple[str, str]]:
    """What callers may do, and what is written down of it."""
    yield "enable-admission-plugins", "NodeRestriction"
    yield "admission-control-config-file", f"{configs}/{ADMISSION}"
    if says_who_may(server.release, server.extra):
        yield "authorization-config", f"{configs}/{AUTHORIZATION}"
    elif "authorization-config" not in server.extra:
        yield "authorization-mode", ",".join(server.authorizers)
    yield "audit-policy-file", f"{configs}/{AUDIT_POLICY}"
    yield "audit-log-path", f"{AUDIT}/kube-apiserver.log"
    yield "audit-log-maxage", "30"
    yield "audit-log-maxbackup", "10"
    yield "audit-log-maxsize", "100"


def _controller_manager(manager: ControllerManager) -> Iterator[tuple[str, str]]:
    secrets = f"{SECRETS}/{CONTROLLER_MANAGER}"
    yield "kubeconfig", f"{secrets}/{KUBECONFIG}"
    yield from _behind_loopback(secrets)
    yield "profiling", "false"
    yield "leader-elect", "true"
    yield "controllers", "*,tokencleaner"
    yield "use-service-account-credentials", "true"
    yield "service-account-private-key-file", f"{secrets}/service-account.key"
    yield "root-ca-file", f"{secrets}/root-ca.crt"  # all that are believed; what signs is one
    yield "cluster-signing-cert-file", f"{secrets}/ca.crt"
    yield "cluster-signing-key-file", f"{secrets}/ca.key"
    yield "allocate-node-cidrs", "true"
    yield "configure-cloud-routes", "false"
    yield "cluster-cidr", ",".join(manager.pod_subnets)
    yield "service-cluster-ip-range", ",".join(manager.service_subnets)
    yield from _masks(manager)
    if manager.external_cloud:
        yield "cloud-provider", "external"
    yield from _gates(manager.release, manager.pod_subnets)


def _scheduler() -> Iterator[tuple[str, str]]:
    yield "config", f"{CONFIGS}/{SCHEDULER}/{SCHEDULING}"
    yield from _behind_loopback(f"{SECRETS}/{SCHEDULER}")


def _masks(manager: ControllerManager) -> Iterator[tuple[str, str]]:
    """With one family there is one flag, with two there are two."""
    families = {6 if ":" in subnet else 4 for subnet in manager.pod_subnets}
    for family, size in ((4, manager.mask_v4), (6, manager.mask_v6)):
        if size and family in families:
            yield f"node-cidr-mask-size-ipv{family}" if len(families) > 1 else "node-cidr-mask-size", str(size)


def _behind_loopback(secrets: str) -> Iterator[tuple[str, str]]:
    """Nobody but the kubelet asks these, for their health, and who has a certificate or a token of the cluster's. They
    do not look up in the cluster who else may be known: they would end if it is not there yet."""
    yield "bind-address", "127.0.0.1"
    yield "port", "0"
    yield "tls-min-version", "VersionTLS13"
    yield "client-ca-file", f"{secrets}/root-ca.crt"
    yield "authentication-skip-lookup", "true"
    for flag in ("authentication-kubeconfig", "authorization-kubeconfig"):
        yield flag, f"{secrets}/{KUBECONFIG}"


def _gates(release: Release, subnets: Sequence[str]) -> Iterator[tuple[str, str]]:
    gates = versions.facts(release).dual_stack if len({":" in subnet for subnet in subnets}) > 1 else {}
    if gates:
        yield "feature-gates", ",".join(f"{gate}={str(value).lower()}" for gate, value in sorted(gates.items()))


def _line(
    program: str, release: Release, told: Iterator[tuple[str, str]], extra: Mapping[str, Sequence[str]]
) -> list[str]:
    whole: dict[str, Sequence[str]] = {}
    for flag, value in told:
        if versions.has(program, flag, release):
            whole[flag] = [*whole.get(flag, ()), value]
    for flag, values in extra.items():
        whole[flag] = [",".join(dict.fromkeys([*whole.get(flag, ()), *values]))] if flag in _LISTS else values
    return [f"--{flag}={value}" for flag, values in sorted(whole.items()) for value in values]
