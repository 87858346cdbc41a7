"""Settings of all tests."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.support.limits", "tests.support.results")

# a busy machine is slow, and that is no failure
settings.register_profile("ichor", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ichor")


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Long bytes and texts have an id of their size: to spell a megabyte out takes an instrumented Python minutes."""
    return f"{argname}-{len(val)}" if isinstance(val, bytes | str) and len(val) > 256 else None
