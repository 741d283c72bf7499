"""The long run: `python -m pytest -n 0 tests/fuzz --hypothesis-profile long`."""
from __future__ import annotations

from hypothesis import HealthCheck, settings

COMMON = dict(deadline=None, database=None, suppress_health_check=list(HealthCheck))

settings.register_profile('long', max_examples=2000, **COMMON)
settings.register_profile('short', max_examples=50, derandomize=True, **COMMON)
