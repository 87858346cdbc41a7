"""KubernetesRoot, KubernetesDynamicCerts, SecretsStatus, StaticPodStatus -> ProgramTrust: by which authorities the
control plane's programs go, as they run. kube-apiserver takes files up when it looks at them: it is dialled until it
shows that it did. The others are started anew, and say by their pods which files they were started with."""

from typing import Final, NamedTuple

from core.base.backoff import Backoff
from core.cluster.kubernetes import controlplane, stamps
from core.config.schema.addresses import split_url
from core.node.controllers.k8s.controlplane.pods import SECRETS_VERSION
from core.node.resources.k8s import ProgramTrust, SecretsStatus, StaticPodStatus, labelled, trust
from core.node.resources.secrets import KubernetesDynamicCerts, KubernetesRoot
from core.pki import lineage, pem
from core.pki.der import only
from core.rpc.client import Channel
from core.rpc.status import RpcError
from core.rpc.tls import ClientTLS
from core.state import Controller, Resource, Scope, shared, weak

SECONDS: Final = 5.0  # for a handshake
_ROOT: Final = KubernetesRoot.at("k8s")
_DYNAMIC: Final = KubernetesDynamicCerts.at("k8s-dynamic-certs")
_SECRETS: Final = SecretsStatus.at("static-pods")
_SEQUENCE: Final = 0x30


class Shown(NamedTuple):
    """What a server shows in a handshake: its certificate (DER), and the names of the authorities whose certificates it
    lets clients in by, sorted."""

    certificate: bytes | None
    admitted: list[bytes]


class ProgramTrusts(Controller):
    """Ids are the programs' names. `server` is where kube-apiserver is asked, if not on loopback at its own port."""

    name = "k8s.ProgramTrustController"
    inputs = (weak(_ROOT), weak(_DYNAMIC), weak(_SECRETS), weak(StaticPodStatus))
    outputs = (shared(ProgramTrust),)

    def __init__(self, server: str = "") -> None:
        self._server = server
        self._seen: Shown | None = None
        self._backoff = Backoff(first=0.5, cap=10.0)

    async def reconcile(self, scope: Scope) -> None:
        pods = {program: _pod(scope, program) for program in controlplane.PROGRAMS}
        own = {ProgramTrust.at(program).id: scope.find(ProgramTrust.at(program)) for program in pods}
        said = {name: stood.spec for name, stood in own.items() if stood is not None and pods[name] is not None}
        secrets = scope.find(_SECRETS)
        for program, pod in pods.items():
            if program == controlplane.APISERVER:
                if pod is not None and (seen := await self._api_server(scope)):
                    said[program] = seen
            elif pod is not None and secrets is not None and (seen := _started_with(program, pod, secrets)):
                said[program] = seen
        scope.sync(ProgramTrust.all(), said)

    async def _api_server(self, scope: Scope) -> ProgramTrust | None:
        """What it goes by, once it shows what it was given; None until then."""
        root, dynamic = scope.find(_ROOT), scope.find(_DYNAMIC)
        if root is None or dynamic is None:
            return None
        goes_by = trust(root.spec.accepted_cas, root.spec.issuing_ca.crt)
        if labelled(dynamic) != goes_by:
            return None  # its certificate is about to be another
        wanted = _wanted(root.spec, dynamic.spec)
        if wanted != self._seen:
            server = self._server or f"127.0.0.1:{split_url(root.spec.local_endpoint).port}"
            if await shown(server) != wanted:
                scope.later(self._backoff.failed())
                return None
            self._seen = wanted
            self._backoff.succeeded()
        return goes_by


async def shown(server: str) -> Shown | None:
    """What a server shows whoever dials it; None if it does not answer."""
    async with Channel(server, ClientTLS(insecure=True), timeout=SECONDS) as channel:
        try:
            connection = await channel.connection()
        except RpcError:
            return None
        return Shown(connection.certificate, sorted(only(name, _SEQUENCE) for name in connection.admitted))


def _wanted(root: KubernetesRoot, dynamic: KubernetesDynamicCerts) -> Shown:
    authorities = (*root.accepted_cas, *root.accepted_aggregator_cas)
    each = dict.fromkeys(der for ca in authorities for der in pem.certificates(ca.crt))
    names = sorted(lineage.read(der).subject for der in each)
    return Shown(pem.certificates(dynamic.api_server.crt)[0], names)


def _pod(scope: Scope, program: str) -> Resource[StaticPodStatus] | None:
    found = (pod for pod in scope.list(StaticPodStatus.all()) if pod.md.id.startswith(f"kube-system/{program}-"))
    return next(found, None)


def _started_with(
    program: str, pod: Resource[StaticPodStatus], secrets: Resource[SecretsStatus]
) -> ProgramTrust | None:
    """What a pod goes by that runs with the newest files."""
    newest = stamps.of(secrets.spec.version, program)
    runs = pod.spec.ready and pod.md.labels.get(SECRETS_VERSION) == newest
    return labelled(secrets) if runs else None
