"""
Features or points?
===================

The toy model of Henighan et al. (2023) with two hidden dimensions: trained on few
points it gives each point a direction, trained on many it gives them to features.
"""

import matplotlib.pyplot as plt
import numpy as np

import memmetrics as mm

trainer = mm.ToyTrainer(hidden=2, steps=2_000)

# %%
# Above a line is a feature's vector in the weights, below a training point's hidden
# activations.

with mm.plotting.theme():
    figure, axes = plt.subplots(2, 3, figsize=(8, 5.4), layout="constrained")
    for points, (above, below) in zip((5, 80, 3_000), axes.T, strict=True):
        data = mm.sparse_features(points, 200, 0.98, rng=0)
        stack = trainer.fit(data, np.ones((1, points), bool), seeds=[0])
        mm.plotting.draw_vectors(np.asarray(stack.weights[0]), ax=above)
        mm.plotting.draw_vectors(
            np.asarray(stack.hidden(data)[0]),
            ax=below,
            color=mm.plotting.COLORS["vermillion"],
        )
        above.set_title(f"{points:,} points")
    axes[0, 0].set_ylabel("features")
    axes[1, 0].set_ylabel("points")
