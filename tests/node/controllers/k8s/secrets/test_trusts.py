"""By which authorities the control plane goes: a real apiserver that is looked at, and pods that say which files they
were started with."""

from core.base.clock import SystemClock
from core.node.controllers.k8s.controlplane.pods import SECRETS_VERSION
from core.node.controllers.k8s.secrets import ProgramTrusts
from core.node.controllers.k8s.secrets.trusts import shown
from core.node.resources.k8s import ProgramTrust, SecretsStatus, StaticPodStatus, trust
from core.node.resources.secrets import KubernetesDynamicCerts, KubernetesRoot
from core.node.resources.values import Certificate, CertificateAndKey, Key
from core.pki import issue, lineage, pem
from core.pki.types import Algorithm, Authority, Pair
from core.state import Resource, Spec
from tests.node.controllers.house import House
from tests.support.apiserver import ApiServer
from tests.support.clock import on_loop

OTHER = issue.authority(Authority(1_700_000_000.0, Algorithm.P256, "kubernetes", "other"))
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


class ControlPlane(House):
    """One whose apiserver runs, with files as `goes_by` says."""

    def __init__(self, apiserver: ApiServer) -> None:
        super().__init__(SystemClock(), [ProgramTrusts(apiserver.address)])
        self.apiserver = apiserver
        self.told(apiserver.authority)
        self.runs("kube-apiserver", "")

    def told(self, issuing: Pair, *others: bytes) -> ProgramTrust:
        """What its programs are to go by now; `others` are believed, too."""
        pair = CertificateAndKey(crt=issuing.crt, key=issuing.key)
        authorities = tuple(Certificate(crt=crt) for crt in (*others, issuing.crt))
        root = KubernetesRoot(
            name="c",
            endpoint="https://c:6443",
            local_endpoint="https://localhost:6443",
            issuing_ca=pair,
            accepted_cas=authorities,
            aggregator_ca=pair,
            service_account=Key(key=b""),
        )
        served = CertificateAndKey(crt=(self.apiserver.folder / "server.crt").read_bytes(), key=b"")
        goes_by = trust(authorities, issuing.crt)
        dynamic = KubernetesDynamicCerts(api_server=served, api_server_kubelet_client=pair, front_proxy=pair)
        self.put("k8s", root)
        self.labelled("k8s-dynamic-certs", dynamic, goes_by.labels)
        secrets = SecretsStatus(ready=True, version=f"kube-scheduler:{goes_by.issuer}")
        self.labelled("static-pods", secrets, goes_by.labels)
        return goes_by

    def runs(self, program: str, version: str) -> None:
        """A pod of it does, made for this version of its files."""
        self.labelled(f"kube-system/{program}-n", StaticPodStatus(pod_status=READY), {SECRETS_VERSION: version})

    def labelled(self, id_: str, spec: Spec, labels: dict[str, str] | object) -> None:
        self.put(id_, spec)
        found: Resource[Spec] = self.store.get(type(spec).at(id_))
        self.store.update(found.with_labels(labels))  # type: ignore[arg-type] # a mapping


@on_loop
async def test_it_is_told_once_the_apiserver_shows_it(apiserver: ApiServer) -> None:
    plane = ControlPlane(apiserver)
    goes_by = plane.told(apiserver.authority)
    async with plane.running():
        await plane.until(lambda: plane.all(ProgramTrust) == {"kube-apiserver": goes_by})
        plane.told(apiserver.authority, OTHER.crt)  # which it was not given
        plane.runs("kube-scheduler", lineage.identity(apiserver.ca))
        await plane.until(lambda: "kube-scheduler" in plane.all(ProgramTrust))
        assert plane.one(ProgramTrust, "kube-apiserver") == goes_by


@on_loop
async def test_others_go_by_what_their_pods_were_started_with(apiserver: ApiServer) -> None:
    plane = ControlPlane(apiserver)
    before = plane.told(apiserver.authority)
    async with plane.running():
        plane.runs("kube-scheduler", before.issuer)
        await plane.until(lambda: plane.one(ProgramTrust, "kube-scheduler") == before)
        after = plane.told(OTHER, apiserver.ca)
        plane.runs("kube-controller-manager", "another")
        plane.runs("kube-scheduler", after.issuer)
        await plane.until(lambda: plane.one(ProgramTrust, "kube-scheduler") == after)
        assert plane.one(ProgramTrust, "kube-controller-manager") is None
        plane.drop(StaticPodStatus.at("kube-system/kube-scheduler-n"))
        await plane.until(lambda: plane.one(ProgramTrust, "kube-scheduler") is None)


@on_loop
async def test_a_handshake_tells_whose_clients_are_let_in(apiserver: ApiServer) -> None:
    seen = await shown(apiserver.address)
    assert seen is not None
    assert seen.certificate == pem.certificates((apiserver.folder / "server.crt").read_bytes())[0]
    assert seen.admitted == [lineage.read(pem.certificates(apiserver.ca)[0]).subject]
    assert await shown(f"{apiserver.host}:1") is None
