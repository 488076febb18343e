"""Drawing items, their numbers of copies and their coins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from memmetrics._arrays.validation import count_iv
from memmetrics._seeds import RNG, Stream, entropy_from, generator
from memmetrics.planting.kinds import Kind
from memmetrics.planting.ledger import Ledger, Planted, draw_items

__all__ = ["plant"]


def plant(
    kinds: Kind | Mapping[str, Kind], *, copies: Sequence[int] = (1,), rng: RNG
) -> Planted:
    """Draw items to plant, and toss a fair coin for each.

    Parameters
    ----------
    kinds : kind, or mapping of str to kind
        What to plant: `RandomText`, `RandomTokens`, `Sentences` or `NearDuplicates` of
        `memmetrics.planting`. A kind given alone is called "canary".
    copies : sequence of int, default (1,)
        Numbers of copies. Each kind's items are dealt out among them at random, as
        evenly as can be; kind and number together are a stratum.
    rng : int, numpy.random.Generator, numpy.random.SeedSequence or None
        Seed of everything.

    Returns
    -------
    Planted
        ``additions``, what to add to the training data: every item whose coin let it
        in, as often as it has copies, in an order of its own; and the ``ledger``, to
        be written to a file before training.

    Raises
    ------
    TypeError, ValueError
        If there is no kind, a number of copies is not positive or comes twice, or two
        items are the same.

    Notes
    -----
    Coins are independent of one another and of everything else, as the bound on ε of
    `one_run_audit` wants them; so about half of a stratum enters, not just half. Items
    out of the training data by their coin must stay out of it altogether, and what is
    trained on should be checked at the place where losses are computed: truncation,
    packing and filters may lose items that the ledger says are in.

    Examples
    --------
    >>> import memmetrics as mm
    >>> from memmetrics.planting import RandomText
    >>> planted = mm.plant(RandomText(100, length=12), copies=(1, 8), rng=0)
    >>> ledger = planted.ledger
    >>> sorted(set(ledger.strata.tolist()))
    ['canary x 1', 'canary x 8']
    >>> len(planted.additions), int(ledger.copies[ledger.entered].sum())
    (233, 233)
    """
    given = kinds if isinstance(kinds, Mapping) else {"canary": kinds}
    named: dict[Any, Any] = dict(given)
    if not named:
        raise ValueError("`kinds` must hold at least one kind; got none")
    for name, kind in named.items():
        if not isinstance(name, str) or not isinstance(kind, Kind):
            raise TypeError(
                "`kinds` must be kinds of memmetrics.planting by name; "
                f"got {name!r}: {kind!r}"
            )
    numbers = _copies_iv(copies)
    seed = entropy_from(rng)
    items, _ = draw_items(seed, named)
    coins = generator(seed, Stream.PLANTING, 0).random(len(items)) < 0.5
    ledger = Ledger(seed, named, numbers, coins)
    often = ledger.copies * coins
    chosen = [
        item for item, times in zip(items, often, strict=True) for _ in range(times)
    ]
    order = generator(seed, Stream.PLANTING, 1).permutation(len(chosen))
    return Planted([chosen[place] for place in order], ledger)


def _copies_iv(copies: Sequence[int]) -> tuple[int, ...]:
    if not np.iterable(copies):
        raise TypeError(f"`copies` must be a sequence of numbers; got {copies!r}")
    numbers = tuple(count_iv(number, "copies", least=1) for number in copies)
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(
            f"`copies` must be different numbers from 1; got {tuple(copies)!r}"
        )
    return numbers
