"""-> MaintenanceRoot: the authority that vouches for this node while it has no config. Made once for each start of
machined and never written anywhere."""

from core.node.resources.runtime import MaintenanceServiceRequest
from core.node.resources.secrets import MaintenanceRoot
from core.node.resources.time import TimeStatus
from core.node.resources.values import CertificateAndKey
from core.node.work import Work, issue
from core.pki.types import Algorithm, Authority
from core.state import Controller, Scope, exclusive, weak

_REQUEST = MaintenanceServiceRequest.at("maintenance")
_LIFETIME = 24 * 3600


class MaintenanceAuthority(Controller):
    """Id `maintenance`, while maintenance is asked for."""

    name = "secrets.MaintenanceRootController"
    inputs = (weak(_REQUEST), weak(TimeStatus.at("node")))  # the clock may jump past what was made
    outputs = (exclusive(MaintenanceRoot),)

    def __init__(self, work: Work) -> None:
        self._work = work
        self._made = self._renew = 0.0

    async def reconcile(self, scope: Scope) -> None:
        if scope.find(_REQUEST) is None:
            scope.remove(MaintenanceRoot.at("maintenance"))
            self._renew = 0.0
            return
        now = scope.clock.now()
        if not self._made <= now < self._renew:
            made = await issue(self._work, Authority(now, Algorithm.ED25519, lifetime=_LIFETIME))
            scope.put("maintenance", MaintenanceRoot(ca=CertificateAndKey(crt=made.crt, key=made.key)))
            self._made, self._renew = now, now + _LIFETIME / 2
        scope.later(self._renew - now)
