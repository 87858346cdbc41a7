"""Manifests of the config's own: written out in it, or served by somebody."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from core.base.errors import Invalid, NotReady
from core.cluster.kubernetes.fetching import fetch
from core.node.controllers.k8s.manifests import ExtraManifests
from core.node.resources.k8s import ExtraManifest, ExtraManifestsConfig, Manifest
from core.node.resources.network import NetworkStatus
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop

TEXT = b"kind: A\n---\n---\nkind: List\nitems: [{kind: B}, {kind: C}]\n"


class Web(http.server.BaseHTTPRequestHandler):
    """One page, seen by who knows the word; others lead there, or nowhere."""

    def do_GET(self) -> None:
        match self.path:
            case "/page?v=1" if self.headers.get("Authorization") == "word":
                self.answer(200, TEXT)
            case "/moved":
                self.answer(302, b"", Location="/page?v=1")
            case "/elsewhere":
                self.answer(302, b"", Location=f"http://localhost:{self.connection.getsockname()[1]}/page?v=1")
            case "/loop":
                self.answer(302, b"", Location="/loop")
            case _:
                self.answer(403, b"")

    def answer(self, code: int, body: bytes, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_page_is_fetched_with_what_its_server_asks_for(web: str) -> None:
    headers = {"Authorization": "word"}
    assert fetch(f"{web}/page?v=1", headers) == TEXT
    assert fetch(f"{web}/moved", headers) == TEXT
    with pytest.raises(NotReady, match="403"):
        fetch(f"{web}/elsewhere", headers)  # which is no other server's to know
    with pytest.raises(NotReady, match="403"):
        fetch(f"{web}/page?v=1", {})
    with pytest.raises(Invalid, match="redirects"):
        fetch(f"{web}/loop", headers)
    with pytest.raises(Invalid, match="no URL of a web server"):
        fetch("file:///etc/hosts", {})
    with pytest.raises(NotReady, match="refused"):
        fetch("http://127.0.0.1:1/", {})


@on_loop
async def test_what_is_there_comes_and_what_is_not_keeps_nothing(web: str) -> None:
    clock = FakeClock()
    house = House(clock, [ExtraManifests()])
    served = ExtraManifest(name="web", url=f"{web}/page?v=1", priority="05", extra_headers={"Authorization": "word"})
    missing = ExtraManifest(name="missing", url=f"{web}/missing", priority="05")
    inline = ExtraManifest(name="inline", priority="99", inline_manifest="kind: D")
    broken = ExtraManifest(name="broken", priority="99", inline_manifest="kind: [")
    house.put("extra-manifests", ExtraManifestsConfig(extra_manifests=(missing, broken, served, inline)))
    async with house.running():
        await house.until(lambda: list(house.all(Manifest)) == ["99-inline"])
        house.put("status", NetworkStatus(address_ready=True))
        await house.until(lambda: list(house.all(Manifest)) == ["05-web", "99-inline"])
        assert [item.object["kind"] for item in house.all(Manifest)["05-web"].items] == ["A", "B", "C"]
        house.put("extra-manifests", ExtraManifestsConfig(extra_manifests=(inline,)))
        await house.until(lambda: list(house.all(Manifest)) == ["99-inline"])
