"""The table of releases, against the flags that each one publishes."""

from pathlib import Path

import pytest

from core.base.errors import Invalid
from core.cluster.kubernetes import versions
from core.config import images
from tests.cluster.kubernetes import published
from tests.support import compatpage


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("registry.k8s.io/kube-apiserver:v1.34.1", (1, 34)),
        ("registry.k8s.io/kube-apiserver:1.20.2", (1, 20)),
        ("host:5000/kube-apiserver:v1.37.0-rc.1", (1, 37)),
        ("kube-apiserver:v1.33.2-fips@sha256:" + 64 * "0", (1, 33)),
        ("host:5000/kube-apiserver", versions.NEWEST),
        ("kube-apiserver:latest", versions.NEWEST),
        ("kube-apiserver@sha256:" + 64 * "0", versions.NEWEST),
        ("kube-apiserver:v1.99.0", versions.NEWEST),
        ("kube-apiserver:v2.0.0", versions.NEWEST),
    ],
)
def test_an_image_names_its_release(image: str, release: versions.Release) -> None:
    assert versions.of(image) == release


def test_what_is_too_old_is_refused() -> None:
    with pytest.raises(Invalid, match="older"):
        versions.of("kube-apiserver:v1.19.16")


def test_the_table_reaches_what_is_generated() -> None:
    assert versions.of(f"x:v{images.KUBERNETES}") == versions.NEWEST
    assert f"v{images.KUBERNETES}".startswith("v{}.{}.".format(*versions.NEWEST))


@pytest.mark.parametrize("release", versions.ALL)
def test_no_flag_is_told_that_is_not_there(release: versions.Release) -> None:
    for program, flag, _, _ in versions._FLAGS:
        if versions.has(program, flag, release):
            assert flag in published.flags(program, release), (program, flag)


def test_the_page_of_releases_is_of_this_table() -> None:
    page = Path(__file__).parents[3] / "docs/compat.md"
    assert page.read_text() == compatpage.page(), "run `make docs`"
