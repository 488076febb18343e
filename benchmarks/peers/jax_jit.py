"""JAX: jit of vmap of scan, with AdamW written out."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from benchmarks.peers.base import Trained, is_installed
from benchmarks.tasks import Task

__all__ = ["JaxScan"]


@dataclasses.dataclass(frozen=True)
class JaxScan:
    """The whole training of all models is one compiled computation."""

    name: str = "JAX"

    def available(self) -> bool:
        """Whether JAX is installed."""
        return is_installed("jax")

    def train(self, task: Task) -> Trained:
        """Train every model of the task from its starting values."""
        recipe = task.recipe
        rows, real = task.own_rows
        data = task.dense[rows]  # (runs, own, features)
        scale = [recipe.gradient_scale(n, data.shape[2]) / 2 for n in real.sum(1)]
        train = _compiled(recipe.betas, recipe.adam_epsilon)
        weights, bias = train(
            (task.weights, task.bias),
            data,
            real[:, :, None].astype(np.float32),
            np.array(scale, np.float32),
            recipe.adamw_schedule().astype(np.float32),
        )
        return Trained(task.member, np.asarray(weights), np.asarray(bias))


@functools.cache
def _compiled(betas: tuple[float, float], epsilon: float) -> Any:
    import jax
    import jax.numpy as jnp

    def loss(parameters: Any, data: Any, present: Any, scale: Any) -> Any:
        weights, bias = parameters
        output = jax.nn.relu(data @ weights @ weights.T + bias)
        return scale * (((output - data) * present) ** 2).sum()

    def update(p: Any, g: Any, m: Any, v: Any, row: Any) -> Any:
        decay, rate, correction = row
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        return decay * p - rate * m / (jnp.sqrt(v) * correction + epsilon), m, v

    def train(start: Any, data: Any, present: Any, scale: Any, schedule: Any) -> Any:
        def step(state: Any, row: Any) -> Any:
            parameters, first, second = state
            gradient = jax.grad(loss)(parameters, data, present, scale)
            arrays = zip(parameters, gradient, first, second, strict=True)
            updated = [update(p, g, m, v, row) for p, g, m, v in arrays]
            return tuple(zip(*updated, strict=True)), None

        zeros = tuple(jnp.zeros_like(array) for array in start)
        return jax.lax.scan(step, (start, zeros, zeros), schedule)[0][0]

    return jax.jit(jax.vmap(train, in_axes=(0, 0, 0, 0, None)))
