"""Verbatim recital: how much of a document a model needs to be given to go on with it.

A document is *k-extractable* if greedy decoding from its first k tokens gives all the
others. Greedy decoding takes the likeliest token every time; as long as all were right,
it has the document itself before it. So a document is k-extractable exactly if the
likeliest token after every part of the document, from k tokens on, is the true one, and
one pass over the whole document says it for every k: no text has to be generated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from memmetrics._arrays.validation import ArrayT, check_same_kind, refuse_masked

__all__ = ["prefix_needed", "verbatim_recital"]


def verbatim_recital(predicted: ArrayT, tokens: ArrayT, *, prefix: int) -> ArrayT:
    r"""Whether greedy decoding from the first tokens of a document gives the others.

    .. math:: r_i = \prod_{t > k} 1[\hat x_{it} = x_{it}], \qquad
              \hat x_{it} = \arg\max_x p(x \mid x_{i1} \dots x_{i,t-1})

    Parameters
    ----------
    predicted : integer array or tensor (..., documents, tokens)
        The likeliest token at every place, given the true ones before it: the argmax
        of a model's logits, shifted so that place `t` is the prediction *of* token
        `t`. At the first place, which a model may not predict, any other number, such
        as -1, says that the token is not foretold.
    tokens : integer array or tensor (..., documents, tokens)
        The documents.
    prefix : int
        How many tokens are given, from 0 to one less than there are.

    Returns
    -------
    bool array or tensor (..., documents)
        As 0 and 1, this is a score: its counterfactual memorization is how much more
        often a document is recited by models that trained on it.

    Raises
    ------
    TypeError, ValueError
        If an array does not hold integers, or has no axis of tokens, the two do not
        fit together, or `prefix` leaves nothing to recite.

    See Also
    --------
    prefix_needed : the smallest `prefix` for which this holds.

    Notes
    -----
    It works within ``torch.func.vmap``, and so in the ``score=`` of `ModuleTrainer`,
    with ``logits.argmax(-1)``, shifted if the model's output is not, as `predicted`.

    To see whether a *changed* prefix still brings the document about, predict from the
    changed one and compare with the true tokens after it.

    References
    ----------
    Carlini et al., "Quantifying memorization across neural language models" (2022),
    arXiv 2202.07646, definition 3.1.

    Examples
    --------
    >>> tokens = np.array([[5, 3, 8, 1], [5, 3, 2, 2]])
    >>> predicted = np.array([[4, 3, 8, 1], [5, 3, 8, 2]])
    >>> verbatim_recital(predicted, tokens, prefix=1)
    array([ True, False])
    """
    right: Any = _right(predicted, tokens)
    length = right.shape[-1]
    if isinstance(prefix, bool) or not isinstance(prefix, (int, np.integer)):
        raise TypeError(f"`prefix` must be an integer; got {type(prefix).__name__}")
    if not 0 <= prefix < length:
        raise ValueError(
            f"`prefix` must lie between 0 and {length - 1}, one less than there are "
            f"tokens; got {prefix}"
        )
    recited: ArrayT = right[..., prefix:].all(-1)
    return recited


def prefix_needed(predicted: ArrayT, tokens: ArrayT) -> ArrayT:
    """Fewest first tokens from which greedy decoding gives the rest of a document.

    The place, counted from 1, of the last token that is not predicted; 0 if every one
    is. A document is k-extractable if and only if this is at most k.

    Parameters
    ----------
    predicted, tokens : integer arrays or tensors (..., documents, tokens)
        As for `verbatim_recital`.

    Returns
    -------
    integer array or tensor (..., documents)
        Tokens, from 0 to the length of the documents, at which nothing is recited: not
        even the last token follows from all the others.

    Raises
    ------
    TypeError, ValueError
        As for `verbatim_recital`.

    Examples
    --------
    >>> tokens = np.array([[5, 3, 8, 1], [5, 3, 2, 2]])
    >>> predicted = np.array([[4, 3, 8, 1], [5, 3, 8, 2]])
    >>> prefix_needed(predicted, tokens)
    array([1, 3])
    """
    wrong: Any = ~_right(predicted, tokens)
    length = wrong.shape[-1]
    needed: Any
    if isinstance(wrong, torch.Tensor):
        places = torch.arange(1, length + 1, device=wrong.device)
        needed = (wrong * places).amax(-1)
    else:
        needed = (wrong * np.arange(1, length + 1)).max(-1)
    furthest: ArrayT = needed
    return furthest


def _right(predicted: ArrayT, tokens: ArrayT) -> ArrayT:
    """Return which tokens are predicted, (..., documents, tokens)."""
    _integers_iv(predicted, "predicted")
    _integers_iv(tokens, "tokens")
    check_same_kind(predicted, tokens, ("predicted", "tokens"))
    if predicted.shape[-tokens.ndim :] != tokens.shape:
        raise ValueError(
            "`predicted` must end in the axes of `tokens`, (documents, tokens); got "
            f"shapes {tuple(predicted.shape)} and {tuple(tokens.shape)}"
        )
    first: Any = predicted
    second: Any = tokens
    if isinstance(first, torch.Tensor) and first.dtype != second.dtype:
        # torch has no common type of unsigned integers and others.
        first, second = first.long(), second.long()
    same: Any = first == second
    right: ArrayT = same
    return right


def _integers_iv(array: object, name: str) -> None:
    refuse_masked(array, name)
    if isinstance(array, torch.Tensor):
        floats = array.is_floating_point() or array.is_complex()
        whole = not floats and array.dtype != torch.bool
    elif isinstance(array, np.ndarray):
        whole = array.dtype.kind in "iu"
    else:
        raise TypeError(
            f"`{name}` must be an array or a tensor; got {type(array).__name__}"
        )
    if not whole:
        raise TypeError(f"`{name}` must hold token numbers; got dtype {array.dtype}")
    if array.ndim < 1 or array.shape[-1] == 0:
        raise ValueError(
            f"`{name}` must have an axis of tokens, not empty; got shape "
            f"{tuple(array.shape)}"
        )
