"""Settings that every test shares."""

from __future__ import annotations

import signal

import hypothesis

# A shell that starts something in the background has it ignore Ctrl-C, and all that it
# starts in turn; several tests send one.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time, so that a red run blames the change at hand; and no
# deadline, since first calls compile and machines differ.
hypothesis.settings.register_profile("memmetrics", deadline=None, derandomize=True)
hypothesis.settings.load_profile("memmetrics")

collect_ignore = ["typing"]  # for the type checker alone
