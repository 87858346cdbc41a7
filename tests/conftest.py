"""Settings of all tests."""

from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.support.limits", "tests.support.results")

# a busy machine is slow, and that is no failure
settings.register_profile("ichor", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ichor")
