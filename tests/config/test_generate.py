"""Generated files: loadable by ourselves, the same for the same secrets, and what openssl says of the certificates."""

import base64
import re
import subprocess
import time
from pathlib import Path

import pytest

from core.base.errors import Invalid
from core.codec import yaml
from core.config import bundle, client, generate
from core.config.bundle import Bundle
from core.config.generate import Options
from core.config.load import load
from core.config.problems import ConfigErrors
from core.config.schema.secrets import CertificatePair
from core.pki import pem


def _openssl(*arguments: str, data: bytes = b"") -> str:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout.decode()


def test_machine_configs_follow_from_the_secrets(secrets: Bundle, options: Options) -> None:
    again = bundle.load(bundle.save(secrets))
    assert again == secrets
    for make in (generate.control_plane, generate.worker):
        assert make(again, options) == make(secrets, options)


def test_the_control_plane_config_is_valid_and_holds_what_it_must(secrets: Bundle, options: Options) -> None:
    config = load(generate.control_plane(secrets, options))
    machine, cluster = config.v1alpha1.machine, config.v1alpha1.cluster
    assert config.is_control_plane
    assert config.warnings == ()
    assert machine.ca == secrets.certs.os
    assert machine.cert_sans == ("10.5.0.2", "api.example")
    assert cluster.ca == secrets.certs.k8s
    assert cluster.etcd.ca == secrets.certs.etcd
    assert cluster.aggregator_ca == secrets.certs.aggregator
    assert cluster.service_account == secrets.certs.service_account
    assert cluster.api_server.cert_sans == ("10.5.0.2", "api.example")
    assert (cluster.id, cluster.secret, cluster.cluster_name) == (secrets.cluster.id, secrets.cluster.secret, "demo")


def test_a_worker_config_holds_no_key_of_an_authority(secrets: Bundle, options: Options) -> None:
    text = generate.worker(secrets, options)
    config = load(text)
    assert config.v1alpha1.machine.type == "worker"
    assert config.v1alpha1.machine.ca == CertificatePair(crt=secrets.certs.os.crt)
    values = re.findall(rb": ([A-Za-z0-9+/]{40,}=*)$", text, re.M)
    assert not [value for value in values if b"PRIVATE KEY" in base64.b64decode(value)]


def test_options_reach_the_config(secrets: Bundle) -> None:
    options = Options(
        name="x",
        endpoint="https://[fd00::1]:6443",
        install_disk="/dev/vda",
        install_image="img",
        dns_domain="d.example",
        registry_mirrors=(("docker.io", "http://10.0.0.1:5000"),),
        kubespan=True,
    )
    values = load(generate.control_plane(secrets, options)).v1alpha1
    assert values.machine.install is not None
    assert (values.machine.install.disk, values.machine.install.image) == ("/dev/vda", "img")
    assert values.machine.registries.mirrors["docker.io"].endpoints == ("http://10.0.0.1:5000",)
    assert values.machine.network.kubespan.enabled
    assert values.cluster.network.dns_domain == "d.example"
    assert values.cluster.api_server.cert_sans == ("fd00::1",)


@pytest.mark.parametrize("endpoint", ["10.0.0.1", "http://10.0.0.1:6443", "https://"])
def test_an_endpoint_must_be_an_https_url(secrets: Bundle, endpoint: str) -> None:
    with pytest.raises(Invalid, match="URL"):
        generate.worker(secrets, Options(name="x", endpoint=endpoint))


def test_secrets_have_the_stock_shape(secrets: Bundle) -> None:
    tree = yaml.load(bundle.save(secrets))
    assert isinstance(tree, dict)
    assert {key: sorted(tree[key]) for key in tree} == {
        "cluster": ["id", "secret"],
        "secrets": ["bootstraptoken", "secretboxencryptionsecret"],
        "trustdinfo": ["token"],
        "certs": ["etcd", "k8s", "k8saggregator", "k8sserviceaccount", "os"],
    }
    assert re.fullmatch(r"[0-9a-z]{6}\.[0-9a-z]{16}", tree["trustdinfo"]["token"])
    assert len(base64.b64decode(tree["cluster"]["secret"])) == 32
    assert base64.b64decode(tree["certs"]["os"]["key"]).startswith(b"-----BEGIN ED25519 PRIVATE KEY-----\n")
    assert base64.b64decode(tree["certs"]["k8s"]["key"]).startswith(b"-----BEGIN EC PRIVATE KEY-----\n")
    assert base64.b64decode(tree["certs"]["k8sserviceaccount"]["key"]).startswith(b"-----BEGIN RSA PRIVATE KEY-----\n")


def test_secrets_with_a_hole_are_refused_by_name(secrets: Bundle) -> None:
    text = bundle.save(secrets).replace(b"token: " + secrets.trustd.token.encode(), b"token: ''")
    with pytest.raises(ConfigErrors, match=r"secrets:\d+:\d+: trustdinfo.token: is missing"):
        bundle.load(text)


def test_secrets_come_back_from_a_control_planes_config(secrets: Bundle, options: Options) -> None:
    assert bundle.of_control_plane(load(generate.control_plane(secrets, options))) == secrets
    with pytest.raises(Invalid, match=r"w holds no secrets.secretboxencryptionsecret, certs\.etcd\.crt, .*os\.key"):
        bundle.of_control_plane(load(generate.worker(secrets, options), "w"))


def test_no_secret_is_in_what_a_value_prints(secrets: Bundle, options: Options) -> None:
    config = load(generate.control_plane(secrets, options))
    assert repr(config) == "Config('config', V1Alpha1(version, machine, cluster))"
    assert repr(config.documents) == "(Document(v1alpha1, '', version, machine, cluster),)"
    assert repr(config.v1alpha1) == "V1Alpha1(version, machine, cluster)"
    assert repr(config.v1alpha1.machine.ca) == "CertificatePair(crt, key)"
    assert repr(secrets) == "Bundle(cluster, secrets, trustd, certs)"


@pytest.mark.parametrize(
    ("name", "subject", "kind"),
    [
        ("os", "O = talos", "ED25519"),
        ("k8s", "O = kubernetes", "id-ecPublicKey"),
        ("etcd", "O = etcd", "id-ecPublicKey"),
        ("aggregator", "", "id-ecPublicKey"),
    ],
)
def test_authorities_as_openssl_sees_them(secrets: Bundle, name: str, subject: str, kind: str) -> None:
    pair: CertificatePair = getattr(secrets.certs, name)
    text = _openssl("x509", "-noout", "-text", data=pair.crt)
    assert re.search(rf"Subject: {subject}\n", text)
    assert f"Public Key Algorithm: {kind}" in text
    assert "X509v3 Basic Constraints: critical\n                CA:TRUE" in text
    assert "Digital Signature, Certificate Sign" in text
    assert "TLS Web Server Authentication, TLS Web Client Authentication" in text
    assert _lifetime(pair.crt) == pytest.approx(10 * 365 * 86400, abs=600)
    public = _openssl("x509", "-noout", "-pubkey", data=pair.crt)
    assert public == _openssl("pkey", "-pubout", data=pem.for_openssl(pair.key))


def test_the_service_account_key_as_openssl_sees_it(secrets: Bundle) -> None:
    assert "Private-Key: (4096 bit" in _openssl("pkey", "-noout", "-text", data=secrets.certs.service_account.key)


def test_the_client_config_opens_the_api_for_ninety_days(secrets: Bundle, options: Options, tmp_path: Path) -> None:
    config = client.load(client.save(generate.client_config(secrets, options, time.time())))
    context = config.get()
    assert config.context == "demo"
    text = _openssl("x509", "-noout", "-text", data=context.crt)
    assert "Subject: O = os:admin\n" in text
    assert "X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n" in text
    assert "CA:FALSE" in text
    assert _lifetime(context.crt) == pytest.approx(90 * 86400, abs=600)
    for name, data in (("ca", context.ca), ("crt", context.crt)):
        (tmp_path / name).write_bytes(data)
    arguments = ("-purpose", "sslclient", "-CAfile", str(tmp_path / "ca"), str(tmp_path / "crt"))
    assert _openssl("verify", *arguments).strip().endswith("OK")
    public = _openssl("x509", "-noout", "-pubkey", data=context.crt)
    assert public == _openssl("pkey", "-pubout", data=pem.for_openssl(context.key))


def _lifetime(certificate: bytes) -> float:
    dates = dict(line.split("=") for line in _openssl("x509", "-noout", "-dates", data=certificate).splitlines())
    start, end = (time.mktime(time.strptime(dates[key], "%b %d %H:%M:%S %Y GMT")) for key in ("notBefore", "notAfter"))
    return end - start
