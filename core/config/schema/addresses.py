"""Addresses, names and URLs. Values stay text as written; reading them only proves that they are what they claim."""

import re
from collections.abc import Callable
from socket import AF_INET, AF_INET6, inet_pton
from typing import Annotated, Final
from urllib.parse import SplitResult, urlsplit

from core.base.errors import Invalid
from core.config.schema.base import Scalar

_LENGTH: Final = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)


def is_ip(text: str) -> bool:
    """Whether `text` is one IPv4 or IPv6 address, the latter perhaps with a zone."""
    family, address = AF_INET, text
    if ":" in text:
        family = AF_INET6
        address, percent, zone = text.partition("%")
        if percent and not zone:
            return False
    try:
        inet_pton(family, address)
    except (OSError, ValueError):
        return False
    return True


def is_prefix(text: str) -> bool:
    """Whether `text` is an address with the length of a prefix."""
    address, _, length = text.rpartition("/")
    most = 128 if ":" in address else 32
    return bool(_LENGTH.fullmatch(length)) and int(length) <= most and "%" not in address and is_ip(address)


def is_name(text: str) -> bool:
    """Whether `text` is a DNS name (RFC 1123), its first label possibly a wildcard."""
    labels = text.removesuffix(".").removeprefix("*.").split(".")
    return len(text) <= 253 and all(map(_LABEL.fullmatch, labels))


def _ip(text: str) -> str:
    if text and not is_ip(text):
        raise Invalid("not an IP address", remedy="write it like 10.0.0.1 or fd00::1")
    return str(text)


def _cidr(text: str) -> str:
    if text and not is_prefix(text):
        raise Invalid("not an address range", remedy="write it like 10.0.0.0/24 or fd00::/64")
    return str(text)


def _route(text: str) -> str:
    return _cidr("" if text == "default" else text) or str(text)


def _negatable(text: str) -> str:
    _cidr(text.removeprefix("!"))
    return str(text)


def _interface_address(text: str) -> str:
    if text and not is_prefix(text) and (not is_ip(text) or "%" in text):
        raise Invalid("not an address", remedy="write it like 10.0.0.2/24 or fd00::2/64")
    return str(text)


def _hostname(text: str) -> str:
    if text and not (is_name(text) and "*" not in text):
        raise Invalid(
            "not a host name", remedy="labels of letters, digits and inner hyphens, at most 63 characters each"
        )
    return str(text)


def _san(text: str) -> str:
    if not (is_ip(text) or is_name(text)):
        raise Invalid("neither an IP address nor a DNS name")
    return str(text)


def split_url(text: str) -> SplitResult:
    """The parts of an absolute URL with a host. Raises Invalid."""
    if not text.isascii():  # and urlsplit would import unicodedata late
        raise Invalid("not a URL: not ASCII", remedy="write a host name of other letters as xn--...")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise Invalid(f"not a URL: {error}") from None
    if not parts.scheme or not parts.hostname or any(c.isspace() for c in text):
        raise Invalid("not a URL", remedy="write it with scheme and host, like https://10.0.0.1:6443")
    return parts


def _url(*schemes: str, port: bool = False) -> Callable[[str], str]:
    def parse(text: str) -> str:
        parts = split_url(text)
        if schemes and parts.scheme not in schemes:
            raise Invalid(f"scheme {parts.scheme} is not taken here", remedy=f"take {' or '.join(schemes)}")
        if port and parts.port is None:
            raise Invalid("the URL names no port")
        return str(text)

    return parse


def _host_port(text: str) -> str:
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host[:1] == "[" and host[-1:] == "]" else host
    if not colon or not (port.isascii() and port.isdigit() and int(port) < 65536) or not (is_ip(bare) or is_name(bare)):
        raise Invalid("not an address with a port", remedy="write it like 10.0.0.1:51820 or [fd00::1]:51820")
    return str(text)


Ip = Annotated[str, Scalar("an IP address", _ip)]
Cidr = Annotated[str, Scalar("an address range such as 10.0.0.0/24", _cidr)]
RouteNetwork = Annotated[str, Scalar("an address range or default", _route)]
NegatableCidr = Annotated[str, Scalar("an address range, ! before it excludes", _negatable)]
InterfaceAddress = Annotated[str, Scalar("an address with or without a prefix length", _interface_address)]
Hostname = Annotated[str, Scalar("a host name", _hostname)]
San = Annotated[str, Scalar("an IP address or a DNS name", _san)]
Url = Annotated[str, Scalar("a URL", _url())]
HttpsUrl = Annotated[str, Scalar("an https URL", _url("https"))]
HttpUrl = Annotated[str, Scalar("an http or https URL", _url("http", "https"))]
LogUrl = Annotated[str, Scalar("a tcp:// or udp:// URL with a port", _url("tcp", "udp", port=True))]
HostPort = Annotated[str, Scalar("an address with a port", _host_port)]
