"""Property tests take their time on a busy machine, and try the same examples in every run."""

from hypothesis import settings

settings.register_profile("tandem", deadline=None, derandomize=True, database=None)
settings.load_profile("tandem")
