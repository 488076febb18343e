"""
What did it memorize?
=====================

Points in the order of how much training on them raises their own score.
"""

import matplotlib.pyplot as plt
import numpy as np

import memmetrics as mm
from memmetrics import plotting

rng = np.random.default_rng(0)
member = rng.random((100, 30)) < 0.5
scores = rng.normal(size=(100, 30)) + 2 * member
table = mm.counterfactual_memorization(scores, member).to_frame()

# %%
# A dot is an estimate, a line its interval.
with plotting.theme():
    _, ax = plt.subplots()
    plotting.draw_ranking(table, "counterfactual_memorization", ax=ax)
