"""Acquired config or none -> MaintenanceServiceRequest and APIServiceConfig: whether apid serves strangers."""

from core.node.machineconfig import ACTIVE
from core.node.resources.config import AcquireConfigStatus, MachineConfig
from core.node.resources.runtime import APIServiceConfig, MaintenanceServiceRequest
from core.state import Controller, Scope, exclusive, weak

LISTEN = "[::]:50000"


class Maintenance(Controller):
    """When every place was looked at and there is no config, the node asks for one from whoever reaches it. Not before:
    a node that has a config never serves strangers while its disk is still on the way."""

    name = "runtime.MaintenanceController"
    inputs = (weak(MachineConfig.at(ACTIVE)), weak(AcquireConfigStatus.at("config")))
    outputs = (exclusive(MaintenanceServiceRequest), exclusive(APIServiceConfig))

    async def reconcile(self, scope: Scope) -> None:
        configured = scope.find(MachineConfig.at(ACTIVE)) is not None
        looked = scope.find(AcquireConfigStatus.at("config")) is not None
        if not configured and not looked:
            return  # nobody knows yet
        if configured:
            scope.remove(MaintenanceServiceRequest.at("maintenance"))
        else:
            scope.put("maintenance", MaintenanceServiceRequest())
        scope.put(
            "apid",
            APIServiceConfig(
                listen_address=LISTEN,
                node_routing_disabled=not configured,
                readonly_role_mode=not configured,
                skip_verifying_client_cert=not configured,
            ),
        )
