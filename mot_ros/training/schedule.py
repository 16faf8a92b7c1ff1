# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Schedule of a training: steps, batch, learning rate, optimiser."""

from __future__ import annotations

from dataclasses import asdict, dataclass
import json
import math

from mot_ros.tracking.errors import ConfigError

WARM_FROM = 1 / 3
"""Share of the full rate at which the warm-up begins, as in SiamMOT's published configuration."""


@dataclass(frozen=True)
class Schedule:
    """
    Hold the hyper-parameters of the optimisation; group `recipe` of a recipe file.

    `batch` is the number of samples of a step in each process, `rate` the learning rate for
    `rate_batch` samples a step in all processes together: SGD's is scaled in proportion to
    them, AdamW's with their root. After `warm_up` steps from a third of it the rate falls as a
    cosine to 0, or by ten at each of the `drops` (shares of all steps). Parameters whose name
    starts with a key of `slow` have that share of the rate; 0 freezes them. `ema` is the decay
    of the moving average of the weights; 0: no average.
    """

    steps: int
    batch: int
    rate: float
    rate_batch: int
    optimizer: str = 'adamw'
    weight_decay: float = 1e-4
    momentum: float = 0.9
    bias_rate: float = 1.0
    """Factor of the rate of biases; SiamMOT's SGD uses 2."""
    warm_up: int = 500
    drops: tuple[float, ...] = ()
    clip: float = 10.0
    """Largest norm of all gradients together; longer ones are scaled down to it."""
    ema: float = 0.0
    bf16: bool = False
    """Compute in bfloat16 where autocast does, on CUDA only; weights stay in single precision."""
    seed: int = 0
    slow: tuple[tuple[str, float], ...] = ()
    save_every: int = 200
    workers: int = 0
    """Number of processes that make samples; 0: the training process makes them."""

    def __post_init__(self) -> None:
        for name in ('steps', 'batch', 'rate_batch', 'save_every'):
            if getattr(self, name) < 1:
                raise ConfigError(f'{name} is {getattr(self, name)}; it must be at least 1')
        for name in ('warm_up', 'workers', 'seed'):
            if getattr(self, name) < 0:
                raise ConfigError(f'{name} is {getattr(self, name)}; it must not be negative')
        for name in ('rate', 'clip'):
            if not getattr(self, name) > 0:
                raise ConfigError(f'{name} is {getattr(self, name)}; it must be positive')
        if self.optimizer not in ('adamw', 'sgd'):
            raise ConfigError(f'optimizer is {self.optimizer!r}; choose one of adamw, sgd')
        if not 0 <= self.ema < 1:
            raise ConfigError(f'ema is {self.ema}; it must lie in [0, 1)')

    def rate_at(self, step: int, processes: int = 1) -> float:
        """Return the learning rate of a step, counted from 0, in so many processes."""
        ratio = self.batch * processes / self.rate_batch
        rate = self.rate * (ratio if self.optimizer == 'sgd' else math.sqrt(ratio))
        if step < self.warm_up:
            return rate * (WARM_FROM + (1 - WARM_FROM) * step / self.warm_up)
        if self.drops:
            return rate * 0.1 ** sum(step >= drop * self.steps for drop in self.drops)
        rest = max(self.steps - self.warm_up, 1)
        return rate * 0.5 * (1 + math.cos(math.pi * (step - self.warm_up) / rest))

    def ema_at(self, step: int) -> float:
        """Return the decay of the moving average at a step: smaller in the first steps."""
        return min(self.ema, (1 + step) / (10 + step))

    def text(self) -> str:
        """Return the values that the result depends on as JSON: not save_every and workers."""
        values = asdict(self)
        del values['save_every'], values['workers']
        return json.dumps(values, sort_keys=True)
