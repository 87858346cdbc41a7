"""`gen`, `machineconfig` and `validate`: files made, patched, and taken again."""

import json
import stat
from pathlib import Path

import pytest

from core.config.load import load
from tests.cli.conftest import Run

CLUSTER = ("demo", "https://10.5.0.2:6443")


def _gen(ichorctl: Run, secrets: str, *more: str) -> tuple[int, str, str]:
    return ichorctl("gen", "config", *CLUSTER, "--with-secrets", secrets, *more)


def test_three_files_that_only_their_owner_reads(ichorctl: Run, secrets_file: str, tmp_path: Path) -> None:
    code, out, err = _gen(ichorctl, secrets_file)
    assert (code, out) == (0, "")
    assert err == "wrote controlplane.yaml\nwrote worker.yaml\nwrote talosconfig\n"
    for name in ("controlplane.yaml", "worker.yaml", "talosconfig"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    for name in ("controlplane.yaml", "worker.yaml"):
        assert ichorctl("validate", "-c", name, "-m", "metal")[:2] == (0, f"{name} is valid for metal mode\n")
    assert _gen(ichorctl, secrets_file) == (1, "", "error: controlplane.yaml exists; give --force to replace it\n")
    assert ichorctl("gen", "--force", "config", *CLUSTER, "--with-secrets", secrets_file)[0] == 0


def test_secrets_come_back_from_a_control_planes_config(ichorctl: Run, secrets_file: str, tmp_path: Path) -> None:
    _gen(ichorctl, secrets_file, "-t", "controlplane,worker")
    assert ichorctl("gen", "secrets", "--from-controlplane-config", "controlplane.yaml") == (0, "", "")
    assert (tmp_path / "secrets.yaml").read_bytes() == Path(secrets_file).read_bytes()
    code, _, err = ichorctl("gen", "--force", "secrets", "--from-controlplane-config", "worker.yaml")
    assert code == 1
    assert err.startswith("error: worker.yaml holds no secrets.secretboxencryptionsecret, ")


def test_nothing_is_written_when_one_file_is_in_the_way(ichorctl: Run, secrets_file: str, tmp_path: Path) -> None:
    (tmp_path / "talosconfig").touch()
    assert _gen(ichorctl, secrets_file)[0] == 1
    assert not (tmp_path / "controlplane.yaml").exists()


def test_flags_and_patches_reach_the_configs(ichorctl: Run, secrets_file: str, tmp_path: Path) -> None:
    (tmp_path / "patch.yaml").write_text("machine:\n  network:\n    hostname: from-file\n")
    flags = ["-o", "out", "--additional-sans", "a.example,10.0.0.9", "--additional-sans", "b.example"]
    flags += ["--install-disk", "/dev/vda", "--registry-mirror", "docker.io=http://10.0.0.1:5000"]
    flags += ["--config-patch", "@patch.yaml", "--kubernetes-version", "v1.30.0", "--dns-domain", "d.example"]
    flags += ["--config-patch-worker", '[{"op": "add", "path": "/machine/sysctls", "value": {"vm.swappiness": "1"}}]']
    assert _gen(ichorctl, secrets_file, *flags)[0] == 0
    plane, worker = (load((tmp_path / "out" / f).read_bytes()).v1alpha1 for f in ("controlplane.yaml", "worker.yaml"))
    assert plane.machine.network.hostname == worker.machine.network.hostname == "from-file"
    assert plane.machine.cert_sans == ("a.example", "10.0.0.9", "b.example")
    assert plane.machine.kubelet.image.endswith(":v1.30.0")
    assert plane.cluster.network.dns_domain == "d.example"
    assert worker.machine.sysctls == {"vm.swappiness": "1"}
    assert plane.machine.sysctls == {}


def test_one_type_to_standard_output(ichorctl: Run, secrets_file: str) -> None:
    code, out, err = _gen(ichorctl, secrets_file, "-t", "worker", "-o", "-")
    assert (code, err) == (0, "")
    assert load(out.encode()).v1alpha1.machine.type == "worker"


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        (("-t", "worker,nothing"), 2, "nothing is none of"),
        (("-o", "-"), 2, "- takes one type"),
        (("--registry-mirror", "x"), 2, "write REGISTRY=URL"),
        (
            ("--config-patch", "machine: {typ: x}"),
            1,
            "error: patch:1:11: machine.typ: unknown key 'typ'; did you mean type?",
        ),
        (("--config-patch", "@missing.yaml"), 1, "error: missing.yaml: No such file or directory"),
        (("--config-patch", "machine: {install: {disk: x}}"), 1, "machine.install.disk: must be a device under /dev"),
        (("--kubernetes-version", ""), 2, "not a version"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    ichorctl: Run, secrets_file: str, tmp_path: Path, more: tuple[str, ...], code: int, text: str
) -> None:
    got, out, err = _gen(ichorctl, secrets_file, *more)
    assert (got, out) == (code, "")
    assert text in err
    assert list(tmp_path.iterdir()) == []


def test_an_endpoint_must_be_an_https_url(ichorctl: Run, secrets_file: str) -> None:
    code, _, err = ichorctl("gen", "config", "demo", "http://10.0.0.1:6443", "--with-secrets", secrets_file)
    assert (code, err) == (1, "error: http://10.0.0.1:6443 is not an https URL; write it like https://10.0.0.1:6443\n")


def test_machineconfig_patch(ichorctl: Run, secrets_file: str, tmp_path: Path) -> None:
    _gen(ichorctl, secrets_file, "-t", "worker")
    patches = [
        "-p",
        "machine: {network: {hostname: a}}",
        "-p",
        '[{"op": "test", "path": "/machine/network/hostname", "value": "a"}]',
    ]
    code, out, _ = ichorctl("machineconfig", "patch", "worker.yaml", *patches)
    assert code == 0
    assert load(out.encode()).v1alpha1.machine.network.hostname == "a"
    assert ichorctl("mc", "patch", "worker.yaml", *patches, "-o", "patched.yaml")[:2] == (0, "")
    assert (tmp_path / "patched.yaml").read_text() == out


def test_patches_together_may_make_what_none_makes_alone(ichorctl: Run, secrets_file: str) -> None:
    _gen(ichorctl, secrets_file, "-t", "worker")
    patches = [
        "-p",
        "cluster: {network: {cni: {name: custom}}}",
        "-p",
        "cluster: {network: {cni: {urls: ['https://a/b']}}}",
    ]
    assert ichorctl("mc", "patch", "worker.yaml", *patches)[0] == 0


def test_validate_tells_every_problem_in_its_place(ichorctl: Run, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("machine:\n  typ: worker\n  network:\n    hostnam: a\n")
    code, out, err = ichorctl("validate", "-c", "c.yaml", "-m", "cloud")
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "error: c.yaml:1:1: machine.ca.crt: a worker needs machine.ca.crt or acceptedCAs; make it with `gen config`",
        "error: c.yaml:2:3: machine.typ: unknown key 'typ'; did you mean type?",
        "error: c.yaml:4:5: machine.network.hostnam: unknown key 'hostnam'; did you mean hostname?",
    ]
    code, out, err = ichorctl("validate", "-c", "c.yaml", "-m", "cloud", "-o", "json")
    found = json.loads(out)
    assert (code, err, found["valid"]) == (1, "", False)
    assert [(problem["line"], problem["nearest"]) for problem in found["problems"]][1] == (2, "type")


def test_validate_lists_what_is_kept_and_not_acted_on(ichorctl: Run, secrets_file: str) -> None:
    _gen(ichorctl, secrets_file, "-t", "controlplane")
    code, _, err = ichorctl("validate", "-c", "controlplane.yaml", "-m", "cloud")
    assert code == 0
    assert "warning: machine.features.hostDNS: this node keeps it and does not act on it yet" in err.splitlines()


def test_strict_takes_no_warnings(ichorctl: Run, secrets_file: str, tmp_path: Path) -> None:
    code, out, _ = _gen(ichorctl, secrets_file, "-t", "worker", "-o", "-")
    (tmp_path / "c.yaml").write_text("persist: true\n" + out)
    code, _, err = ichorctl("validate", "-c", "c.yaml", "-m", "container")
    assert code == 0
    assert "warning: c.yaml:1:1: persist: this key is obsolete; remove it" in err.splitlines()
    code, _, err = ichorctl("validate", "-c", "c.yaml", "-m", "container", "--strict")
    assert code == 1
    assert err.startswith("error: c.yaml:1:1: persist: this key is obsolete; remove it\n")
