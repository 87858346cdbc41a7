"""containerd's folder of registries, read back by a TOML parser."""

import tomllib
from typing import Any

from core.node.controllers.cri.hosts import files
from core.node.resources.cri import RegistriesConfig, RegistryEndpoint, RegistryMirror, RegistryTLS
from core.node.resources.values import CertificateAndKey

PULLS, NEVER = ["pull", "resolve"], ["push"]


def mirror(*urls: str, override: bool = False, skip: bool = False) -> RegistryMirror:
    endpoints = tuple(RegistryEndpoint(endpoint_endpoint=url, endpoint_override_path=override) for url in urls)
    return RegistryMirror(mirror_endpoints=endpoints, mirror_skip_fallback=skip)


def read(config: RegistriesConfig, folder: str) -> dict[str, Any]:
    return tomllib.loads(files(config)[f"{folder}/hosts.toml"][0].decode())


def test_nothing_asked_for_is_no_file() -> None:
    assert files(RegistriesConfig()) == {}
    assert files(RegistriesConfig(registry_mirrors={"*": RegistryMirror()})) == {}


def test_mirrors_come_before_the_registry_in_their_order() -> None:
    config = RegistriesConfig(registry_mirrors={"docker.io": mirror("https://b", "http://a:5000/x", "https://b")})
    made = read(config, "docker.io")
    assert (made["server"], made["capabilities"]) == ("https://registry-1.docker.io", NEVER)
    assert list(made["host"]) == ["https://b", "http://a:5000/x", "https://registry-1.docker.io"]
    assert all(host == {"capabilities": PULLS} for host in made["host"].values())


def test_a_registry_that_shall_not_be_asked_is_asked_for_nothing() -> None:
    config = RegistriesConfig(registry_mirrors={"a.b:5000": mirror("https://c", override=True, skip=True)})
    made = read(config, "a.b_5000_")
    assert made["host"]["https://c"] == {"capabilities": PULLS, "override_path": True}
    assert made["host"]["https://a.b:5000"] == {"capabilities": NEVER}


def test_all_others_go_to_theirs() -> None:
    config = RegistriesConfig(registry_mirrors={"*": mirror("https://c"), "own": mirror("https://d")})
    made = read(config, "_default")
    assert list(made) == ["host"]  # at the top containerd puts the registry that is meant
    assert list(made["host"]) == ["https://c"]
    alone = read(RegistriesConfig(registry_mirrors={"*": mirror("https://c", skip=True)}), "_default")
    assert (alone["server"], alone["capabilities"]) == ("https://c", NEVER)


def test_one_with_a_certificate_keeps_the_mirrors_of_all() -> None:
    tls = RegistryTLS(tlsca=b"ca", tls_client_identity=CertificateAndKey(crt=b"crt", key=b"key"))
    careless = RegistryTLS(tls_insecure_skip_verify=True)
    config = RegistriesConfig(
        registry_mirrors={"*": mirror("https://c:1")},
        registry_tl_ss={"a.b": tls, "c:1": careless, "registry-1.docker.io": careless},
    )
    made = read(config, "a.b")
    assert made["host"]["https://c:1"] == {"capabilities": PULLS, "skip_verify": True}
    own = made["host"]["https://a.b"]
    assert own == {"capabilities": PULLS, "ca": "a.b.ca.pem", "client": [["a.b.crt.pem", "a.b.key.pem"]]}
    written = files(config)
    assert written["a.b/a.b.ca.pem"] == (b"ca", 0o644)
    assert written["a.b/a.b.key.pem"] == (b"key", 0o600)
    assert read(config, "docker.io")["host"]["https://registry-1.docker.io"]["skip_verify"] is True


def test_what_has_quotes_in_it_stays_one_value() -> None:
    url = 'https://a/"]\\x'
    config = RegistriesConfig(registry_mirrors={"a": mirror(url)})
    assert list(read(config, "a")["host"]) == [url, "https://a"]
