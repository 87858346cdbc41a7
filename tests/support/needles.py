"""The secrets of a node and its cluster, in the forms in which they may turn up where they should not."""

import base64

from core.config import bundle
from core.pki import pem
from core.rpc.client import Channel
from core.rpc.pb.resource.definitions.secrets.secrets_pb2 import APICertsSpec
from core.rpc.pb.v1alpha1 import state_pb2 as state
from tests.support.cluster import Node

Needles = dict[str, tuple[bytes, ...]]


def of(node: Node, secrets: bundle.Bundle) -> Needles:
    """Each by what it is called."""
    certs = secrets.certs
    found = {
        "the API's authority": certs.os.key,
        "etcd's authority": certs.etcd.key,
        "the Kubernetes authority": certs.k8s.key,
        "the aggregator's authority": certs.aggregator.key,
        "the service accounts' key": certs.service_account.key,
        "the token": secrets.trustd.token.encode(),
        "the bootstrap token": secrets.secrets.bootstrap_token.encode(),
        "the encryption secret": secrets.secrets.secretbox_encryption_secret.encode(),
        "the cluster's secret": secrets.cluster.secret.encode(),
    }
    spec = APICertsSpec.FromString(node.call(_certificates))
    found |= {"apid's key": spec.server.key, "apid's client key": spec.client.key}
    assert all(found.values()), [name for name, secret in found.items() if not secret]
    return {name: _forms(secret) for name, secret in found.items()}


def within(needles: Needles, data: bytes) -> list[str]:
    """Those that are in the data."""
    return [what for what, forms in needles.items() if any(form in data for form in forms)]


def _forms(secret: bytes) -> tuple[bytes, ...]:
    """As it is, in base64, and of a PEM key its DER and the key's own bytes at the end of that."""
    forms = [secret, base64.b64encode(secret)[4:-8]]
    if secret.startswith(b"-----BEGIN"):
        ((_, der),) = pem.decode(secret)
        forms += [der, der[-32:], *(line for line in secret.splitlines()[1:-1] if len(line) > 40)]
    return tuple(forms)


async def _certificates(channel: Channel) -> bytes:
    request = state.GetRequest(namespace="secrets", type="ApiCertificates.secrets.talos.dev", id="api")
    answer = await channel.unary("/cosi.resource.State/Get", request, state.GetResponse)
    return answer.resource.spec.proto_spec
