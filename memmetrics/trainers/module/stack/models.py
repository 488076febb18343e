"""Models as the score sees them: a stack in one call, or one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import torch
from torch.func import functional_call

from memmetrics.trainers.module.layers.attention import plain_attention
from memmetrics.trainers.module.layers.dropout import use_keyed_dropout
from memmetrics.trainers.module.layers.padding import use_frozen_padding
from memmetrics.trainers.module.layers.randomness import private_randomness
from memmetrics.trainers.module.stack.recipe import Recipe

Tensors: TypeAlias = dict[str, torch.Tensor]
# (module that may be called, its input tensors) -> one tensor
Query: TypeAlias = Callable[
    [Callable[..., Any], tuple[torch.Tensor, ...]], torch.Tensor
]


def build_module(recipe: Recipe, seed: int) -> torch.nn.Module:
    """Call the factory, with weights drawn from the run's seed alone.

    Raises
    ------
    TypeError
        If the factory returns no module.
    ValueError
        If the module has no trainable parameters, or lazy ones.
    """
    with private_randomness(seed, recipe.device):
        module = recipe.factory()
    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            f"`factory` must return a torch.nn.Module; got {type(module).__name__}"
        )
    for name, parameter in module.named_parameters():
        if isinstance(parameter, torch.nn.parameter.UninitializedParameter):
            raise ValueError(  # noqa: TRY004 - the right type, not ready for use
                f"`factory` must return a module whose parameters have their shapes; "
                f"{name!r} is lazy"
            )
        if parameter.is_complex():
            raise ValueError(
                "`factory` must return a module of real parameters; "
                f"{name!r} is {parameter.dtype}"
            )
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise ValueError(
            "`factory` must return a module with trainable parameters; "
            f"{type(module).__name__} has none"
        )
    return module.to(device=recipe.device, dtype=recipe.torch_dtype)


def build_stackable(recipe: Recipe, seed: int) -> torch.nn.Module:
    """Call the factory for a run in a stack, whose layers vectorize."""
    module = build_module(recipe, seed)
    use_keyed_dropout(module, seed)
    use_frozen_padding(module)
    return module.to(recipe.device)


def floating_type(module: torch.nn.Module) -> torch.dtype:
    """Return the type of the module's numbers."""
    return next(
        parameter.dtype
        for parameter in module.parameters()
        if parameter.is_floating_point()
    )


def stack_tensors(tensors: Sequence[Tensors]) -> Tensors:
    """Return each tensor stacked over runs, detached."""
    return {
        name: torch.stack([one[name].detach() for one in tensors])
        for name in tensors[0]
    }


def trainable(module: torch.nn.Module) -> Tensors:
    """Return the parameters that are trained, by name."""
    return {
        name: parameter
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }


def constants(module: torch.nn.Module) -> Tensors:
    """Return frozen parameters and buffers, by name."""
    frozen = {
        name: parameter
        for name, parameter in module.named_parameters()
        if not parameter.requires_grad
    }
    return frozen | dict(module.named_buffers())


@dataclass(frozen=True)
class StackedModels:
    """Runs whose parameters are stacked, evaluated in one vectorized call."""

    root: torch.nn.Module
    trained: Tensors
    constant: Tensors

    def parameters(self) -> Tensors:
        """Return all trained parameters, (runs, ...) each."""
        return dict(self.trained)

    def weight(self, name: str) -> torch.Tensor:
        """Return the weight of the layer `name`, however it is made, (runs, ...)."""
        reader = _WeightReader(self.root, name)

        def one(state: Tensors) -> torch.Tensor:
            named = {f"root.{key}": value for key, value in state.items()}
            weight: torch.Tensor = functional_call(reader, named, ())
            return weight

        with torch.no_grad():
            weights: torch.Tensor = torch.vmap(one)(self.trained | self.constant)
        return weights

    def ask(self, query: Query, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Return what `query` gives for every run on the same inputs, (runs, ...)."""

        def one(state: Tensors) -> torch.Tensor:
            return query(
                lambda *arguments: functional_call(self.root, state, arguments), inputs
            )

        self.root.eval()
        with torch.no_grad(), plain_attention():
            answer: torch.Tensor = torch.vmap(one)(self.trained | self.constant)
        return answer

    def hear(self, name: str, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Return what submodule `name` puts out for every run, (runs, ...)."""
        return self.ask(_listener(self.root, name), inputs)


@dataclass(frozen=True)
class SeparateModels:
    """Runs that are modules of their own, evaluated one after another."""

    modules: tuple[torch.nn.Module, ...]

    @property
    def root(self) -> torch.nn.Module:
        """The first run's module."""
        return self.modules[0]

    def parameters(self) -> Tensors:
        """Return all trained parameters, (runs, ...) each."""
        return stack_tensors([trainable(module) for module in self.modules])

    def weight(self, name: str) -> torch.Tensor:
        """Return the weight of the layer `name`, however it is made, (runs, ...)."""
        with torch.no_grad():
            return torch.stack(
                [_WeightReader(module, name)() for module in self.modules]
            )

    def ask(self, query: Query, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Return what `query` gives for every run on the same inputs, (runs, ...)."""
        with torch.no_grad():
            answers = [query(module.eval(), inputs) for module in self.modules]
        return torch.stack(answers)

    def hear(self, name: str, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Return what submodule `name` puts out for every run, (runs, ...)."""
        with torch.no_grad():
            heard = [_listener(module, name)(module, inputs) for module in self.modules]
        return torch.stack(heard)


Models: TypeAlias = StackedModels | SeparateModels


class _WeightReader(torch.nn.Module):
    """Gives one layer's weight: tied, frozen and parametrized ones alike."""

    def __init__(self, root: torch.nn.Module, name: str) -> None:
        super().__init__()
        self.root = root
        self.name = name

    def forward(self) -> torch.Tensor:
        """Return the weight."""
        weight = self.root.get_submodule(self.name).weight
        return cast("torch.Tensor", weight)


def _listener(root: torch.nn.Module, name: str) -> Query:
    """Return a query that calls the module and gives what a submodule put out."""

    def query(
        module: Callable[..., Any], inputs: tuple[torch.Tensor, ...]
    ) -> torch.Tensor:
        heard: list[Any] = []
        hook = root.get_submodule(name).register_forward_hook(
            # copied, since an in-place layer may overwrite it next
            lambda _module, _inputs, output: heard.append(
                output.clone() if isinstance(output, torch.Tensor) else output
            )
        )
        root.eval()
        try:
            module(*inputs)
        finally:
            hook.remove()
        if not heard or not isinstance(heard[-1], torch.Tensor):
            got = type(heard[-1]).__name__ if heard else "no call at all"
            raise ValueError(
                f"`hidden` must name a submodule that puts out a tensor; {name!r} "
                f"gave {got}"
            )
        output: torch.Tensor = heard[-1]
        return output

    return query
