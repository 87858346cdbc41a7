"""What a node knows of itself, as numbers, from a store and records that tests fill."""

from core.base.clock import SystemClock
from core.node.build import Build
from core.node.metrics import inside
from core.node.resources.runtime import BootID
from core.node.resources.secrets import APICerts, OSRoot
from core.node.resources.time import TimeOffset, TimeStatus
from core.node.resources.values import CertificateAndKey
from core.node.services.service import Service
from core.node.services.states import State
from core.node.services.unit import Record, Unit
from core.pki import issue
from core.pki.types import Algorithm, Authority, Server
from core.state.account import Account
from tests.node.controllers.house import House
from tests.support.exposition import read

NOW = 1_700_000_000


def test_services() -> None:
    def unit(id_: str, record: Record) -> Unit:
        return Unit(Service(id_), record, SystemClock(), lambda unit, happening: None)

    units = [unit("up", Record(State.RUNNING, restarts=3, known=True, healthy=True)), unit("new", Record())]
    found = read(*inside.services(units))
    assert {labels for labels, value in found["ichor_service_state"].items() if value} == {
        ("up", "Running"),
        ("new", "Initialized"),
    }
    assert len(found["ichor_service_state"]) == 2 * len(State)
    assert found["ichor_service_healthy"] == {("up",): 1}
    assert found["ichor_service_restarts_total"] == {("up",): 3, ("new",): 0}


def test_controllers() -> None:
    found = read(*inside.controllers([Account("a", 5, 1, 0.5, 0.25, asked=7.0), Account("b")]))
    assert found["ichor_controller_run_seconds_count"] == {("a",): 5, ("b",): 0}
    assert found["ichor_controller_run_seconds_sum"] == {("a",): 0.5, ("b",): 0}
    assert found["ichor_controller_wait_seconds_sum"] == {("a",): 0.25, ("b",): 0}
    assert found["ichor_controller_failures_total"] == {("a",): 1, ("b",): 0}
    assert found["ichor_controller_pending"] == {("a",): 1, ("b",): 0}


def test_certificates_clock_and_build() -> None:
    house = House(SystemClock(), [])
    assert read(inside.certificates(house.store), *inside.clock(house.store)) == {}
    ca = issue.authority(Authority(NOW, Algorithm.ED25519))
    made = issue.server(Server(NOW, ca, "node", names=("node",), addresses=()))
    house.put("os", OSRoot(issuing_ca=CertificateAndKey(crt=ca.crt, key=b"")))
    house.put("api", APICerts(server=CertificateAndKey(crt=made.crt, key=made.key)))
    house.put("node", TimeStatus(synced=True))
    house.put("node", TimeOffset(offset=-0.25, asked=float(NOW)))
    house.put("boot-id", BootID(boot_id="b"))
    found = read(
        inside.certificates(house.store), *inside.clock(house.store), *inside.build(Build("v1", 0.0), house.store)
    )
    ends = found.pop(inside.EXPIRY)
    assert ends == {("api-server",): made.not_after, ("os-ca",): inside.end_of(ca.crt)}
    assert NOW < ends["api-server",] < ends["os-ca",]
    assert found == {
        "ichor_time_synced": {(): 1},
        "ichor_time_offset_seconds": {(): -0.25},
        "ichor_time_asked_timestamp_seconds": {(): NOW},
        "ichor_build_info": {("v1", "1970-01-01T00:00:00Z"): 1},
        "ichor_boot_info": {("b",): 1},
    }
