"""Who made a certificate, as openssl verifies it; and one authority that vouches for another."""

import subprocess
from pathlib import Path

import pytest

from core.base.errors import Invalid
from core.pki import issue, lineage, pem
from core.pki.types import Algorithm, Authority, Client, Pair, Server
from tests.pki.conftest import NOW


def _verified(folder: Path, crt: bytes, root: bytes, between: bytes = b"") -> bool:
    for name, data in (("crt", crt), ("root", root), ("between", between or root)):
        (folder / name).write_bytes(data)
    command = ["openssl", "verify", "-x509_strict", "-attime", str(int(NOW) + 60), "-CAfile", "root"]
    command += ["-untrusted", "between", "crt"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def _of(crt: bytes) -> lineage.Lineage:
    return lineage.read(pem.certificates(crt)[0])


@pytest.mark.parametrize("algorithm", [*Algorithm])
def test_a_certificate_names_its_authority_and_no_other(
    authorities: dict[Algorithm, Pair], algorithm: Algorithm
) -> None:
    leaf = _of(issue.client(Client(NOW, authorities[algorithm], ("system:nodes",), "system:node:n")).crt)
    assert [kind for kind, ca in authorities.items() if leaf.made_by(_of(ca.crt))] == [algorithm]
    own = _of(authorities[algorithm].crt)
    assert own.made_by(own)


def test_names_alone_tell_where_keys_have_no_names() -> None:
    authority = lineage.Lineage(b"a", b"a", b"key")
    assert lineage.Lineage(b"b", b"a").made_by(authority)
    assert not lineage.Lineage(b"b", b"a", b"", b"other").made_by(authority)
    assert not lineage.Lineage(b"b", b"c").made_by(authority)


def test_what_an_authority_signs_names_its_key_as_the_authority_does(tmp_path: Path) -> None:
    """Some derive that name in another way."""
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /O=k -days 9000 -keyout k -out c"
    (tmp_path / "config").write_text(
        "[req]\ndistinguished_name = name\nx509_extensions = odd\n[name]\n[odd]\nsubjectKeyIdentifier = 0102030405\n"
        "basicConstraints = critical,CA:true\nkeyUsage = critical,keyCertSign\n"
    )
    subprocess.run(["openssl", *command.split(), "-config", "config"], cwd=tmp_path, check=True, capture_output=True)
    pair = Pair((tmp_path / "c").read_bytes(), (tmp_path / "k").read_bytes())
    leaf = issue.client(Client(NOW, pair, (), "somebody"))
    assert _of(leaf.crt).authoritys_key == bytes.fromhex("0102030405")
    assert _verified(tmp_path, leaf.crt, pair.crt)


@pytest.mark.parametrize("algorithm", [*Algorithm])
def test_who_believes_the_old_one_alone_follows_it_to_the_new(
    authorities: dict[Algorithm, Pair], algorithm: Algorithm, tmp_path: Path
) -> None:
    old, new = authorities[Algorithm.P256], issue.authority(Authority(NOW, algorithm, "kubernetes", "after it"))
    crt = issue.server(Server(NOW, new, "kube-apiserver", ("kubernetes",))).crt
    between = issue.vouched(new.crt, old, NOW)
    assert _verified(tmp_path, between, old.crt)
    assert not _verified(tmp_path, crt, old.crt)
    assert _verified(tmp_path, crt, old.crt, between)
    assert _verified(tmp_path, crt, new.crt, between)
    for found in (_of(between), _of(new.crt)):
        assert _of(crt).made_by(found)


def test_an_identity_is_of_the_first_however_it_is_wrapped(ca: Pair, authorities: dict[Algorithm, Pair]) -> None:
    other = authorities[Algorithm.P256].crt
    wrapped = ca.crt.replace(b"\n", b"\r\n") + other
    assert lineage.identity(wrapped) == lineage.identity(ca.crt) != lineage.identity(other)
    assert pem.first(wrapped) == (ca.crt, other)


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"\x30\x03\x02\x01\x00"])
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        lineage.read(data)
