"""Whether a call is for this node. Owns the names under which the node is asked for; forwarding to other nodes needs a
client certificate that a single node does not have, so a call for anybody else is refused."""

from ipaddress import ip_address
from typing import Final

from core.base.clock import Clock
from core.base.errors import Denied
from core.node.front.follow import follow
from core.rpc.client import Channel
from core.rpc.metadata import Metadata
from core.rpc.pb.resource.definitions.secrets.secrets_pb2 import CertSANSpec
from core.rpc.status import Code, RpcError

NODE: Final = "node"
NODES: Final = "nodes"
PROXIED: Final = "proxyfrom"
_NAMES: Final = ("secrets", "CertSANs.secrets.talos.dev", "api")


class Routing:
    """Decides from a call's metadata."""

    def __init__(self, machined: Channel, clock: Clock) -> None:
        self._machined, self._clock = machined, clock
        self._own: frozenset[str] = frozenset()

    async def keep(self) -> None:
        """Keep the node's names current, until cancelled."""
        await follow(self._machined, self._clock, _NAMES, self._use)

    def check(self, metadata: Metadata) -> None:
        """Pass if the call is for this node; else raise RpcError INVALID_ARGUMENT or Denied."""
        if metadata.text(PROXIED):
            return
        if len(metadata.text(NODE)) > 1:
            raise RpcError(Code.INVALID_ARGUMENT, f"{NODE} metadata must be single-valued")
        for target in (*metadata.text(NODE), *metadata.text(NODES)):
            if not self._is_local(target):
                raise Denied("no request forwarding", remedy=f"ask {target} itself")

    def _is_local(self, target: str) -> bool:
        try:
            address = ip_address(target)
        except ValueError:
            return target in self._own or target == "localhost"
        return address.is_loopback or str(address) in self._own

    def _use(self, encoded: bytes) -> None:
        spec = CertSANSpec.FromString(encoded)
        addresses = {str(ip_address(address.ip)) for address in spec.i_ps}
        self._own = frozenset({*addresses, *spec.dns_names, spec.fqdn} - {""})
