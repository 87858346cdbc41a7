"""The phases of a boot, read from what a node says."""

import pytest

from benchmarks.boot import MILESTONES, milestone, phases
from benchmarks.qemu import VM_MILESTONES
from core.base.errors import NotFound

CONSOLE = """
[    0.000000] Linux version 6.12
[  100.25] ichor: spawner: starting
  [ 100.30] INFO spawner: starts, it is said
[  100.50] INFO spawner: starts
[  101.00] INFO spawner: 600 modules, sealed
[  102.00] INFO spawner: starts
"""
LOGS = {"console": CONSOLE, "apid": "[103.5] INFO front: serving on :50000\n"}
BEGAN = ("exec of init", "console", "ichor: spawner: starting")
CHAIN = (
    ("interpreter runs", "console", "INFO spawner: starts"),
    ("sealed", "console", "INFO spawner: .* sealed"),
    ("open", "apid", "INFO front: serving"),
)


def test_a_milestone_is_the_first_line_that_begins_so() -> None:
    assert milestone(BEGAN, LOGS) == ("exec of init", 100.25)
    assert milestone(CHAIN[0], LOGS) == ("interpreter runs", 100.5)  # neither the indented one nor the later one


def test_a_log_without_it_is_shown() -> None:
    with pytest.raises(NotFound, match=r"(?s)'INFO front: serving' is not in the log of console.*spawner: starting"):
        milestone(("open", "console", "INFO front: serving"), LOGS)


def test_phases_lie_between_milestones_and_add_up() -> None:
    found = phases(milestone(BEGAN, LOGS), CHAIN, LOGS, ("reply", 104.0))
    assert found == pytest.approx({"interpreter runs": 0.25, "sealed": 0.5, "open": 2.5, "reply": 0.5})
    assert list(found) == ["interpreter runs", "sealed", "open", "reply"]
    assert sum(found.values()) == pytest.approx(104.0 - 100.25)


def test_without_an_end_the_last_milestone_is_it() -> None:
    found = phases(("", 0.0), CHAIN[:1], LOGS, None)
    assert found == {"interpreter runs": 100.5}


def test_a_machine_goes_through_what_a_container_does() -> None:
    common = [text for _, _, text in MILESTONES[1:]]
    assert [text for _, _, text in VM_MILESTONES if text in common] == common
    assert len({phase for phase, _, _ in VM_MILESTONES}) == len(VM_MILESTONES)
