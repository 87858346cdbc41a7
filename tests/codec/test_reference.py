"""Names of images: what people write, and what is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.codec.reference import Reference

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("user/app", "docker.io/user/app:latest"),
        ("docker.io/app", "docker.io/library/app:latest"),
        ("index.docker.io/app:1", "docker.io/library/app:1"),
        ("registry.k8s.io/etcd:v3.5.16", "registry.k8s.io/etcd:v3.5.16"),
        ("registry.k8s.io/coredns/coredns:v1.11.3", "registry.k8s.io/coredns/coredns:v1.11.3"),
        ("localhost/app", "localhost/app:latest"),
        ("127.0.0.1:5000/a/b__c:x", "127.0.0.1:5000/a/b__c:x"),
        ("[fd00::1]:5000/a", "[fd00::1]:5000/a:latest"),
        (f"example.org/a@{DIGEST}", f"example.org/a@{DIGEST}"),
        (f"example.org/a:v1@{DIGEST}", f"example.org/a@{DIGEST}"),
        (f"a@{DIGEST}", f"docker.io/library/a@{DIGEST}"),
    ],
)
def test_what_is_meant(written: str, meant: str) -> None:
    assert str(Reference.parse(written)) == meant


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "/", "a/", "/a", "a//b", "A/b/C", "a:", "a:b:c", "a:-x", "a b", "a\n", "ab" * 32, "a@", "a@sha256:12"),
        *(f"a@{DIGEST}x", f"a@{DIGEST}@{DIGEST}", "a" * 256, "-a.b/c", "a.b-/c", "a/.b", "a/b..c", "ä", "a:ä"),
        *("http://a.b/c", "a.b:x/c", "../a", "a.b/../c"),
    ],
)
def test_what_is_none(wrong: str) -> None:
    with pytest.raises(Invalid):
        Reference.parse(wrong)


@given(st.text(st.sampled_from("aB9./:@-_[]é\n"), max_size=40) | st.from_regex(r"[a-z.]+(:\d+)?/[a-z/]+(:\w+)?"))
def test_any_text_is_invalid_or_whole(text: str) -> None:
    try:
        found = Reference.parse(text)
    except Invalid:
        return
    assert Reference.parse(str(found)) == found
    assert found.registry
    assert bool(found.tag) is not bool(found.digest)
    assert not set(str(found)) & set(" \n")
