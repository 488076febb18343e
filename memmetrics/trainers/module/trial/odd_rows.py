"""Rows that stand out: what differs between two ways of computing may show there only.

Padding tokens, rare labels, empty or extreme rows need not be among the first ones, nor
among a few drawn at random.
"""

from __future__ import annotations

import torch

from memmetrics.trainers.module.stack.examples import Examples

# Distinct integers that are looked for one by one.
_MOST_VALUES = 2**16


def odd_rows(examples: Examples) -> torch.Tensor:
    """Return distinct rows, the oddest first, on the CPU.

    Of every array: the rows of smallest and largest minimum, maximum, sum and number
    of zeros; and of integers the first row that holds each value.

    Examples
    --------
    >>> inputs = torch.tensor([[1, 1], [1, 2], [0, 2], [1, 1]])
    >>> odd_rows(Examples((inputs,), torch.zeros(4))).tolist()
    [2, 0, 1]
    """
    found: list[int] = []
    for array in (*examples.inputs, examples.target):
        rows = array.reshape(len(array), -1)
        numbers = rows.to(torch.float64) if not rows.is_floating_point() else rows
        for statistic in (
            numbers.amin(1),
            numbers.amax(1),
            numbers.sum(1),
            (rows == 0).sum(1),
        ):
            found += [int(statistic.argmin()), int(statistic.argmax())]
    for array in (*examples.inputs, examples.target):
        if not array.is_floating_point():
            found += _first_of_each(array.reshape(len(array), -1))
    return torch.tensor(list(dict.fromkeys(found)))


def _first_of_each(rows: torch.Tensor) -> list[int]:
    """Return the first row of each value, the rarest value first."""
    values, inverse, counts = rows.unique(return_inverse=True, return_counts=True)
    if len(values) > _MOST_VALUES:
        return []
    numbers = torch.arange(len(rows), device=rows.device)[:, None].expand_as(rows)
    first = torch.full_like(values, len(rows), dtype=torch.int64)
    first.scatter_reduce_(0, inverse.reshape(-1), numbers.reshape(-1), "amin")
    ordered: list[int] = first[counts.argsort(stable=True)].tolist()
    return ordered
