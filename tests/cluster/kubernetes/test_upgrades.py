"""Versions in order, the ways between them, and what they have no more, against what each release publishes."""

import functools
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid, Unsupported
from core.cluster.kubernetes import removed, versions
from core.cluster.kubernetes.controlplane import PROGRAMS
from core.cluster.kubernetes.upgrades import Version, check, check_kubelet, lowest, retagged, tagged
from tests.cluster.kubernetes import published
from tests.support.apiserver import ApiServer

# each before the next (semver.org, 11)
ORDER = ("1.9.9", "1.20.2", "1.20.15", "1.37.0-alpha", "1.37.0-alpha.1", "1.37.0-rc.2", "1.37.0-rc.10", "1.37.0")
_small = st.integers(0, 40)


@given(_small, _small, _small, st.sampled_from(("", "-rc.1", "-alpha", "-0.3.7")), st.sampled_from(("", "v")))
def test_a_version_is_read_as_it_is_written(major: int, minor: int, patch: int, labels: str, mark: str) -> None:
    text = f"{major}.{minor}.{patch}{labels}"
    version = Version.parse(mark + text)
    assert str(version) == text
    assert tagged(retagged("host:5000/kube-proxy@sha256:0", version)) == version


def test_versions_are_in_order() -> None:
    for early, late in pairwise(ORDER):
        assert Version.parse(early) < Version.parse(late)
    assert lowest([None, Version.parse("1.21.0"), Version.parse("1.20.9")]) == Version.parse("1.20.9")
    with pytest.raises(Invalid, match="no image of the cluster"):
        lowest([None])
    for wrong in ("", "1.34", "v1", "1.34.1.2", "1.x.0", "latest"):
        with pytest.raises(Invalid, match="is no version"):
            Version.parse(wrong)


@pytest.mark.parametrize(
    ("image", "version", "after"),
    [
        ("registry.k8s.io/kube-proxy:v1.34.1", "1.34.1", "registry.k8s.io/kube-proxy:v1.35.0"),
        ("host:5000/own/kube-proxy:1.34.1@sha256:" + 64 * "0", "1.34.1", "host:5000/own/kube-proxy:v1.35.0"),
        ("host:5000/kube-proxy", None, "host:5000/kube-proxy:v1.35.0"),
        ("kube-proxy:latest", None, "kube-proxy:v1.35.0"),
        ("kube-proxy@sha256:" + 64 * "0", None, "kube-proxy:v1.35.0"),
    ],
)
def test_an_image_of_another_version_is_in_the_same_place(image: str, version: str | None, after: str) -> None:
    assert tagged(image) == (version and Version.parse(version))
    assert retagged(image, Version.parse("1.35.0")) == after


@pytest.mark.parametrize("after", ["1.20.2", "1.20.1", "1.20.15", "1.21.0", "1.21.0-rc.1"])
def test_a_cluster_goes_on_by_one_minor_and_to_any_patch(after: str) -> None:
    check(Version.parse("1.20.2"), Version.parse(after))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("1.20.2", "1.22.0", "skipped; go to 1.21 first"),
        ("1.21.0", "1.20.15", "older minor"),
        ("1.19.0", "1.19.1", "releases 1.20 to 1.37"),
        ("1.37.0", "1.38.0", "not known"),
        ("1.37.0", "2.0.0", "not known"),
    ],
)
def test_no_other_way_leads_anywhere(before: str, after: str, says: str) -> None:
    with pytest.raises(Unsupported, match=says):
        check(Version.parse(before), Version.parse(after))


@pytest.mark.parametrize(("after", "behind"), [("1.22.0", 2), ("1.27.0", 2), ("1.28.0", 3), ("1.37.0", 3)])
def test_a_kubelet_stays_behind_as_far_as_it_may(after: str, behind: int) -> None:
    plane = Version.parse(after)
    for minor in range(plane.minor - 5, plane.minor + 2):
        kubelet = plane._replace(minor=minor)
        if 0 <= plane.minor - minor <= behind:
            check_kubelet(kubelet, plane)
        else:
            with pytest.raises(Unsupported, match="cannot stay"):
                check_kubelet(kubelet, plane)


@pytest.mark.parametrize("program", [*PROGRAMS, "kubelet", "kube-proxy"])
def test_flags_that_are_gone_are_those_that_no_release_publishes_any_more(program: str) -> None:
    every = functools.reduce(frozenset.union, (published.flags(program, release) for release in versions.ALL))
    for release in versions.ALL:
        later = [published.flags(program, each) for each in versions.ALL if each >= release]
        gone = every - frozenset[str]().union(*later)
        assert removed.flags(program, release, every) == sorted(gone)


def test_what_was_asked_for_and_will_be_gone_is_told(apiserver: ApiServer) -> None:
    apiserver.kubectl("get", "--raw", "/apis/extensions/v1beta1/ingresses")
    metrics = apiserver.kubectl("get", "--raw", "/metrics")
    assert "ingresses of extensions/v1beta1" in removed.requested(metrics, (1, 22))
    assert removed.requested(metrics, (1, 20)) == []
