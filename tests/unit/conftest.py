"""What all tests without containers share."""

from hypothesis import HealthCheck, settings

# They run beside a molecule scenario, on two processors: that one is slow there is no finding.
settings.register_profile(
    "beside others", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("beside others")
