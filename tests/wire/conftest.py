"""How the property tests of this room run: the same examples every time, at leisure."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")
