"""A certificate that a node asks the API server for as its kubelet: a request that some control plane approves, and the
controller manager signs."""

import base64
from dataclasses import dataclass
from typing import Final

from core.base.errors import Denied
from core.cluster.kubernetes import kubeconfig
from core.cluster.kubernetes.manifests.joining import NODES
from core.cluster.kubernetes.paths import REQUESTS, Object, named
from core.cluster.kubernetes.requests import CLIENT
from core.node.work import Work, request
from core.pki.types import Request

_USAGES: Final = ("client auth", "digital signature", "key encipherment")  # 1.20 signs for these three or not at all
_REFUSALS: Final = ("Denied", "Failed")


@dataclass(frozen=True, slots=True)
class Asked:
    """The request's name, and the key that it was signed by."""

    name: str
    key: bytes

    async def answer(self, config: bytes) -> bytes:
        """The certificate; empty while there is none. Raises Denied when it was refused, NotFound when the request is
        gone, NotReady."""
        async with kubeconfig.connect(config) as kubernetes:
            status: Object = (await kubernetes.get(REQUESTS, self.name)).get("status") or {}
        refusals = [each for each in status.get("conditions") or () if each["type"] in _REFUSALS]
        if refusals:
            raise Denied(f"request {self.name}: {refusals[0].get('message', refusals[0]['type'])}")
        return base64.b64decode(status.get("certificate") or "")


async def ask(config: bytes, work: Work, authority: bytes, user: str) -> Asked:
    """Ask for one of `user`, with a key of the kind that the authority uses. Raises NotReady, Denied."""
    made = await request(work, Request(authority, user, organizations=(NODES,)))
    thing: Object = {
        "apiVersion": REQUESTS.api,
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": "ichor-kubelet-"},
        "spec": {"request": base64.b64encode(made.csr).decode(), "signerName": CLIENT, "usages": list(_USAGES)},
    }
    async with kubeconfig.connect(config) as kubernetes:
        return Asked(named(await kubernetes.create(REQUESTS, thing)), made.key)
