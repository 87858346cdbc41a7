"""How a kubelet comes by its first certificate without asking in vain, for then it asks ever more seldom. A control
plane's is made by the node itself, which holds the authority: the API server to ask is one that this very kubelet is to
start. It lies where the kubelet keeps its own, so that the kubelet renews it like any other. A worker's kubelet asks by
itself, and is started when there is somebody who lets it in."""

import logging
from collections.abc import Callable
from typing import Final

from core.base.clock import Clock
from core.base.errors import Denied, NotReady
from core.base.files import write_atomic
from core.cluster.kubernetes import kubelet
from core.cluster.kubernetes.access import document
from core.cluster.kubernetes.kubeconfig import connect
from core.cluster.kubernetes.manifests.joining import NODES
from core.node.resources.secrets import Kubelet as Secrets
from core.node.resources.values import CertificateAndKey
from core.node.services import kubeletnext
from core.node.services.kubeletfiles import Places, cluster
from core.node.work import Work, issue
from core.pki import pem
from core.pki.types import Client, Issued, Pair

PATIENCE: Final = 300.0
SECONDS: Final = 10.0  # for an answer
AGAIN: Final = 0.5
_log: Final = logging.getLogger("kubelet")


def missing(places: Places) -> bool:
    """Whether there is no kubelet here that the cluster knows."""
    return not places.at(kubelet.KUBECONFIG).exists()


async def make(work: Work, ca: CertificateAndKey, nodename: str, now: float, lifetime: int) -> Issued:
    """For the node of that name, good for so many seconds."""
    return await issue(work, Client(now, Pair(ca.crt, ca.key), (NODES,), f"system:node:{nodename}", lifetime))


async def admitted(kubeconfig: Callable[[], bytes], clock: Clock) -> None:
    """Come back when an API server takes the token in the kubeconfig; or after PATIENCE, for pods that the node has of
    its own need none."""
    end = clock.monotonic() + PATIENCE
    while clock.monotonic() < end:
        try:
            async with connect(kubeconfig()) as kubernetes:
                await kubernetes.ask("GET", "/version", seconds=SECONDS)
            return
        except (NotReady, Denied):
            await clock.sleep(AGAIN)
    _log.warning("no API server knows the bootstrap token after %g s", PATIENCE)


def put(places: Places, made: Issued, secrets: Secrets, now: float) -> None:
    """Have the kubelet find it; the kubeconfig comes last, for it says that all is there."""
    keys = places.at(kubelet.PKI)
    keys.mkdir(mode=0o755, parents=True, exist_ok=True)
    kubeletnext.show(keys, made.crt + pem.for_openssl(made.key), now)
    shown = f"{kubelet.PKI}/{kubeletnext.CURRENT}"
    user = {"client-certificate": shown, "client-key": shown}
    asked = cluster(secrets)
    text = document("default-cluster", asked.pop("server"), asked, "default-auth", user)
    write_atomic(places.at(kubelet.KUBECONFIG), text, mode=0o600)
