"""The verbs that ask, as a person types them, against a node that runs."""

import json
import subprocess
import uuid
from pathlib import Path

import pytest
import yaml

from tests.support.cluster import Node, documents


def test_version_says_what_runs_here_and_there(node: Node) -> None:
    said = documents(node.ichorctl("version", "-o", "json").out)
    (there,) = said["nodes"]
    assert (there["node"], there["tag"], there["platform"]) == (
        node.address,
        said["client"]["tag"],
        "container (container)",
    )
    assert f"Node:        {node.address}" in node.home.ichorctl("version").out  # the context's own node
    assert node.home.ichorctl("version", "-e", f"{node.address}:50000").code == 0


def test_contexts_name_the_cluster(node: Node) -> None:
    (context,) = documents(node.home.ichorctl("config", "contexts", "-o", "json").out)
    assert context == {
        "current": True,
        "name": node.cluster.spec.name,
        "endpoints": [node.address],
        "nodes": [node.address],
    }
    assert documents(node.home.ichorctl("config", "info", "-o", "json").out)["roles"] == ["os:admin"]


def test_services_run_and_are_well(node: Node) -> None:
    (answer,) = documents(node.ichorctl("service", "-o", "json").out)
    states = {s["id"]: (s["state"], s["health"].get("healthy")) for s in answer["services"]}
    assert states.pop("imagecheck")[0] != "Running"  # it waits for an operator
    assert states.pop("etcd")[0] == "Preparing"  # it waits to be bootstrapped
    assert states.pop("kubelet")[0] == "Initialized"  # and has no cluster to be in
    assert states.pop("kubeprism") == ("Running", None)
    assert states == dict.fromkeys(("apid", "containerd", "cri", "machined", "spawner", "trustd"), ("Running", True))
    said = node.ichorctl("service", "containerd").out
    assert "STATE" in said.upper()
    assert "started with PID" in said
    assert "there is no service nginx; list them" in node.ichorctl("service", "nginx", code=1).err


def test_logs_from_the_end_and_from_the_start(node: Node) -> None:
    whole = node.ichorctl("logs", "containerd").out.splitlines()
    assert any("containerd successfully booted" in line for line in whole)
    assert len(node.ichorctl("logs", "containerd", "--tail", "2").out.splitlines()) == 2
    assert node.ichorctl("logs", "containerd", "--tail", "0").out == ""
    assert "'nginx' was not registered" in node.ichorctl("logs", "nginx", code=1).err


def test_a_nodes_console_is_kept(node: Node) -> None:
    said = node.home.ichorctl("cluster", "logs", node.name, "--name", node.cluster.spec.name).out
    assert said == node.console()


def test_dmesg_is_the_kernels_log(node: Node) -> None:
    old, new = (f"ichor-test-{uuid.uuid4().hex}" for _ in range(2))
    Path("/dev/kmsg").write_text(f"<5>{old}\n")
    with node.following("dmesg", "--follow") as all_of_it:
        all_of_it.until(old)
        with node.following("dmesg", "--follow", "--tail") as rest:
            # a stream says nothing of when it begins: speak until it hears
            while not rest.ready():
                Path("/dev/kmsg").write_text(f"<5>{new}\n")
            assert not [line for line in rest.until(new) if old in line]
        all_of_it.until(new)
    assert old in node.ichorctl("dmesg").out


def test_events_from_the_end_the_start_an_id_and_an_actor(node: Node) -> None:
    def events(*options: str) -> list[dict[str, str]]:
        said = node.ichorctl("events", *options, "--for", "2", "-o", "json").out
        return [json.loads(line) for line in said.splitlines()]

    everything = events("--tail", "-1")
    ids = [event["id"] for event in everything]
    assert ids == sorted(set(ids))
    assert {"SequenceEvent", "PhaseEvent", "TaskEvent", "ServiceStateEvent", "MachineStatusEvent"} <= {
        event["event"] for event in everything
    }
    assert [event["id"] for event in events("--tail", "3")] == ids[-3:]
    assert [event["id"] for event in events("--since", ids[-5])] == ids[-4:]
    assert [event["id"] for event in events("--duration", "24h")] == ids
    actor = next(event["actorId"] for event in everything if event["event"] == "SequenceEvent")
    own = events("--tail", "-1", "--actor-id", actor)
    assert own == [event for event in everything if event["actorId"] == actor]
    assert own[-1]["event"] == "SequenceEvent"
    assert "bad" in node.ichorctl("events", "--since", "bad", code=1).err


def test_read_gives_a_file_as_it_is(node: Node) -> None:
    assert node.ichorctl("read", "/proc/1/comm").out == "init\n"
    authorities = (node.root / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert node.ichorctl("read", "/etc/ssl/certs/ca-certificates.crt").out == authorities
    assert "/nowhere: no such file" in node.ichorctl("read", "/nowhere", code=1).err
    for path in ("/etc", "/dev/kmsg", "/dev/zero", "/system/run/machined/apid.sock"):
        assert "(" in node.ichorctl("read", path, code=1).err
    assert "not an absolute path" in node.ichorctl("read", "etc/hosts", code=1).err


def test_get_by_name_and_alias_in_every_format(node: Node) -> None:
    table = node.ichorctl("get", "links").out.splitlines()
    assert table[0].split()[:5] == ["NODE", "NAMESPACE", "TYPE", "ID", "VERSION"]
    assert {"eth0", "lo"} <= {line.split()[3] for line in table[1:]}
    names = ("link", "links", "LinkStatus", "linkstatuses", "LinkStatuses.net.talos.dev")
    rows = [documents(node.ichorctl("get", name, "eth0", "-o", "json").out) for name in names]
    assert all(row[0]["spec"]["operationalState"] == "up" for row in rows)
    written = list(yaml.safe_load_all(node.ichorctl("get", "address", "-o", "yaml").out))
    assert f"{node.address}/24" in [document["spec"]["address"] for document in written]
    state = node.ichorctl("get", "links", "eth0", "-o", "jsonpath={.spec.operationalState}").out
    assert state == "up\n"
    assert "jsonpath=PATH" in node.ichorctl("get", "links", "-o", "xml", code=2).err
    assert "eth9" in node.ichorctl("get", "links", "eth9", code=1).err
    assert "nonsense" in node.ichorctl("get", "nonsense", code=1).err


def test_every_type_can_be_listed(node: Node) -> None:
    definitions = documents(node.ichorctl("get", "rd", "-o", "json").out)
    assert len(definitions) > 80
    stages = documents(node.ichorctl("get", "machinestatus", "-o", "json").out)
    assert stages[0]["spec"] == {"stage": "running", "status": {"ready": True, "unmetConditions": []}}


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_watching_shows_what_comes_and_goes(node: Node, output: str) -> None:
    inside = ["nsenter", "--net", "--target", str(node.init), "ip", "link"]
    name = f"t{uuid.uuid4().hex[:6]}"
    with node.following("get", "links", "--watch", "-o", output) as seen:
        seen.until("eth0")
        subprocess.run([*inside, "add", name, "type", "bridge"], check=True)
        seen.until(name)
        subprocess.run([*inside, "delete", name], check=True)
        seen.until(f"-   {node.address}" if output == "table" else "destroyed")


EDITOR = r"""#!/bin/sh
if [ ! -e "$0.again" ]; then
    touch "$0.again"
    sed -i 's/^machine:$/machine:\n  typo: true/' "$1"
else
    grep -q '^# .*typo' "$1" || exit 1
    sed -i -e '/typo/d' -e 's/^machine:$/machine:\n  sysctls: {a.b: "1"}/' "$1"
fi
"""


def test_editing_again_until_it_is_a_config(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time with what was wrong at its top."""
    editor = tmp_path / "editor"
    editor.write_text(EDITOR)
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    assert "machine.sysctls: are set" in node.ichorctl("edit", "machineconfig", "--dry-run").out
    monkeypatch.setenv("EDITOR", "true")
    assert "nothing was changed" in node.ichorctl("edit", "mc").err


def test_patching_what_is_in_force(node: Node) -> None:
    patch = ("--patch", '{"machine": {"sysctls": {"a.b": "1"}}}')
    assert "machine.sysctls: are set" in node.ichorctl("patch", "mc", *patch, "--dry-run").out
    assert "written by the node alone" in node.ichorctl("patch", "links", *patch, code=1).err
    assert "give --patch" in node.ichorctl("patch", "mc", code=2).err


def test_a_kubeconfig_goes_where_it_is_asked_for(node: Node, tmp_path: Path) -> None:
    shown = yaml.safe_load(node.ichorctl("kubeconfig", "-").out)
    place = tmp_path / "config"
    assert shown["current-context"] in node.ichorctl("kubeconfig", str(place)).err
    assert yaml.safe_load(place.read_text())["clusters"] == shown["clusters"]
    assert "--force" in node.ichorctl("kubeconfig", "--no-merge", str(place), code=1).err


def test_a_node_that_cannot_be_drained_is_not_rebooted(node: Node) -> None:
    before = node.run.boots
    assert "in no cluster that could take its pods" in node.ichorctl("reboot", "--drain", code=1).err
    assert "no time for a drain" in node.ichorctl("reboot", "--drain", "--drain-timeout", "30h", code=1).err
    assert node.run.boots == before
