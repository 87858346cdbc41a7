"""What is sealed here is opened by age's own program, whatever its length."""

import subprocess
from pathlib import Path

import pytest

from core.base.errors import Invalid
from core.codec import bech32
from core.pki import age


@pytest.mark.parametrize("length", [0, 1, 65535, 65536, 65537, 200_000])
def test_age_opens_it(tmp_path: Path, length: int) -> None:
    subprocess.run(["age-keygen", "-o", tmp_path / "key"], check=True, capture_output=True)
    told = subprocess.run(["age-keygen", "-y", tmp_path / "key"], check=True, capture_output=True, text=True)
    _, public = bech32.decode(told.stdout.strip())
    data = bytes(range(251)) * (length // 251 + 1)
    (tmp_path / "sealed").write_bytes(age.seal(data[:length], [public]))
    opened = subprocess.run(["age", "-d", "-i", tmp_path / "key", tmp_path / "sealed"], check=True, capture_output=True)
    assert opened.stdout == data[:length]


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid):
        age.seal(b"data", [bytes(32)])
