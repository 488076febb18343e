"""Settings that every test shares."""

from __future__ import annotations

import hypothesis

# The same examples every time, so that a red run blames the change at hand; and no
# deadline, since first calls compile and machines differ.
hypothesis.settings.register_profile("memmetrics", deadline=None, derandomize=True)
hypothesis.settings.load_profile("memmetrics")

collect_ignore = ["typing"]  # for the type checker alone
