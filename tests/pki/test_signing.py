"""Raw Ed25519 against the vectors of RFC 8032, section 7.1."""

import pytest

from core.base.errors import Denied
from core.pki import signing

VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_rfc(seed: str, public: str, message: str, signature: str) -> None:
    key, text = bytes.fromhex(public), bytes.fromhex(message)
    assert signing.public_key(bytes.fromhex(seed)) == key
    assert signing.sign(bytes.fromhex(seed), text).hex() == signature
    signing.verify(key, bytes.fromhex(signature), text)
    with pytest.raises(Denied):
        signing.verify(key, bytes.fromhex(signature), text + b"!")
    assert len(signing.generate()) == 32
