# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Recipe: how long and how fast a network is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass
import json
import math

from mot_ros.tracking.errors import ConfigError

WARM_FROM = 1 / 3
"""Share of the full rate at which the warm-up begins, as in SiamMOT's published configuration."""


@dataclass(frozen=True)
class Recipe:
    """
    Everything that decides on the course of a training beside its data.

    `batch` is the number of samples of a step in each process, `rate` the learning rate for
    `rate_batch` samples a step in all processes together: SGD's is scaled in proportion to
    them, AdamW's with their root. After `warm_up` steps from a third of it the rate falls as a
    cosine to nothing, or by ten at each of the `drops` (shares of all steps). Parts of the
    network whose name begins with a key of `slow` learn at that share of the rate; 0 freezes
    them. `ema` is what an average of the weights keeps of itself at each step; 0: none.
    """

    steps: int
    batch: int
    rate: float
    rate_batch: int
    optimizer: str = 'adamw'
    weight_decay: float = 1e-4
    momentum: float = 0.9
    bias_rate: float = 1.0
    """Factor of the rate of biases, which SGD's recipes double."""
    warm_up: int = 500
    drops: tuple[float, ...] = ()
    clip: float = 10.0
    """Largest norm of all gradients together; longer ones are abbreviate to it."""
    ema: float = 0.0
    bf16: bool = False
    """Compute in bfloat16 where autocast does, on CUDA only; weights stay in single precision."""
    seed: int = 0
    slow: tuple[tuple[str, float], ...] = ()
    save_every: int = 200
    workers: int = 0
    """Processes that make samples, beside the one that trains; 0: it makes them itself."""

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
        """Return the learning rate of a step, from 0, with so many processes."""
        ratio = self.batch * processes / self.rate_batch
        rate = self.rate * (ratio if self.optimizer == 'sgd' else math.sqrt(ratio))
        if step < self.warm_up:
            return rate * (WARM_FROM + (1 - WARM_FROM) * step / self.warm_up)
        if self.drops:
            return rate * 0.1 ** sum(step >= drop * self.steps for drop in self.drops)
        rest = max(self.steps - self.warm_up, 1)
        return rate * 0.5 * (1 + math.cos(math.pi * (step - self.warm_up) / rest))

    def ema_at(self, step: int) -> float:
        """Return what the average keeps at a step: less at first, when there is little to keep."""
        return min(self.ema, (1 + step) / (10 + step))

    def text(self) -> str:
        """Return what decides on the outcome, as JSON: not where and how often it is saved."""
        told = asdict(self)
        del told['save_every'], told['workers']
        return json.dumps(told, sort_keys=True)
