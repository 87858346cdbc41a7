"""KubeletLifecycle -> pods that have ended before it has: a node that goes down tears it down, and goes on when nobody
holds it any more."""

from collections.abc import Awaitable, Callable
from typing import Final

from core.cluster.kubernetes import kubelet
from core.node.containers.pods import Pods
from core.node.resources.k8s import KubeletLifecycle
from core.node.resources.services import Service
from core.state import Controller, Scope, strong, weak

LIFECYCLE: Final = KubeletLifecycle.at("kubelet")
_RUNTIME: Final = Service.at("cri")


class PodsEnd(Controller):
    """Holds it while there is containerd, in which pods may be. `stop` ends the kubelet, which would start them again;
    they have the time then that a kubelet gives them."""

    name = "k8s.KubeletLifecycleController"
    inputs = (strong(LIFECYCLE), weak(_RUNTIME))

    def __init__(self, pods: Pods, stop: Callable[[], Awaitable[None]]) -> None:
        self._pods, self._stop = pods, stop

    async def reconcile(self, scope: Scope) -> None:
        lifecycle, runtime = scope.find(LIFECYCLE), scope.find(_RUNTIME)
        if lifecycle is None:
            return
        held = scope.name in lifecycle.md.finalizers
        running = runtime is not None and runtime.spec.running
        if not lifecycle.md.tearing_down:
            if running and not held:
                scope.hold(LIFECYCLE)
        elif held:
            if running:
                await self._stop()
                await self._pods.stop_all(kubelet.SECONDS_TO_STOP, kubelet.SECONDS_FOR_CRITICAL)
            scope.release(LIFECYCLE)
