"""MachineConfig, Kubelet, KubernetesRoot -> a kubelet that shows a certificate of the authority that issues now. It
renews by itself what runs out, and knows nothing of authorities: so when another one issues, and while the one before
is still believed, the node gets it one by what it has, and has it start with that. -> ProgramTrust of the kubelet."""

import logging
from typing import Final

from core.base.errors import Denied, NotFound, NotReady
from core.cluster.kubernetes.kubelet import KUBECONFIG
from core.node import machineconfig
from core.node.controllers.k8s.kubelet.asked import Asked, ask
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import KubeletKubeconfig, KubeletSpec, ProgramTrust, trust
from core.node.resources.secrets import Kubelet as Secrets
from core.node.resources.secrets import KubernetesRoot
from core.node.resources.services import Service
from core.node.services import kubeletfiles, kubeletkey, kubeletnext
from core.node.services.kubelet import Kubelet
from core.node.work import Work
from core.pki import lineage, pem
from core.state import Controller, Scope, shared, weak

KUBELET: Final = "kubelet"
AGAIN: Final = 5.0  # seconds until who did not answer, or still signs for another authority, is asked anew
LOOK: Final = 1.0  # seconds between two looks at a request that is not answered
_SERVICE: Final = Service.at(KUBELET)
_SECRETS: Final = Secrets.at(KUBELET)
_CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)
_ROOT: Final = KubernetesRoot.at("k8s")
_KUBECONFIG: Final = KubeletKubeconfig.at(KUBELET)
_LOG: Final = logging.getLogger(KUBELET)


class Renewal(Controller):
    """Id `kubelet`. A control plane signs for its own kubelet, so that nodes may be exchanged one by one; any other
    node asks the API server as the kubelet. A certificate of an authority that the config does not know is let be."""

    name = "k8s.KubeletRenewalController"
    inputs = (
        weak(_SERVICE),
        weak(_SECRETS),
        weak(_CONFIG),
        weak(_ROOT),
        weak(KubeletSpec.at(KUBELET)),
        weak(_KUBECONFIG),
    )
    outputs = (shared(ProgramTrust),)

    def __init__(self, kubelet: Kubelet, work: Work) -> None:
        self._kubelet, self._work = kubelet, work
        self._asked: Asked | None = None

    async def reconcile(self, scope: Scope) -> None:
        secrets, issuing = scope.find(_SECRETS), _issuing(scope)
        if secrets is None or not issuing:
            scope.sync(ProgramTrust.all(), {})
            return
        authorities, keys = [ca.crt for ca in secrets.spec.accepted_cas], self._kubelet.keys
        shown = _issuer(kubeletnext.shown(keys), authorities)
        if shown and lineage.identity(shown) != lineage.identity(issuing) and not kubeletnext.staged(keys):
            await self._renew(scope, issuing)
        said: dict[str, ProgramTrust] = {}
        if kubeletnext.staged(keys):
            said[KUBELET] = ProgramTrust()  # it is about to start with another
        elif self._goes_by_it(scope):
            made = trust(secrets.spec.accepted_cas, shown or issuing)
            said[KUBELET] = made if shown else ProgramTrust(authorities=made.authorities)
            if not shown and scope.find(_KUBECONFIG) is not None:
                scope.later(AGAIN)  # it has asked for its first
        scope.sync(ProgramTrust.all(), said)

    def _goes_by_it(self, scope: Scope) -> bool:
        """Whether the one that runs was started with what it is to go by."""
        service = scope.find(_SERVICE)
        try:
            same = self._kubelet.wanted() == self._kubelet.started()
        except NotFound:
            return False
        return same and service is not None and service.spec.running and service.spec.healthy

    async def _renew(self, scope: Scope, issuing: bytes) -> None:
        """Stage one of this authority, or have this looked at again."""
        name = kubeletfiles.client_name(self._kubelet.places)
        root = scope.find(_ROOT)
        if root is not None and lineage.identity(root.spec.issuing_ca.crt) == lineage.identity(issuing):
            now, lifetime = scope.clock.now(), self._kubelet.lifetime
            made = await kubeletkey.make(self._work, root.spec.issuing_ca, name, now, lifetime)
            self._stage(made.crt, made.key)
            return
        try:
            kubeconfig = self._kubelet.places.at(KUBECONFIG).read_bytes()
            asked = self._asked or await ask(kubeconfig, self._work, issuing, f"system:node:{name}")
            crt = await asked.answer(kubeconfig)
        except (NotReady, Denied, NotFound, FileNotFoundError) as error:
            _LOG.warning("no certificate of the new authority yet: %s", error)
            self._asked = None
            scope.later(AGAIN)
            return
        self._asked = None if crt else asked
        if crt and _issuer(crt, [issuing]):
            self._stage(crt, asked.key)
        else:
            scope.later(AGAIN if crt else LOOK)

    def _stage(self, crt: bytes, key: bytes) -> None:
        kubeletnext.stage(self._kubelet.keys, crt, key)
        _LOG.info("another authority issues now: the kubelet is started with a certificate of it")


def _issuing(scope: Scope) -> bytes:
    """The certificate of the authority that issues by the config; empty if that does not say."""
    config = scope.find(_CONFIG)
    ca = None if config is None else machineconfig.of(config).v1alpha1.cluster.ca
    return b"" if ca is None or not ca.crt else pem.first(ca.crt)[0]


def _issuer(crt: bytes, authorities: list[bytes]) -> bytes:
    """Which of these it names as its authority; empty if none."""
    own = lineage.read(pem.certificates(crt)[0]) if crt else None
    found = (ca for ca in authorities if own and own.made_by(lineage.read(pem.certificates(ca)[0])))
    return next(found, b"")
