"""OSRoot or MaintenanceRoot, CertSAN, MachineType -> APICerts: what apid serves with and, on a control plane, what it
shows to other nodes. Issued anew at half its life and whenever the authority, the names, the addresses or the clock
change; apid swaps it without a restart."""

import logging

from core.node.controllers.secrets.leaf import Leaf
from core.node.resources.config import MachineTypeSpec
from core.node.resources.secrets import APICerts, CertSAN, MaintenanceRoot, OSRoot
from core.node.resources.time import TimeStatus
from core.node.resources.values import Certificate, CertificateAndKey
from core.node.work import Work, issue
from core.pki.roles import Role
from core.pki.types import CLIENT_LIFETIME, SERVER_LIFETIME, Client, Pair, Server
from core.state import Controller, Scope, exclusive, weak

_log = logging.getLogger("secrets")


class APICertificates(Controller):
    """Id `api`. With a config clients must show a certificate of an accepted authority; in maintenance none. Lifetimes
    in seconds."""

    name = "secrets.APIController"
    inputs = (
        weak(OSRoot.at("os")),
        weak(MaintenanceRoot.at("maintenance")),
        weak(MachineTypeSpec.at("machine-type")),
        weak(CertSAN.at("api")),
        weak(TimeStatus.at("node")),  # the clock may jump past all that was issued
    )
    outputs = (exclusive(APICerts),)

    def __init__(self, work: Work, server: int = SERVER_LIFETIME, client: int = CLIENT_LIFETIME) -> None:
        self._work = work
        self._lifetimes = server, client
        self._server, self._client = Leaf(), Leaf()

    async def reconcile(self, scope: Scope) -> None:
        sans = scope.find(CertSAN.at("api"))
        root = scope.find(OSRoot.at("os"))
        maintenance = scope.find(MaintenanceRoot.at("maintenance"))
        if root is not None and root.spec.issuing_ca is not None:
            authority, accepted = root.spec.issuing_ca, root.spec.accepted_cas
        elif root is None and maintenance is not None:
            authority, accepted = maintenance.spec.ca, ()
        else:
            return  # a worker's certificate comes from a control plane; until then the one before stays
        if sans is None:
            return
        await self._keep_server(scope, authority, sans.spec)
        forwards = root is not None and self._is_control_plane(scope)
        client = self._client.pair if forwards and self._client.pair.crt else None
        self._put(scope, client, accepted, stranger=root is None)
        scope.later(self._server.renew - scope.clock.now())
        if forwards:  # behind the server's, which a node that boots is waited for
            await self._keep_client(scope, authority, sans.spec.fqdn)
            self._put(scope, self._client.pair, accepted, stranger=False)

    def _put(
        self, scope: Scope, client: CertificateAndKey | None, accepted: tuple[Certificate, ...], *, stranger: bool
    ) -> None:
        spec = APICerts(
            server=self._server.pair, client=client, accepted_cas=accepted, skip_verifying_client_cert=stranger
        )
        scope.put("api", spec)

    def _is_control_plane(self, scope: Scope) -> bool:
        machine = scope.find(MachineTypeSpec.at("machine-type"))
        return machine is not None and machine.spec.machine_type.control_plane

    async def _keep_server(self, scope: Scope, authority: CertificateAndKey, sans: CertSAN) -> None:
        now = scope.clock.now()
        ca = Pair(authority.crt, authority.key)
        job = Server(now, ca, sans.fqdn, sans.dns_names, sans.ips, self._lifetimes[0])
        if await self._server.keep(now, (authority, sans), lambda: issue(self._work, job)):
            _log.info("API certificate issued for %s", ", ".join((*sans.dns_names, *sans.ips)))

    async def _keep_client(self, scope: Scope, authority: CertificateAndKey, name: str) -> None:
        """What other nodes know this one's apid by: they believe what it says of a caller's roles."""
        now = scope.clock.now()
        job = Client(now, Pair(authority.crt, authority.key), (Role.IMPERSONATOR,), name, self._lifetimes[1])
        if await self._client.keep(now, (authority, name), lambda: issue(self._work, job)):
            _log.info("API client certificate issued")
        scope.later(self._client.renew - now)
