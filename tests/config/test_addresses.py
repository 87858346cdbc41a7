"""Addresses against the standard library's slower parser, names and URLs against what must not pass."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.config.schema.addresses import is_ip, is_name, is_prefix, split_url

ADDRESSES = st.ip_addresses().map(str)
NEAR = ADDRESSES.flatmap(
    lambda text: st.sampled_from([text[:-1], text + "0", text + ".", ":" + text, text.replace(".", ":")])
)


def _oracle(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@given(ADDRESSES | NEAR | st.text("0123456789abcdef:.%", max_size=20))
def test_addresses(text: str) -> None:
    assert is_ip(text) == _oracle(text)


@given(ADDRESSES, st.integers(-1, 200))
def test_prefixes(text: str, length: int) -> None:
    assert is_prefix(f"{text}/{length}") == (0 <= length <= ipaddress.ip_address(text).max_prefixlen)


@pytest.mark.parametrize(
    "text", ["10.0.0.0", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/255.0.0.0", "/8", "fe80::1%eth0/64", "010.0.0.1/8"]
)
def test_not_prefixes(text: str) -> None:
    assert not is_prefix(text)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a", True),
        ("a.b-c.example.", True),
        ("*.example", True),
        ("xn--kln-sna.example", True),
        ("", False),
        ("-a", False),
        ("a..b", False),
        ("a_b", False),
        ("a" * 64, False),
        (".".join(["a" * 60] * 5), False),
        ("a.*.b", False),
    ],
)
def test_names(text: str, good: bool) -> None:
    assert is_name(text) == good


@pytest.mark.parametrize(
    "text", ["", "a", "//a", "https://", "https://a:0x1", "https://[::1", "https://a b", "https://ä"]
)
def test_not_urls(text: str) -> None:
    with pytest.raises(Invalid, match="not a URL"):
        split_url(text)
