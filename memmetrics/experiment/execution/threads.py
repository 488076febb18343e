"""One thread inside each worker, so that processes and threads do not multiply.

joblib limits the threads of loky's processes only. Dask, Ray and threads are left with
whatever torch found, so every task sets the limit itself and puts things back.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


class _Limit:
    """How many tasks of this process hold the limit, and what to put back after."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holders = 0
        self.threads = 1
        self.pools: Any = None
        self.controller: Any = None
        self.modules = 0


_limit = _Limit()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Run the body with one thread for torch, and for BLAS where threadpoolctl is.

    torch keeps the number per thread and per process at once. So with tasks side by
    side in one process, each sets its own thread's, and the number to put back is the
    one that the first of them found.
    """
    with _limit.lock:
        # A new thread takes the process's number when it first asks for one, which
        # must not be later than what follows.
        found = torch.get_num_threads()
        if _limit.holders == 0:
            _limit.threads = found
            _limit.pools = _limit_pools()
        _limit.holders += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _limit.lock:
            _limit.holders -= 1
            if _limit.holders == 0:
                _restore_pools(_limit.pools)
            torch.set_num_threads(_limit.threads)


def _limit_pools() -> Any:
    try:
        from threadpoolctl import (  # type: ignore[import-untyped]
            ThreadpoolController,
        )
    except ImportError:
        return None
    # Looking for libraries takes milliseconds; none is new if no module is.
    if _limit.modules != len(sys.modules):
        _limit.controller = ThreadpoolController()
        _limit.modules = len(sys.modules)
    return _limit.controller.limit(limits=1, user_api="blas")


def _restore_pools(pools: Any) -> None:
    if pools is not None:
        pools.restore_original_limits()
