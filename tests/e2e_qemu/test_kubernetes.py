"""A Kubernetes of one node on a kernel of its own, with the memory of the smallest machine that it is for."""

import time
from pathlib import Path

import pytest

from tests.support import kubecluster
from tests.support.kubecluster import app
from tests.support.results import Record

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(1800)]
READY = 1200  # seconds from nothing to a node that is Ready, whatever emulates it


def test_a_node_of_2_gib_is_ready_and_runs_pods(tmp_path: Path, image: Path, record_result: Record) -> None:
    began = time.monotonic()
    with kubecluster.running(tmp_path, kind="qemu", image=image, cpus=2) as kube:
        took = time.monotonic() - began
        record_result("from nothing to Ready", f"{took:.0f} s")
        assert took < READY
        kube.apply(app("Deployment", "web", replicas=2))
        kube.rolled_out("deployment/web")
        assert len(kube.pods("web")) == 2
