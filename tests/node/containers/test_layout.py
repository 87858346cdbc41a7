"""Image layouts, runtime specs and containerd's configuration, without containerd."""

import io
import json
import resource
import tarfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.clock import SystemClock
from core.base.errors import Invalid
from core.node.containers import spec
from core.node.containers.layout import Layout, chain
from core.node.services.containerd import Settings, config
from core.node.services.table import services
from tests.node.containers import oci

ONE = oci.layer({"hello": b"program"})


def test_an_image_is_found_with_its_parts() -> None:
    (image,) = Layout(io.BytesIO(oci.layout([ONE, ONE], "a.test/b:c"))).images()
    assert image.name == "a.test/b:c"
    assert image.config.config.entrypoint == ["/hello"]
    assert [layer.media_type for layer in image.manifest.layers] == [oci.MEDIA + "layer.v1.tar+gzip"] * 2
    assert chain(image.config.rootfs.diff_ids)[0] == image.config.rootfs.diff_ids[0]
    assert len(set(chain(image.config.rootfs.diff_ids))) == 2


def test_names() -> None:
    nameless = oci.layout([ONE], "")
    with pytest.raises(Invalid, match="has no name"):
        list(Layout(io.BytesIO(nameless)).images())
    assert [image.name for image in Layout(io.BytesIO(nameless)).images("x:y")] == ["x:y"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda files: files.pop("oci-layout"), "no oci-layout"),
        (lambda files: files.update({"index.json": b"{"}), "index.json"),
        (lambda files: files.update({"index.json": b'{"manifests": 3}'}), "index.json"),
        (lambda files: files.pop(max(files, key=lambda name: "blobs" in name and len(files[name]))), "lacks|not what"),
    ],
)
def test_what_is_broken_is_refused(change: Callable[[dict[str, bytes]], object], message: str) -> None:
    with tarfile.open(fileobj=io.BytesIO(oci.layout([ONE], "n"))) as tar:
        files = {m.name: opened.read() for m in tar if (opened := tar.extractfile(m)) is not None}
    change(files)
    with pytest.raises(Invalid, match=message):
        for image in Layout(io.BytesIO(oci.layer(files))).images():
            Layout(io.BytesIO(oci.layer(files))).blob(image.manifest.layers[0])


@given(st.binary(max_size=3000))
def test_any_bytes_are_invalid(data: bytes) -> None:
    with pytest.raises(Invalid):
        list(Layout(io.BytesIO(data)).images())


def test_an_escaping_digest_is_refused() -> None:
    evil = json.dumps({"manifests": [{"mediaType": "x", "digest": "sha256:../../etc/passwd", "size": 1}]}).encode()
    tar = oci.layer({"oci-layout": b"{}", "index.json": evil})
    with pytest.raises(Invalid, match="no digest"):
        list(Layout(io.BytesIO(tar)).images("x"))


def test_a_spec_asks_for_nothing_the_node_lacks() -> None:
    choices = spec.Choices(["/x"], capabilities=("CAP_CHOWN", "CAP_SYS_RESOURCE"), oom_score=-999, host_network=True)
    made = json.loads(spec.build(choices, frozenset({"CAP_CHOWN"})))
    assert made["process"]["capabilities"]["bounding"] == ["CAP_CHOWN"]
    assert "oomScoreAdj" not in made["process"]
    assert [n["type"] for n in made["linux"]["namespaces"]] == ["mount", "ipc", "uts", "pid"]
    full = json.loads(spec.build(choices, frozenset({"CAP_CHOWN", "CAP_SYS_RESOURCE"})))
    assert full["process"]["oomScoreAdj"] == -999


def test_a_mount_stands_in_for_what_would_be_at_or_below_it() -> None:
    plain = json.loads(spec.build(spec.Choices(["/x"]), frozenset()))
    usual = [mount["destination"] for mount in plain["mounts"]]
    assert "rootfsPropagation" not in plain["linux"]
    mounts = [spec.Mount("/dev", "/dev", ("rbind", "rw")), spec.Mount("/system", "/sys/x"), spec.Mount("/p", "/proc")]
    made = json.loads(spec.build(spec.Choices(["/x"], mounts=mounts, propagation="shared"), frozenset()))
    assert made["linux"]["rootfsPropagation"] == "shared"
    left = [place for place in usual if place not in ("/proc", "/dev") and not place.startswith("/dev/")]
    assert [mount["destination"] for mount in made["mounts"]] == [*left, "/dev", "/sys/x", "/proc"]


def test_limits_are_named_as_the_runtime_wants_them() -> None:
    limits = [(resource.RLIMIT_NOFILE, 1024, 10240)]
    made = json.loads(spec.build(spec.Choices(["/x"], limits=limits), frozenset()))
    assert made["process"]["rlimits"] == [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 10240}]


def test_a_privileged_one_gets_what_containerd_has_to_give() -> None:
    held = frozenset({"CAP_SYS_BOOT", "CAP_SYS_MODULE", "CAP_SYS_ADMIN"})
    made = json.loads(spec.build(spec.Choices(["/x"], privileged=True), held))
    assert made["process"]["capabilities"]["effective"] == ["CAP_SYS_ADMIN"]


def test_the_configuration_says_what_the_settings_say() -> None:
    made = tomllib.loads(config(Settings(root=Path('/odd "path'), adjusts_oom=False)))
    assert (made["version"], made["root"], made["state"]) == (2, '/odd "path', "/run/containerd")
    assert made["grpc"]["address"] == "/run/containerd/containerd.sock"
    cri = made["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["restrict_oom_score_adj"] is True
    assert cri["cni"] == {"bin_dir": "/opt/cni/bin", "conf_dir": "/etc/cni/net.d"}
    runc = cri["containerd"]["runtimes"]["runc"]
    assert (runc["runtime_type"], runc["options"]["SystemdCgroup"]) == ("io.containerd.runc.v2", False)


def test_the_table_names_every_service_once_and_only_known_ones() -> None:
    table = services(SystemClock(), Settings())
    ids = [service.id for service in table]
    assert ids == ["spawner", "machined", "apid", "trustd", "containerd", "cri"]
    assert all(other in ids for service in table for other in (*service.after, service.same_process_as or service.id))
