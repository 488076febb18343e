"""Whether a module's output follows from its parameters, buffers and inputs alone.

A stack hands every run its own parameters and buffers, and shares all else: one Python
object serves all runs. So whatever a module keeps elsewhere, or changes as it is
called, shows here, however seldom it would show in numbers.
"""

from __future__ import annotations

import io
import random
import weakref
from collections.abc import Callable
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from memmetrics._arrays.validation import to_numpy
from memmetrics.trainers.module.layers.padding import use_frozen_padding
from memmetrics.trainers.module.stack.examples import Examples
from memmetrics.trainers.module.stack.models import build_module
from memmetrics.trainers.module.stack.recipe import Recipe

_REGISTERED = {"_parameters", "_buffers", "_modules"}
_EMBEDDING_OPTIONS = {2: "padding_idx", 3: "scale_grad_by_freq", 4: "sparse"}


def why_not_pure(recipe: Recipe, batch: Examples) -> str | None:
    """Return why a stack might not do what each run does, or None."""
    # Dropout draws from torch's generator here, so that no key changes.
    module, other = (build_module(recipe, seed).train() for seed in (0, 1))
    use_frozen_padding(module)
    use_frozen_padding(other)
    reason = _hooked(module) or _apart(module, other)
    if reason is not None:
        return reason
    before, drawn = _state(module) | _buffers(module), _random_states()
    with torch.no_grad(), _Operations(module) as operations:
        module(*batch.inputs)
    if operations.reason is not None:
        return str(operations.reason)
    differs = _first_difference(before, _state(module) | _buffers(module))
    if differs is not None:
        return f"{differs!r} changes as the module is called"
    foreign = "the module draws from the random numbers of NumPy or Python"
    return None if drawn == _random_states() else foreign


def _hooked(module: torch.nn.Module) -> str | None:
    """Return a reason if gradients are changed on their way: stacks have others."""
    for name, parameter in module.named_parameters():
        hooks = (parameter._backward_hooks, parameter._post_accumulate_grad_hooks)  # noqa: SLF001
        if any(hooks):
            return f"the parameter {name!r} has hooks"
    for name, child in module.named_modules():
        if child._backward_hooks or child._backward_pre_hooks:  # noqa: SLF001
            return f"the module {name!r} has backward hooks"
    return None


def _apart(module: torch.nn.Module, other: torch.nn.Module) -> str | None:
    """Return a reason if runs differ in more than parameters and buffers."""
    try:
        differs = _first_difference(_state(module), _state(other))
    except Exception as error:  # noqa: BLE001 - pickling fails in many ways
        return f"what the module keeps cannot be compared: {error}"
    if differs is None:
        return None
    return f"{differs!r} differs between runs, and is no parameter and no buffer"


def _buffers(module: torch.nn.Module) -> dict[str, bytes]:
    return {name: to_numpy(value).tobytes() for name, value in module.named_buffers()}


def _state(module: torch.nn.Module) -> dict[str, bytes]:
    """Return all else that the module keeps, in a form to compare."""
    registered = {id(value): name for name, value in module.named_parameters()}
    registered |= {id(value): name for name, value in module.named_buffers()}
    found: dict[str, bytes] = {}
    for path, child in module.named_modules():
        for name, value in vars(child).items():
            if name not in _REGISTERED:
                label = f"{path}.{name}".lstrip(".")
                found[label] = _bytes(_without_numbers(name, value), registered)
    return found


def _without_numbers(name: str, value: Any) -> Any:
    """Return hooks without the numbers that torch gives them in a row."""
    numbered = name.endswith(("_hooks", "_hooks_with_kwargs", "_always_called"))
    return list(value.values()) if numbered and isinstance(value, dict) else value


def _bytes(value: Any, registered: dict[int, str]) -> bytes:
    file = io.BytesIO()
    _Pickler(file, registered).dump(value)
    return file.getvalue()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Writes tensors by value, and those that every run has its own of by name."""

    def __init__(self, file: io.BytesIO, registered: dict[int, str]) -> None:
        super().__init__(file)
        self._registered = registered

    def persistent_id(self, value: object) -> object:
        """Return the name of a parameter or buffer."""
        if isinstance(value, weakref.ref):
            value = value()
        return self._registered.get(id(value))

    def reducer_override(self, value: Any) -> Any:
        """Return type, shape and bytes of a tensor."""
        if isinstance(value, torch.Tensor):
            array = to_numpy(value)
            return tuple, ((str(value.dtype), array.shape, array.tobytes()),)
        return super().reducer_override(value)


def _first_difference(first: dict[str, bytes], second: dict[str, bytes]) -> str | None:
    names = first | second
    return next((name for name in names if first.get(name) != second.get(name)), None)


def _random_states() -> tuple[object, ...]:
    return random.getstate(), repr(np.random.get_state())  # noqa: NPY002


class _Operations(TorchDispatchMode):
    """Watches for operations that vectorize to something else without a word."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.reason: str | None = None
        self._own = {
            value.untyped_storage().data_ptr()
            for value in (*module.parameters(), *module.buffers())
            if value.numel()
        }

    def __torch_dispatch__(
        self,
        operation: Any,
        types: Any,
        arguments: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
    ) -> Any:
        """Look at an operation, and do it."""
        if operation.overloadpacket is torch.ops.aten.embedding:
            self._look_at_embedding(arguments)
        for described, value in zip(
            operation._schema.arguments,  # noqa: SLF001
            arguments,
            strict=False,
        ):
            written = described.alias_info is not None and described.alias_info.is_write
            if written and isinstance(value, torch.Tensor) and self._owns(value):
                self.reason = (
                    f"{operation.overloadpacket.__name__} overwrites a parameter or "
                    "buffer as the module is called"
                )
        call: Callable[..., Any] = operation
        return call(*arguments, **(options or {}))

    def _owns(self, value: torch.Tensor) -> bool:
        return value.untyped_storage().data_ptr() in self._own

    def _look_at_embedding(self, arguments: tuple[Any, ...]) -> None:
        for place, name in _EMBEDDING_OPTIONS.items():
            unset = -1 if name == "padding_idx" else False
            if len(arguments) > place and arguments[place] != unset:
                self.reason = f"an embedding with {name} does not vectorize"
