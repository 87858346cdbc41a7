"""A certificate that is about to end is told in time, and never where programs read."""

import time
from pathlib import Path

import pytest

from core.cli import expiry
from core.config import client
from core.pki import issue
from core.pki.types import Algorithm, Authority, Client
from tests.cli.conftest import Run

DAY = 24 * 3600
CA = issue.authority(Authority(time.time() - 100 * DAY, Algorithm.ED25519, "talos"))


def _context(issued: float, life: float) -> client.Context:
    made = issue.client(Client(issued, CA, ("os:reader",), lifetime=int(life)))
    return client.Context(ca=CA.crt, crt=made.crt, key=made.key, endpoints=("127.0.0.1:1",))


@pytest.mark.parametrize(
    ("life", "left", "said"),
    [
        (90 * DAY, 8 * DAY, ""),
        (90 * DAY, 7 * DAY - 1, "ends in 6 days; make another by `ichorctl config renew`"),
        (90 * DAY, DAY, "ends in 1 day;"),
        (DAY, DAY, ""),
        (DAY, 5 * 3600, ""),
        (DAY, 4.7 * 3600, "ends in 4 hours;"),
        (3600, 90, "ends in 1 minute;"),
        (3600, 30, "ends in less than a minute;"),
        (DAY, 0, "ended at 2027-01-16T08:00:00Z; make another by `ichorctl config renew --from-secrets FILE`"),
        (DAY, -DAY, "ended at 2027-01-16T08:00:00Z;"),
    ],
)
def test_a_fifth_of_its_life_before_its_end_and_a_week_at_most(
    life: int, left: float, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    issued = 1_800_000_000.0 + DAY - life
    expiry.remind(_context(issued, life), issued + life - left)
    out, err = capfd.readouterr()
    assert out == ""
    assert (said in err and err.startswith("warning: the client certificate ")) if said else err == ""


def test_who_has_none_is_not_reminded(capfd: pytest.CaptureFixture[str]) -> None:
    expiry.remind(client.Context(), 0)
    assert capfd.readouterr() == ("", "")


def test_verbs_say_it_on_standard_error_and_renewing_does_not(
    ichorctl: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = _context(time.time() - 89 * DAY, 90 * DAY)
    (tmp_path / "old").write_bytes(client.save(client.ClientConfig(context="c", contexts={"c": context})))
    monkeypatch.setenv("ICHORCONFIG", str(tmp_path / "old"))
    for verb in (("version", "-o", "json"), ("get", "links", "-o", "json"), ("service",)):
        code, out, err = ichorctl(*verb)
        assert (code, out) == (1, "")
        assert err.startswith("warning: the client certificate ends in 23 hours; ")
        assert err.count("warning") == 1
    for below in ("renew", "contexts"):
        assert "warning" not in ichorctl("config", below)[2]
