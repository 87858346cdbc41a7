"""Modules that are asked for: by the config, and by being in a Kubernetes; and the parameters that come with one."""

from pathlib import Path

from core.linux.capabilities import CONTAINER
from core.node.controllers.hardware.modules import KUBERNETES, ModuleConfig
from core.node.controllers.runtime.kernelparams import KernelParams
from core.node.resources.runtime import KernelModuleSpec, KernelParamSpec, KernelParamStatus, LoadedKernelModule
from core.node.resources.secrets import Kubelet
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop, settle


@on_loop
async def test_what_kubernetes_takes_for_granted_comes_with_its_kubelet() -> None:
    house = House(FakeClock(), [ModuleConfig()])
    async with house.running():
        await settle()
        assert not house.all(KernelModuleSpec)
        house.put("kubelet", Kubelet(endpoint="https://c:6443"))
        await settle()
        assert set(house.all(KernelModuleSpec)) == set(KUBERNETES)


@on_loop
async def test_a_parameter_is_set_when_its_module_has_come(tmp_path: Path) -> None:
    house, name = House(FakeClock(), [KernelParams(CONTAINER, tmp_path)]), "proc.sys.net.bridge.bridge-nf-call-iptables"
    async with house.running():
        house.put(name, KernelParamSpec(value="1"))
        await settle()
        assert house.all(KernelParamStatus)[name].unsupported
        path = tmp_path / "proc/sys/net/bridge/bridge-nf-call-iptables"
        path.parent.mkdir(parents=True)
        path.write_text("0\n")
        house.put("br_netfilter", LoadedKernelModule())
        await settle()
        assert path.read_text() == "1\n"
