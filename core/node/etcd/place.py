"""Where this node stands in etcd: its data and journal, its member, the other control planes, the keys for both. All is
read from the store when it is asked for, so that nobody works with what was true once. Starts nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

from core.base.clock import Clock
from core.base.errors import Conflict, NotReady, Unsupported
from core.cluster.etcd import flags
from core.cluster.etcd.client import Etcd
from core.cluster.etcd.journal import Journal, Stage
from core.cluster.etcd.local import MEMBER, Local
from core.cluster.etcd.membership import Me
from core.cluster.etcd.reach import Reach
from core.node.etcd.gap import Gap
from core.node.etcd.hosts import Hosts
from core.node.resources import secrets
from core.node.resources.block import MountStatus
from core.node.resources.config import MachineTypeSpec
from core.node.resources.etcd import EtcdSpec
from core.rpc.tls import ClientTLS, ServerTLS
from core.state import Pointer, Spec, Store

SPEC: Final = EtcdSpec.at("etcd")
SECRETS: Final = secrets.Etcd.at("etcd")
ROOT: Final = secrets.EtcdRoot.at("etcd")
JOURNAL: Final = Path("/system/state/etcd.json")  # it outlives the data: who has promised something keeps it
Known = TypeVar("Known", bound=Spec)
_IDLE: Final = frozenset({Stage.FREE, Stage.PROMISED, Stage.CLAIMING})
_EVERYWHERE: Final = frozenset({"::", "0.0.0.0"})


class Place:
    """One of a node, on one loop. Everything raises NotReady as long as what it needs is not known."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        data: Path = Path(flags.DATA),
        journal: Path = JOURNAL,
        port: int = flags.CLIENT_PORT,
    ) -> None:
        self.store, self.clock, self.data = store, clock, data
        self.hosts, self.gap = Hosts(store), Gap()
        self._file, self._port = journal, port
        self._journal: Journal | None = None
        self._own: dict[str, Etcd] = {}
        self._tls: ClientTLS | None = None

    def check(self) -> None:
        """Raise Unsupported on a node that never runs etcd, or does not know whether it shall."""
        machine = self.store.find(MachineTypeSpec.at("machine-type"))
        if machine is None or not machine.spec.machine_type.control_plane:
            raise Unsupported("only a control plane runs etcd")

    @property
    def spec(self) -> EtcdSpec:
        """As it is to run."""
        return self._known(SPEC, "etcd's name and addresses are")

    @property
    def journal(self) -> Journal:
        """What the node wrote down; STATE must be mounted."""
        if self._journal is None:
            self._journal = Journal(self._file)
        return self._journal

    @property
    def begun(self) -> bool:
        """Whether this node is in etcd, or on its way: what it waits for is not an operator."""
        if any(self.store.find(MountStatus.at(volume)) is None for volume in ("STATE", "EPHEMERAL")):
            return False
        return self.journal.entry.stage not in _IDLE or (self.data / MEMBER).exists()

    @property
    def local(self) -> Local:
        """This node's end."""
        spec = self.spec
        return Local(Me(spec.name, flags.urls(spec.advertised_addresses, flags.PEER_PORT)), self.journal, self.data)

    @property
    def own(self) -> Etcd:
        """This node's member, whether it runs or not; by one connection for all who ask."""
        listens = self.spec.listen_client_addresses
        host = "127.0.0.1" if "127.0.0.1" in listens or _EVERYWHERE & {*listens} else listens[0]
        address = f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"
        tls = self.client_tls()
        if address not in self._own:
            self._own[address] = Etcd(address, tls)
        return self._own[address]

    @property
    def member(self) -> Etcd:
        """The same, for who asks what only a member can tell. Raises Unsupported, and Conflict while this node is in
        no cluster."""
        self.check()
        if not self.begun:
            raise Conflict("this node is in no cluster of etcd yet", remedy="bootstrap one of the control planes")
        return self.own

    def reach(self, hosts: Sequence[str] | None = None) -> Reach:
        """The other control planes, as they are known at each moment, or these."""
        return Reach(self.client_tls(), self.hosts if hosts is None else hosts)

    def client_tls(self) -> ClientTLS:
        """By which members know this node for an administrator; kept up to date for connections to come."""
        made, root = self._known(SECRETS, "etcd's certificates are"), self._known(ROOT, "etcd's authority is")
        admin = made.etcd_admin
        if self._tls is None:
            self._tls = ClientTLS(root.etcd_ca.crt, admin.crt, admin.key)
        else:
            self._tls.update(admin.crt, admin.key, root.etcd_ca.crt)
        return self._tls

    def server_tls(self) -> ServerTLS:
        """What etcd itself serves with."""
        made, root = self._known(SECRETS, "etcd's certificates are"), self._known(ROOT, "etcd's authority is")
        return ServerTLS(made.etcd.crt, made.etcd.key, root.etcd_ca.crt)

    async def close(self) -> None:
        """End the connections to the node's own member."""
        for etcd in self._own.values():
            await etcd.close()
        self._own.clear()

    def _known(self, pointer: Pointer[Known], what: str) -> Known:
        found = self.store.find(pointer)
        if found is None:
            raise NotReady(f"{what} not known yet")
        return found.spec
