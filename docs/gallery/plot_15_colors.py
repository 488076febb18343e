"""
Colors
======

The palette of Okabe and Ito (2008), in which readers of any color vision can tell the
colors apart, and the settings that all pictures here are drawn with.
"""

import matplotlib.pyplot as plt

import memmetrics as mm

with mm.plotting.theme():
    _, ax = plt.subplots(figsize=(6, 3), layout="constrained")
    for place, (name, color) in enumerate(mm.plotting.COLORS.items()):
        ax.barh(name, place + 1, color=color)
    ax.invert_yaxis()
    ax.set(xticks=[], title="memmetrics.plotting.COLORS")
