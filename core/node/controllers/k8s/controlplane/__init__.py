"""The control plane on this node: the config becomes flags and files, those become static pods, and the kubelet is
given their list."""

from core.linux.init import FdTable
from core.node.controllers.k8s.controlplane import policies, programs
from core.node.controllers.k8s.controlplane.machinepods import MachinePods
from core.node.controllers.k8s.controlplane.pods import ControlPlanePods, Pods
from core.node.controllers.k8s.controlplane.render import RenderConfigs
from core.node.controllers.k8s.controlplane.serving import StaticPodServer, listener
from core.node.survivor import Survivor
from core.state import Controller, Runtime

__all__ = ["controllers"]


def controllers(table: FdTable, runtime: Runtime) -> tuple[Controller, ...]:
    """All of them. `table` is init's."""
    return (
        programs.api_server(),
        programs.controller_manager(),
        programs.scheduler(),
        *policies.controllers(),
        RenderConfigs(),
        ControlPlanePods(Survivor(table, "static-pods", Pods)),
        MachinePods(),
        StaticPodServer(listener(table), runtime.rested),
    )
