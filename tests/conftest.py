"""What every test shares."""

from __future__ import annotations

from hypothesis import settings

# Fixed examples, and no deadline: how long one takes says something of the machine, not of the code.
settings.register_profile("embver", deadline=None, derandomize=True, database=None)
settings.load_profile("embver")
