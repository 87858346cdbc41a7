"""One cluster's secrets for all tests here: making them takes a second."""

import time

import pytest

from core.config import generate
from core.config.bundle import Bundle
from core.config.generate import Options


@pytest.fixture(scope="session")
def secrets() -> Bundle:
    return generate.new_secrets(time.time())


@pytest.fixture
def options() -> Options:
    return Options(name="demo", endpoint="https://10.5.0.2:6443", additional_sans=("10.5.0.2", "api.example"))
