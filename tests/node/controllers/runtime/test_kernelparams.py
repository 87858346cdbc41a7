"""Kernel parameters: set, shown, and given back."""

from pathlib import Path

from core.linux.capabilities import CONTAINER
from core.node.controllers.runtime.kernelparams import DEFAULTS, kernel_params
from core.node.resources.config import MachineConfig
from core.node.resources.runtime import KernelParamSpec, KernelParamStatus
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop, settle

WORKER = (Path(__file__).parents[3] / "config/corpus/minimal-worker.yaml").read_bytes()


def kernel(root: Path, **values: str) -> None:
    for name, value in values.items():
        path = root / "proc/sys" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value + "\n")


def value(root: Path, name: str) -> str:
    return (root / "proc/sys" / name.replace(".", "/")).read_text().strip()


@on_loop
async def test_a_container_sets_its_own_and_shows_what_it_may_not(tmp_path: Path) -> None:
    kernel(tmp_path, net__ipv4__ip_forward="0", net__ipv4__tcp_keepalive_time="7200", vm__overcommit_memory="0")
    house = House(FakeClock(), kernel_params(CONTAINER, tmp_path))
    async with house.running():
        await settle()
        assert value(tmp_path, "net.ipv4.ip_forward") == "1"
        statuses = house.all(KernelParamStatus)
        assert statuses["proc.sys.net.ipv4.ip_forward"] == KernelParamStatus(current="1", default="0")
        assert statuses["proc.sys.net.ipv6.conf.default.forwarding"].unsupported
        assert len(statuses) == len(DEFAULTS)
        sysctls = "  sysctls: {net.ipv4.tcp_keepalive_time: '300', vm.overcommit_memory: '2'}\n"
        house.put("v1alpha1", MachineConfig(yaml_marshalled=WORKER + sysctls.encode()))
        await settle()
        assert value(tmp_path, "net.ipv4.tcp_keepalive_time") == "300"
        assert value(tmp_path, "vm.overcommit_memory") == "0"
        status = house.all(KernelParamStatus)["proc.sys.vm.overcommit_memory"]
        assert status == KernelParamStatus(current="0", unsupported=True)
        house.drop(MachineConfig.at("v1alpha1"))
        await settle()
        assert value(tmp_path, "net.ipv4.tcp_keepalive_time") == "600"  # the node's default again


@on_loop
async def test_one_that_is_none_does_not_keep_the_others_from_their_turn(tmp_path: Path) -> None:
    kernel(tmp_path, net__ipv4__ip_forward="0")
    house = House(FakeClock(), kernel_params(CONTAINER, tmp_path)[2:])
    async with house.running():
        house.put("etc.passwd", KernelParamSpec(value="1"))
        house.put("proc.sys.net.ipv4.ip_forward", KernelParamSpec(value="1"))
        await settle()
        assert value(tmp_path, "net.ipv4.ip_forward") == "1"
        assert house.all(KernelParamStatus)["etc.passwd"].unsupported
