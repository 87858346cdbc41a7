"""MachineConfig -> KubernetesRoot: the authorities, keys and names of this Kubernetes, on a control plane."""

from collections.abc import Iterable

from core.cluster.kubernetes import subnets
from core.config.schema.addresses import split_url
from core.config.schema.cluster import Cluster
from core.config.schema.secrets import CertificatePair, TrustedCertificate
from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.node.resources.secrets import KubernetesRoot
from core.node.resources.values import Certificate, CertificateAndKey, Key
from core.pki import lineage, pem
from core.state import Controller, Resource, Scope, transform


def kubernetes_root() -> Controller:
    """Id `k8s`. The issuing authority is the last of the accepted ones."""

    def derive(resource: Resource[MachineConfig], _: Scope) -> KubernetesRoot | None:
        config = machineconfig.of(resource)
        if resource.md.id != machineconfig.ACTIVE or not config.is_control_plane:
            return None
        return _root(config.v1alpha1.cluster, machineconfig.shared_addresses(config))

    return transform("secrets.RootKubernetesController", MachineConfig, KubernetesRoot, derive, rename=lambda _: "k8s")


def accepted(ca: CertificatePair | None, others: tuple[TrustedCertificate, ...]) -> tuple[Certificate, ...]:
    """Everybody who is believed, each once, who issues last. What vouches for the issuing one stands behind it in its
    text and is believed by nobody here."""
    own = [pem.first(ca.crt)[0]] if ca is not None and ca.crt else []
    known = {lineage.identity(crt) for crt in own}
    rest = [each.crt for each in others if lineage.identity(each.crt) not in known]
    return tuple(Certificate(crt=crt) for crt in dict.fromkeys([*rest, *own]))


def local_endpoint(cluster: Cluster) -> str:
    """A control plane's own API server."""
    return f"https://localhost:{cluster.control_plane.local_api_server_port}"


def _root(cluster: Cluster, shared: Iterable[str]) -> KubernetesRoot | None:
    ca, aggregator, signer = cluster.ca, cluster.aggregator_ca, cluster.service_account
    endpoint = cluster.control_plane.endpoint
    if not endpoint or ca is None or not ca.key or aggregator is None or not aggregator.key or signer is None:
        return None
    id_, _, secret = cluster.token.partition(".")
    return KubernetesRoot(
        name=cluster.cluster_name,
        endpoint=endpoint,
        local_endpoint=local_endpoint(cluster),
        cert_sans=tuple(dict.fromkeys((split_url(endpoint).hostname or "", *cluster.api_server.cert_sans, *shared))),
        api_server_ips=tuple(str(subnet[1]) for subnet in subnets.services(cluster.network)),
        dns_domain=cluster.network.dns_domain,
        issuing_ca=CertificateAndKey(crt=ca.crt, key=ca.key),
        accepted_cas=accepted(ca, cluster.accepted_cas),
        aggregator_ca=CertificateAndKey(crt=aggregator.crt, key=aggregator.key),
        accepted_aggregator_cas=accepted(aggregator, ()),
        service_account=Key(key=signer.key),
        issuer_url=endpoint,
        api_audiences=(endpoint,),
        aescbc_encryption_secret=cluster.aescbc_encryption_secret,
        bootstrap_token_id=id_,
        bootstrap_token_secret=secret,
        secretbox_encryption_secret=cluster.secretbox_encryption_secret,
    )
