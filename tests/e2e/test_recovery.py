"""Three control planes with etcd and nothing of Kubernetes: begun once whoever asks whom, also across a partition; its
quorum lost for good and begun anew by one command, which passes over nobody."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import fault, planes
from tests.support.cluster import Node, documents
from tests.support.pid1 import until
from tests.support.planes import ctl, members, pid, up
from tests.support.results import Record

SECONDS = 120.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="nodes need root"),
]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    with planes.running(tmp_path_factory.mktemp("recovery"), nodes=3) as nodes:
        yield nodes


def test_three_who_are_asked_at_once_begin_one_cluster(tmp_path: Path) -> None:
    with planes.running(tmp_path, nodes=3) as nodes:
        said = [asked.communicate(timeout=SECONDS)[1] for asked in [_begin(node) for node in nodes]]
        assert sum("begins the cluster" in each for each in said) == 1, said
        whole(nodes)


def test_nobody_begins_without_a_majority_and_two_who_are_asked_begin_one(three: list[Node]) -> None:
    one, two, rest = three
    with fault.parted([one], [two, rest]):
        refused = one.ichorctl("bootstrap", code=1).err
        assert "a majority of the control planes is needed" in refused
        assert two.address in refused and rest.address in refused
        with fault.parted([two], [rest]):
            assert "majority" in two.ichorctl("bootstrap", code=1).err
        asked = [_begin(node) for node in (one, two)]
        assert "a majority" in asked[0].communicate(timeout=SECONDS)[1]
        said = asked[1].communicate(timeout=SECONDS)[1]
        assert "begins the cluster" in said and one.address in said
    for node in three:
        up(node)
    whole(three)


def test_while_a_quorum_serves_nothing_is_recovered(three: list[Node]) -> None:
    one, two, rest = three
    assert "etcd has a quorum" in _recover(three, code=1)
    assert "etcd has a quorum" in _recover([one, two], f"--lost={rest.name}", code=1)
    with fault.cut(rest):
        up(one)
        until(lambda: "etcd has a quorum" in _recover([one, two], f"--lost={rest.name}", code=1), SECONDS)


def test_two_of_three_are_lost_and_the_one_that_is_left_goes_on(
    three: list[Node], tmp_path: Path, record_result: Record
) -> None:
    left, *gone = three
    ctl(left, tmp_path, "put", "written", "before")
    before = pid(left)
    fault.power_off(*gone)
    began = time.monotonic()
    for node in gone:
        fault.wipe(node)
    refused = until_said(lambda: _recover([left], code=1), "silent: ")
    assert all(f"{node.name} (it was not asked)" in refused for node in gone), refused
    assert "no control plane is called nobody" in _recover([left], "--lost=nobody", code=1)
    lost = [f"--lost={gone[0].name}", f"--lost={gone[1].address}"]
    assert "answers, so it is not lost" in _recover([left], *lost, f"--lost={left.name}", code=1)
    shown = _recover(three, *lost, "--dry-run")
    assert f"{left.name} begins a new cluster with its data" in shown
    assert all(f"{node.name} is given up" in shown for node in gone)
    assert "nothing was changed" in shown
    assert pid(left) in (0, before)
    said = _recover([left], *lost)
    assert "serves again" in said
    record_result("one left, serves after", f"{time.monotonic() - began:.1f} s")
    assert ctl(left, tmp_path, "get", "written", "--print-value-only") == "before\n"
    for node in gone:
        fault.replace(node)
    whole(three)
    record_result("three again after", f"{time.monotonic() - began:.1f} s")
    for node in three:
        assert ctl(node, tmp_path, "get", "written", "--print-value-only") == "before\n"


def test_one_that_was_given_up_and_lives_gives_its_data_up_by_itself(
    three: list[Node], tmp_path: Path, record_result: Record
) -> None:
    """Its etcd runs all the time, and waits for a quorum that is no more."""
    left, away, gone = three
    with fault.cut(away):
        fault.power_off(gone)
        said = until_said(lambda: _recover(three, f"--lost={away.name},{gone.name}", code=None), "serves again")
        assert f"{away.name} is given up" in said
        ctl(left, tmp_path, "put", "written", "after")
    began = time.monotonic()
    fault.power_on(gone)
    whole(three)
    record_result("three again after", f"{time.monotonic() - began:.1f} s")
    for node in three:
        assert ctl(node, tmp_path, "get", "written", "--print-value-only") == "after\n"


def test_who_is_left_with_older_data_gives_them_up(three: list[Node], tmp_path: Path) -> None:
    """No two of the three hear each other; all of them are asked, and the newest goes on."""
    one, two, rest = three
    ctl(one, tmp_path, "put", "written", "newest")
    with ExitStack() as wires:
        wires.enter_context(fault.parted([one], [two, rest]))
        wires.enter_context(fault.parted([two], [rest]))
        shown = until_said(lambda: _recover(three, "--dry-run", code=None), "begins a new cluster")
        assert shown.count("is wiped and joins anew") == 2
        (survivor,) = (node for node in three if f"{node.name} begins" in shown)
        assert "joins anew" in _recover(three)
        assert list(members(survivor)) == [survivor.name]
    whole(three)
    assert ctl(rest, tmp_path, "get", "written", "--print-value-only") == "newest\n"


def whole(nodes: Sequence[Node]) -> None:
    """Until all are members that vote, in one cluster."""

    def votes() -> bool:
        said = [node.ichorctl("etcd", "members", "-o", "json", code=None).out for node in nodes]
        if not all(said):
            return False
        lists = [{m["hostname"]: m["isLearner"] for m in documents(each)[0]["members"]} for each in said]
        return lists == [{node.name: False for node in nodes}] * len(nodes)

    until(votes, SECONDS, "all to vote")


def until_said(ask: Callable[[], str], words: str) -> str:
    """What is said as soon as these words are in it."""
    said: list[str] = []

    def fits() -> bool:
        said.append(ask())
        return words in said[-1]

    until(fits, SECONDS, f"{words!r}")
    return said[-1]


def _recover(nodes: Sequence[Node], *words: str, code: int | None = 0) -> str:
    names = (
        "--endpoints",
        ",".join(node.endpoint for node in nodes),
        "--nodes",
        ",".join(node.address for node in nodes),
    )
    said = nodes[0].home.ichorctl("etcd", "recover", *words, *names, code=code)
    return said.out + said.err


def _begin(node: Node) -> "subprocess.Popen[str]":
    command = node.home.command("bootstrap", "--endpoints", node.endpoint, "--nodes", node.address)
    return subprocess.Popen(
        command, env=node.home.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
