"""APICerts, MachineType -> TrustdCerts: what trustd serves with. It is the node's one server certificate: a second key
for the same names would prove nothing more, and cost a worker at each boot."""

from core.node.resources.config import MachineTypeSpec
from core.node.resources.secrets import APICerts, TrustdCerts
from core.state import Controller, Scope, exclusive, weak


class TrustdCertificates(Controller):
    """Id `trustd`, on a control plane."""

    name = "secrets.TrustdController"
    inputs = (weak(APICerts.at("api")), weak(MachineTypeSpec.at("machine-type")))
    outputs = (exclusive(TrustdCerts),)

    async def reconcile(self, scope: Scope) -> None:
        certs, machine = scope.find(APICerts.at("api")), scope.find(MachineTypeSpec.at("machine-type"))
        joins = machine is not None and machine.spec.machine_type.control_plane
        if certs is None or certs.spec.skip_verifying_client_cert or not joins:
            scope.remove(TrustdCerts.at("trustd"))
            return
        scope.put("trustd", TrustdCerts(server=certs.spec.server, accepted_cas=certs.spec.accepted_cas))
