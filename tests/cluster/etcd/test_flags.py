"""etcd's command line."""

import subprocess

import pytest

from core.cluster.etcd.flags import Launch, Version, arguments, urls
from tests.support.etcd import VERSION, program

LAUNCH = Launch("node-1", ["10.0.0.1", "fd00::1"], ["node-1=https://10.0.0.1:2380"], True)


def told(version: Version, launch: Launch = LAUNCH) -> dict[str, str]:
    pairs = [argument.removeprefix("--").split("=", 1) for argument in arguments(launch, version)]
    assert len({flag for flag, _ in pairs}) == len(pairs)
    return dict(pairs)


def test_addresses_become_urls() -> None:
    assert urls(["10.0.0.1", "fd00::1"], 2380) == ["https://10.0.0.1:2380", "https://[fd00::1]:2380"]
    assert told((3, 5))["initial-advertise-peer-urls"] == "https://10.0.0.1:2380,https://[fd00::1]:2380"
    assert told((3, 5))["listen-client-http-urls"] == "https://[::]:2383"


@pytest.mark.parametrize("version", [(3, 6), (3, 7)])
def test_from_three_six_on_experiments_are_features(version: Version) -> None:
    before, after = told((3, 5)), told(version)
    assert {flag for flag in before if flag.startswith("experimental-")} == before.keys() - after.keys()
    assert {flag: after[flag] for flag in after.keys() - before.keys()} == {
        "feature-gates": "InitialCorruptCheck=true,CompactHashCheck=true",
        "watch-progress-notify-interval": "5s",
    }


def test_a_member_with_data_is_told_of_no_others() -> None:
    assert not {flag for flag in told((3, 5), Launch("n", ["10.0.0.1"])) if flag.startswith("initial-cluster")}


def test_what_an_operator_adds_comes_in_once_for_each_value() -> None:
    extra = {"quota-backend-bytes": ["1"], "experimental-compact-hash-check-enabled": ["false"], "x": ["1", "2"]}
    given = arguments(Launch("n", ["10.0.0.1"], extra=extra), (3, 5))
    assert [each for each in given if each.startswith("--x=")] == ["--x=1", "--x=2"]
    assert [each for each in given if "compact-hash" in each] == ["--experimental-compact-hash-check-enabled=false"]


def test_etcd_knows_every_flag() -> None:
    help_ = subprocess.run([program("etcd"), "--help"], capture_output=True, text=True, check=True)
    missing = [flag for flag in told(VERSION) if f"--{flag} " not in help_.stdout + help_.stderr]
    assert not missing
