"""A text from a web server, for whoever can wait: this blocks, so that it belongs on a thread. Follows redirects,
believes the authorities that the image holds, and refuses what is too large or no good answer."""

import http.client
import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

from core.base.errors import Invalid, NotReady

SECONDS: Final = 30.0  # without a byte
LIMIT: Final = 16 << 20
_REDIRECTS: Final = 5


def fetch(url: str, headers: Mapping[str, str]) -> bytes:
    """What is there. Headers go to the server that is named, and to no other that it leads to. Raises NotReady, which
    another try may heal, and Invalid."""
    named = urlsplit(url).netloc
    for _ in range(_REDIRECTS + 1):
        told = dict(headers) if urlsplit(url).netloc == named else {}
        body, further = _once(url, told)
        if not further:
            return body
        url = urljoin(url, further)
    raise Invalid(f"{url}: more than {_REDIRECTS} redirects")


def _once(url: str, headers: Mapping[str, str]) -> tuple[bytes, str]:
    """The body, or where else to look."""
    parts = urlsplit(url)
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    connection = _connection(parts.scheme, parts.hostname or "", parts.port, url)
    try:
        connection.request("GET", path, headers={"User-Agent": "ichor", **headers})
        answer = connection.getresponse()
        if answer.status in (301, 302, 303, 307, 308):
            return b"", answer.headers.get("Location") or ""
        if answer.status != http.HTTPStatus.OK:
            raise NotReady(f"{url}: {answer.status} {answer.reason}")
        body = answer.read(LIMIT + 1)
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"{url}: {error}") from None
    finally:
        connection.close()
    if len(body) > LIMIT:
        raise Invalid(f"{url}: more than {LIMIT >> 20} MiB")
    return body, ""


def _connection(scheme: str, host: str, port: int | None, url: str) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=ssl.create_default_context())
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=SECONDS)
    raise Invalid(f"{url} is no URL of a web server")
