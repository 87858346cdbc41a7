"""How long a cluster took: containerd's words on its images, and the table that is made of what nodes say."""

from core.provision.timeline import Pull, Times, pulls, rows

LOG = rb"""time="2026-11-23T22:07:22.423020809Z" level=info msg="PullImage \"a.test/etcd:v3\""
time="2026-11-23T22:07:25.500000000Z" level=info msg="Pulled image \"a.test/etcd:v3\" with image id \"sha256:b7\", repo tag \"a.test/etcd:v3\", repo digest \"a.test/etcd@sha256:43\", size \"17\" in 2.5s"
time="2026-11-23T22:07:25.600000000Z" level=info msg="Pulled image \"a.test/pause:3.8\" with image id \"sha256:1b\", repo tag \"\", size \"3\" in 13.31ms"
time="2026-11-23T22:08:26.000000000Z" level=info msg="Pulled image \"a.test/kubelet:v1\" with image id \"sha256:c8\", size \"66\" in 1m2.5s"
cut off"""  # noqa: E501 - as it is written
BEGAN = 1795471640.0  # 22:07:20


def test_what_came_is_known_and_what_was_there_is_not() -> None:
    assert pulls(LOG) == [
        Pull("a.test/etcd:v3", BEGAN + 3.0, BEGAN + 5.5),
        Pull("a.test/kubelet:v1", BEGAN + 3.5, BEGAN + 66.0),
    ]


def test_images_that_come_together_count_once() -> None:
    overlapping = (Pull("a", 3.0, 5.5), Pull("b", 3.5, 66.0), Pull("c", 70.0, 71.0), Pull("d", 4.0, 5.0))
    assert Times("node", {}, 0.0, overlapping).pulling == 64.0


def test_a_line_says_what_was_well_when() -> None:
    node = Times("w", {"apid": 101.25, "kubelet": 109.0}, 130.0, (Pull("a", 103.0, 105.5),))
    assert rows([node], 100.0) == [("w", "1.2", "-", "-", "9.0", "30.0", "2.5 (1)")]
