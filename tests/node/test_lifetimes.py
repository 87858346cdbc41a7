"""The command line shortens what certificates live, and does nothing else."""

import pytest

from core.node.lifetimes import SHORTEST, server
from core.pki.types import SERVER_LIFETIME


@pytest.mark.parametrize(
    ("cmdline", "seconds"),
    [
        ("", SERVER_LIFETIME),
        ("talos.platform=container ip=x", SERVER_LIFETIME),
        ("ichor.certificate.lifetime=6s", 6),
        ("ichor.certificate.lifetime=1h panic=1", 3600),
        ("ichor.certificate.lifetime=1h ichor.certificate.lifetime=2h", 7200),
        ("ichor.certificate.lifetime=8760h", SERVER_LIFETIME),
        ("ichor.certificate.lifetime=0", SHORTEST),
        ("ichor.certificate.lifetime=-1h", SHORTEST),
        ("ichor.certificate.lifetime=soon", SERVER_LIFETIME),
        ("ichor.certificate.lifetime=", SERVER_LIFETIME),
        ("xichor.certificate.lifetime=6s", SERVER_LIFETIME),
    ],
)
def test_the_last_word_counts_and_only_shortens(cmdline: str, seconds: int) -> None:
    assert server(cmdline) == seconds
