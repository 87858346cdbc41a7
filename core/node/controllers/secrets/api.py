"""OSRoot or MaintenanceRoot, CertSAN, MachineType -> APICerts: what apid serves with and, on a control plane, what it
shows to other nodes. Issued anew at half its life and whenever the authority, the names, the addresses or the clock
change; apid swaps it without a restart. A worker's comes from a control plane."""

import logging
from pathlib import Path
from typing import Final

from core.node import controlplanes
from core.node.controllers.secrets.join import PORT, Membership
from core.node.controllers.secrets.leaf import Leaf
from core.node.resources.block import MountStatus, VolumePhase, VolumeStatus
from core.node.resources.config import MachineTypeSpec
from core.node.resources.k8s import Endpoint
from core.node.resources.secrets import APICerts, CertSAN, MaintenanceRoot, OSRoot
from core.node.resources.time import TimeStatus
from core.node.resources.values import CertificateAndKey
from core.node.work import Work, issue
from core.pki.roles import Role
from core.pki.types import CLIENT_LIFETIME, SERVER_LIFETIME, Client, Pair, Server
from core.state import Controller, Scope, exclusive, weak

_log = logging.getLogger("secrets")
_VOLUME: Final = VolumeStatus.at("STATE")
_MOUNT: Final = MountStatus.at("STATE")
_WITHOUT: Final = (VolumePhase.MISSING, VolumePhase.FAILED)
FOLDER: Final = Path("/system/state")


class APICertificates(Controller):
    """Id `api`. With a config clients must show a certificate of an accepted authority; in maintenance none. Lifetimes
    in seconds; `port` is where control planes let nodes join, `folder` where STATE is mounted."""

    name = "secrets.APIController"
    inputs = (
        weak(OSRoot.at("os")),
        weak(MaintenanceRoot.at("maintenance")),
        weak(MachineTypeSpec.at("machine-type")),
        weak(Endpoint),
        weak(CertSAN.at("api")),
        weak(_VOLUME),
        weak(_MOUNT),
        weak(TimeStatus.at("node")),  # the clock may jump past all that was issued
    )
    outputs = (exclusive(APICerts),)

    def __init__(
        self,
        work: Work,
        server: int = SERVER_LIFETIME,
        client: int = CLIENT_LIFETIME,
        port: int = PORT,
        folder: Path = FOLDER,
    ) -> None:
        self._work, self._folder = work, folder
        self._membership = Membership(work, port)
        self._lifetimes = server, client
        self._server, self._client = Leaf(), Leaf()

    async def reconcile(self, scope: Scope) -> None:
        sans, root = scope.find(CertSAN.at("api")), scope.find(OSRoot.at("os"))
        maintenance = scope.find(MaintenanceRoot.at("maintenance"))
        if sans is None:
            return
        if root is not None:
            await self._with_config(scope, root.spec, sans.spec)
        elif maintenance is not None:
            await self._keep_server(scope, maintenance.spec.ca, sans.spec)
            scope.put("api", APICerts(server=self._server.pair, skip_verifying_client_cert=True))

    async def _with_config(self, scope: Scope, root: OSRoot, sans: CertSAN) -> None:
        machine = scope.find(MachineTypeSpec.at("machine-type"))
        leads = machine is not None and machine.spec.machine_type.control_plane
        if self._server.pair.crt:
            self._put(scope, root, leads=leads)  # who is accepted changes at once, however long the next one takes
        if root.issuing_ca is not None:
            await self._keep_server(scope, root.issuing_ca, sans)
        else:
            await self._join(scope, root, sans)
        self._put(scope, root, leads=leads)
        if leads and root.issuing_ca is not None:  # behind the server's, which a node that boots is waited for
            await self._keep_client(scope, root.issuing_ca, sans.fqdn)
            self._put(scope, root, leads=leads)

    def _put(self, scope: Scope, root: OSRoot, *, leads: bool) -> None:
        client = self._client.pair if leads and self._client.pair.crt else None
        scope.put("api", APICerts(server=self._server.pair, client=client, accepted_cas=root.accepted_cas))

    async def _keep_server(self, scope: Scope, authority: CertificateAndKey, sans: CertSAN) -> None:
        now = scope.clock.now()
        ca = Pair(authority.crt, authority.key)
        job = Server(now, ca, sans.fqdn, sans.dns_names, sans.ips, self._lifetimes[0])
        if await self._server.keep(now, (authority, sans), lambda: issue(self._work, job)):
            _log.info("API certificate issued for %s", ", ".join((*sans.dns_names, *sans.ips)))
        scope.later(self._server.renew - now)

    async def _keep_client(self, scope: Scope, authority: CertificateAndKey, name: str) -> None:
        """What other nodes know this one's apid by: they believe what it says of a caller's roles."""
        now = scope.clock.now()
        job = Client(now, Pair(authority.crt, authority.key), (Role.IMPERSONATOR,), name, self._lifetimes[1])
        if await self._client.keep(now, (authority, name), lambda: issue(self._work, job)):
            _log.info("API client certificate issued")
        scope.later(self._client.renew - now)

    async def _join(self, scope: Scope, root: OSRoot, sans: CertSAN) -> None:
        now, hosts = scope.clock.now(), controlplanes.known(scope)
        volume, mounted = scope.find(_VOLUME), scope.find(_MOUNT) is not None
        if not mounted and (volume is None or volume.spec.phase not in _WITHOUT):
            return  # what STATE keeps is worth the moment that it takes to come
        folder = self._folder if mounted else None
        if await self._membership.keep(self._server, now, hosts, root, sans, folder):
            _log.info("API certificate issued by a control plane")
        scope.later(self._server.renew - now)
