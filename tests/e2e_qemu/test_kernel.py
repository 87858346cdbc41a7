"""What only a kernel of one's own shows: drivers that it asks for by itself, a watchdog that resets a machine whose
machined stands still, five deaths of the spawner. A hand inside does what no verb does."""

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import vm
from tests.support.results import Record
from tests.support.vm import Vm

pytestmark = pytest.mark.slow
BOOTED = r"Linux version "
READY = 600  # seconds for a busy machine
IPTABLES = ("/usr/sbin/xtables-nft-multi", "iptables", "-t", "nat")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, image: Path) -> Iterator[Vm]:
    """A machine just powered on; the first test gives it its config."""
    with vm.started(tmp_path_factory.mktemp("home"), image) as made:
        yield made


def test_a_stranger_is_answered(node: Vm, record_result: Record) -> None:
    record_result("power on to the API", f"{vm.await_answer(node):.1f} s")
    vm.configure(node)


def test_the_kernel_asks_for_vxlan(node: Vm) -> None:
    assert "vxlan" not in node.specs("loadedkernelmodules")
    node.hand("link", "vxlan", "vxlan9")
    assert "vxlan" in node.specs("loadedkernelmodules")


def test_the_kernel_asks_for_masquerading(node: Vm) -> None:
    before = node.specs("loadedkernelmodules")
    assert "xt_MASQUERADE" not in before
    rule = ("POSTROUTING", "-s", "10.99.0.0/24", "-j", "MASQUERADE")
    assert node.hand("run", *IPTABLES, "-A", *rule) == "status 0\n"
    assert "xt_MASQUERADE" in node.specs("loadedkernelmodules")
    assert node.hand("run", *IPTABLES, "-C", *rule) == "status 0\n"
    assert "status 1" in node.hand("run", *IPTABLES, "-C", *rule[:-1], "ACCEPT")


def test_a_machined_that_stands_still_resets_the_machine(node: Vm, record_result: Record) -> None:
    assert b"ichor: watchdog: armed, 30 s" in node.machine.console()
    before, said = node.boot_id(), len(node.machine.console())
    with node.machine.monitor() as qmp:
        began = time.monotonic()
        assert node.hand("signal", str(signal.SIGSTOP.value), "ichor-machined").strip().isdigit()
        event = qmp.await_event("WATCHDOG", 60)
        record_result("SIGSTOP to reset", f"{time.monotonic() - began:.1f} s")
    assert event["data"]["action"] == "reset"
    node.machine.expect(BOOTED, 60, start=said)
    node.await_ready(seconds=READY)
    assert node.boot_id() != before
    assert b"ichor: power" not in node.machine.console()[said:]


def test_five_deaths_of_the_spawner_reboot_and_the_next_boot_tells_why(node: Vm, record_result: Record) -> None:
    before, said, began = node.boot_id(), len(node.machine.console()), time.monotonic()
    while b"ichor: power" not in node.machine.console()[said:]:
        assert time.monotonic() - began < 60, "its starts are too slow for five deaths within a minute"
        with suppress(OSError):  # the hand ends with the machine
            node.hand("signal", str(signal.SIGKILL.value), "ichor-spawner")
    record_result("five deaths", f"{time.monotonic() - began:.1f} s")
    reason = "spawner died 5 times within a minute, last by signal 9"
    at = node.machine.expect(f"ichor: power: reboot: {reason}", 10, start=said)
    node.machine.expect(BOOTED, 120, start=at)
    node.await_ready(seconds=READY)
    assert node.boot_id() != before
    assert node.specs("diagnostics")["last-reboot"]["details"] == [reason]
