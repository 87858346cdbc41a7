"""Where API servers are, and the balancer on every node's loopback that leads to them."""

from core.node.resources.k8s.controlplane import NAMESPACE as CONTROLPLANE
from core.node.resources.k8s.nodes import NAMESPACE
from core.node.resources.values import Value
from core.state import Column, Spec, resource


@resource(
    "Endpoints.kubernetes.talos.dev",
    CONTROLPLANE,
    columns=(Column("Addresses", "{.addresses}"), Column("Hosts", "{.hosts}")),
)
class Endpoint(Spec, frozen=True):
    """Control planes as one source knows them: id `controlplane` (Kubernetes' own endpoints), `discovery` (members),
    `kube-apiserver` (the config's endpoint)."""

    addresses: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class KubePrismEndpoint(Value, frozen=True):
    """An API server."""

    host: str
    port: int


@resource(
    "KubePrismConfigs.kubernetes.talos.dev",
    NAMESPACE,
    columns=(Column("Host", "{.host}"), Column("Port", "{.port}"), Column("Endpoints", "{.endpoints}")),
)
class KubePrismConfig(Spec, frozen=True):
    """Where the balancer listens and what is behind it (id `k8s-loadbalancer-config`)."""

    host: str
    port: int
    endpoints: tuple[KubePrismEndpoint, ...] = ()


@resource("KubePrismEndpoints.kubernetes.talos.dev", NAMESPACE, columns=(Column("Hosts", "{.endpoints}"),))
class KubePrismEndpoints(Spec, frozen=True):
    """Every API server that is known (id `k8s-cluster`)."""

    endpoints: tuple[KubePrismEndpoint, ...] = ()


@resource(
    "KubePrismStatuses.kubernetes.talos.dev",
    NAMESPACE,
    columns=(Column("Endpoint", "{.host}"), Column("Healthy", "{.healthy}")),
)
class KubePrismStatuses(Spec, frozen=True):
    """The balancer listens here, and at least one API server behind it answers (id `k8s-loadbalancer`)."""

    host: str
    healthy: bool = False
