"""A worker has no authority's key: it gets its certificate from the control plane, and is then a node like any."""

import os
import signal
from pathlib import Path

from tests.support import cluster
from tests.support.cluster import Node, documents
from tests.support.pid1 import until


def _served(node: Node) -> object:
    (certs,) = documents(node.ichorctl("get", "apicertificates", "api", "-o", "json").out)
    return certs["spec"]["server"]


def test_a_worker_joins_and_answers_through_the_control_plane(tmp_path: Path) -> None:
    with cluster.running(tmp_path, "join", workers=1) as (plane, worker):
        through = ("--endpoints", plane.endpoint, "--nodes", worker.address)
        (said,) = documents(plane.home.ichorctl("version", *through, "-o", "json").out)["nodes"]
        assert said["node"] == worker.address
        # it has nothing to show other nodes, so it speaks for itself alone
        home = worker.home
        back = home.ichorctl("version", "--endpoints", worker.endpoint, "--nodes", plane.address, code=1)
        assert "no request forwarding" in back.err
        assert home.ichorctl("version", "--endpoints", worker.endpoint, "--nodes", worker.name).code == 0
        (answer,) = documents(worker.ichorctl("service", "-o", "json").out)
        states = {service["id"]: service["state"] for service in answer["services"]}
        assert states["trustd"] == "Skipped"
        assert worker.pid("ichor-trustd") == 0
        assert plane.pid("ichor-trustd")
        config = worker.ichorctl("get", "machineconfig", "v1alpha1", "-o", "yaml").out
        assert "type: worker" in config
        (certs,) = documents(worker.ichorctl("get", "apicertificates", "api", "-o", "json").out)
        assert not certs["spec"].get("client")  # it speaks for nobody
        assert "signed a server certificate for" in plane.ichorctl("logs", "machined").out
        # neither the next machined nor the next boot asks for another: it is on STATE
        worker.kill("ichor-machined")
        worker.await_answer()
        worker.await_ready()
        assert _served(worker) == certs["spec"]["server"]
        worker.ichorctl("reboot", "--wait")
        assert _served(worker) == certs["spec"]["server"]
        assert plane.ichorctl("logs", "machined").out.count("signed a server certificate for") == 1
        kept = worker.folder / "state" / "api-certificate.json"
        assert kept.stat().st_mode & 0o777 == 0o600
        os.kill(plane.pid("ichor-trustd"), signal.SIGKILL)
        until(lambda: plane.pid("ichor-trustd"), what="another trustd")
        plane.await_ready()
