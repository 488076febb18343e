"""The plain way to train the toy model: dense autograd, torch's AdamW, one model."""

from __future__ import annotations

import math

import torch


def learning_rate(trainer, step):
    rising = round(trainer.warmup * trainer.steps)
    if step < rising:
        return trainer.learning_rate * (step + 1) / rising
    phase = (step - rising) / max(trainer.steps - rising, 1)
    return trainer.learning_rate * (1 + math.cos(math.pi * phase)) / 2


def losses(weights, bias, dense):
    """Per-point losses of one model, summed over features."""
    return (torch.relu(dense @ weights @ weights.T + bias) - dense).square().sum(1)


def train(trainer, dense, weights, bias, steps=None):
    """Return weights and bias of one model trained on all rows of `dense`.

    With `steps`, as they are after so many of the trainer's own.
    """
    count = trainer.steps if steps is None else steps
    return train_on(trainer, [dense] * count, weights, bias)


def train_on(trainer, batches, weights, bias):
    """Return weights and bias of one model trained on one batch a step."""
    weights = weights.clone().requires_grad_()
    bias = bias.clone().requires_grad_()
    optimizer = torch.optim.AdamW(
        [weights, bias],
        lr=trainer.learning_rate,
        betas=trainer.betas,
        eps=trainer.adam_epsilon,
        weight_decay=trainer.weight_decay,
    )
    for step, dense in enumerate(batches):
        optimizer.param_groups[0]["lr"] = learning_rate(trainer, step)
        optimizer.zero_grad()
        loss = losses(weights, bias, dense).mean()
        if trainer.loss_reduction == "mean":
            loss = loss / dense.shape[1]
        loss.backward()
        optimizer.step()
    return weights.detach(), bias.detach()
