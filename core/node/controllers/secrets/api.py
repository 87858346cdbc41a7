"""OSRoot or MaintenanceRoot, CertSAN -> APICerts: what apid serves with. Issued anew at half its life and whenever the
authority, the names, the addresses or the clock change; apid swaps it without a restart."""

import logging

from core.node.controllers.secrets.work import Work, issue
from core.node.resources.secrets import APICerts, CertSAN, MaintenanceRoot, OSRoot
from core.node.resources.time import TimeStatus
from core.node.resources.values import CertificateAndKey
from core.pki.types import Pair, Server, half_life
from core.state import Controller, Scope, exclusive, weak

_log = logging.getLogger("secrets")


class APICertificates(Controller):
    """Id `api`. With a config clients must show a certificate of an accepted authority; in maintenance none."""

    name = "secrets.APIController"
    inputs = (
        weak(OSRoot.at("os")),
        weak(MaintenanceRoot.at("maintenance")),
        weak(CertSAN.at("api")),
        weak(TimeStatus.at("node")),  # the clock may jump past all that was issued
    )
    outputs = (exclusive(APICerts),)

    def __init__(self, work: Work) -> None:
        self._work = work
        self._issued_for: tuple[object, ...] = ()
        self._server = CertificateAndKey()
        self._issued = self._renew = 0.0

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
        await self._issue(scope, authority, sans.spec)
        scope.put(
            "api",
            APICerts(server=self._server, accepted_cas=accepted, skip_verifying_client_cert=root is None),
        )
        scope.later(self._renew - scope.clock.now())

    async def _issue(self, scope: Scope, authority: CertificateAndKey, sans: CertSAN) -> None:
        now, wanted = scope.clock.now(), (authority, sans)
        if self._issued_for == wanted and self._issued <= now < self._renew:
            return
        ca = Pair(authority.crt, authority.key)
        job = Server(now, ca, sans.fqdn, names=sans.dns_names, addresses=sans.ips)
        issued = await issue(self._work, job)
        self._server = CertificateAndKey(crt=issued.crt, key=issued.key)
        self._issued_for, self._issued, self._renew = wanted, now, half_life(issued, now)
        _log.info("API certificate issued for %s", ", ".join((*sans.dns_names, *sans.ips)))
