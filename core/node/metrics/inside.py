"""What the node knows of itself: services, controllers, certificates, its clock, its build."""

from collections.abc import Iterable, Iterator
from typing import Final

from core.codec.openmetrics import Family
from core.node.build import Build
from core.node.resources.runtime import BootID
from core.node.resources.secrets import APICerts, OSRoot, TrustdCerts
from core.node.resources.time import TimeOffset, TimeStatus
from core.node.services.states import State
from core.node.services.unit import Unit
from core.pki import der, pem
from core.state import Store
from core.state.account import Account

_API: Final = APICerts.at("api")
_TRUSTD: Final = TrustdCerts.at("trustd")
_ROOT: Final = OSRoot.at("os")
EXPIRY: Final = "ichor_certificate_expiry_timestamp_seconds"


def expiry() -> Family:
    """When certificates end."""
    return Family(EXPIRY, "gauge", "When the certificate ends, Unix time.")


def end_of(certificate: bytes) -> int:
    """Of the first in a PEM, Unix time."""
    return der.read(pem.certificates(certificate)[0]).not_after


def services(units: Iterable[Unit]) -> list[Family]:
    """The state each is in, among all that there are."""
    state = Family("ichor_service_state", "gauge", "1 for the state that the service is in.")
    healthy = Family("ichor_service_healthy", "gauge", "Whether its last check was well; of those that are checked.")
    restarts = Family("ichor_service_restarts", "counter", "How often it was started again.")
    for unit in units:
        for known in State:
            state.add(int(unit.state is known), service=unit.service.id, state=known.value)
        if unit.record.known:
            healthy.add(int(unit.record.healthy), service=unit.service.id)
        restarts.add(unit.record.restarts, service=unit.service.id)
    return [state, healthy, restarts]


def controllers(accounts: Iterable[Account]) -> list[Family]:
    """What each has done, and whether there is something for it to do."""
    runs = Family("ichor_controller_run_seconds", "summary", "Runs of the controller, and how long they took.")
    waits = Family("ichor_controller_wait_seconds", "summary", "Runs, and how long they waited for their turn.")
    failures = Family("ichor_controller_failures", "counter", "Runs that failed, and failures between runs.")
    queue = Family("ichor_controller_pending", "gauge", "Whether a run is due.")
    for account in accounts:
        runs.add_sum(account.runs, account.ran, controller=account.name)
        waits.add_sum(account.runs, account.waited, controller=account.name)
        failures.add(account.failures, controller=account.name)
        queue.add(int(account.asked is not None), controller=account.name)
    return [runs, waits, failures, queue]


def certificates(store: Store) -> Family:
    """Those in use here and their authority's."""
    family = expiry()
    for name, certificate in _certificates(store):
        family.add(end_of(certificate), certificate=name)
    return family


def _certificates(store: Store) -> Iterator[tuple[str, bytes]]:
    api, trustd, root = store.find(_API), store.find(_TRUSTD), store.find(_ROOT)
    if api is not None:
        yield "api-server", api.spec.server.crt
        if api.spec.client is not None:
            yield "api-client", api.spec.client.crt
    if trustd is not None:
        yield "trustd-server", trustd.spec.server.crt
    if root is not None and root.spec.issuing_ca is not None:
        yield "os-ca", root.spec.issuing_ca.crt


def clock(store: Store) -> list[Family]:
    """Whether the clock can be believed, and what a time server said last."""
    synced = Family("ichor_time_synced", "gauge", "Whether the clock counts as right.")
    offset = Family("ichor_time_offset_seconds", "gauge", "How far the clock was behind when a server was last asked.")
    asked = Family("ichor_time_asked_timestamp_seconds", "gauge", "When that was, Unix time.")
    status, said = store.find(TimeStatus.at("node")), store.find(TimeOffset.at("node"))
    if status is not None:
        synced.add(int(status.spec.synced))
    if said is not None:
        offset.add(said.spec.offset)
        asked.add(said.spec.asked)
    return [synced, offset, asked]


def build(what: Build, store: Store) -> list[Family]:
    """Which build runs, and in which boot."""
    found = [Family("ichor_build", "info", "The build that runs.").add(1, version=what.tag, date=what.date)]
    boot = store.find(BootID.at("boot-id"))
    if boot is not None:
        found.append(Family("ichor_boot", "info", "The boot that this is.").add(1, boot_id=boot.spec.boot_id))
    return found
