"""From memorizing to features as the data grow, and why the replications differ."""

from __future__ import annotations

from studies._kit.chapter import Study
from studies.transition.claims import CLAIMS
from studies.transition.epsilon import Epsilon, epsilon
from studies.transition.published import PUBLISHED
from studies.transition.sizes import Sizes, sizes, wider

_SIZES = (10, 30, 100, 200, 300, 500, 1000, 2000)

STUDY = Study(
    name="transition",
    title="The transition, and why the replications differ",
    text="""
The paper (Henighan et al. 2023, Figures 3 and 4) trains networks with two hidden
dimensions on more and more sparse points: few are memorized, many make the network
learn features, and in between the test loss has a peak of about 1.015. Replications
(Jermyn, in the comments on the paper; Chalnev) see the same sequence with a peak
hundreds or thousands high. Their recipes follow the paper's text: squared errors
summed over features. This study trains the same networks on the same data from the
same starting weights both ways, summed and averaged over features. The minimum is the
same; the gradients differ by the number of features, and with Adam that matters only
where they sink towards its epsilon.
""",
    presets={
        "quick": (
            sizes(
                Sizes(
                    sizes=(10, 30, 100),
                    features=100,
                    sparsity=0.9,
                    data_sets=2,
                    steps=200,
                )
            ),
            wider(
                Sizes(
                    sizes=(10, 100),
                    features=100,
                    sparsity=0.9,
                    hidden=4,
                    data_sets=2,
                    steps=100,
                )
            ),
            epsilon(
                Epsilon(
                    points=30,
                    epsilons=(1e-8, 1e-6),
                    features=100,
                    sparsity=0.9,
                    data_sets=2,
                    steps=200,
                )
            ),
        ),
        "laptop": (
            sizes(Sizes(sizes=_SIZES)),
            wider(Sizes(sizes=_SIZES, hidden=4)),
            epsilon(Epsilon(points=300, epsilons=(1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3))),
        ),
        "paper": (
            sizes(
                Sizes(
                    sizes=(3, *sorted({*PUBLISHED, 10})),
                    features=10_000,
                    sparsity=0.999,
                    data_sets=2,
                    steps=50_000,
                )
            ),
            epsilon(
                Epsilon(
                    points=2000,
                    epsilons=(1e-8, 1e-4),
                    features=10_000,
                    sparsity=0.999,
                    data_sets=2,
                    steps=50_000,
                )
            ),
        ),
    },
    claims=CLAIMS,
)
