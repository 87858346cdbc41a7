"""The running system: what it is, where it is in its life, whom it serves."""

from core.node.controllers.runtime.facts import facts
from core.node.controllers.runtime.lastreboot import LastReboot
from core.node.controllers.runtime.maintenance import Maintenance
from core.node.controllers.runtime.status import MachineStatusController
from core.node.controllers.runtime.trustd import Trustd

__all__ = ["LastReboot", "MachineStatusController", "Maintenance", "Trustd", "facts"]
