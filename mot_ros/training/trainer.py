# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The trainer: steps of gradient descent that can be broken off at any moment and gone on with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
import copy
import math
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import nn, Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset

from mot_ros.tracking.errors import MotError
from mot_ros.training import checkpoint
from mot_ros.training import loss_curve as curve
from mot_ros.training.distributed import joined, Rank
from mot_ros.training.schedule import Recipe
from mot_ros.training.tasks.base import Task

CURVE = 'curve.csv'


class TrainingError(MotError):
    """A training went wrong in a way that more steps do not mend."""


def train(task: Task, recipe: Recipe, folder: Path, device: torch.device) -> Iterator[float]:
    """
    Train the network of a task; yield the loss after each step, beginning where it was left.

    In `folder` lie the state (last.pt), from which the next call goes on, and curve.csv. The
    same recipe and samples give the same numbers on the same machine, broken off or not. At the
    end `task.network` holds the trained weights, averaged if the recipe says so. In several
    processes (torchrun) each takes its part of the samples of a step, and the first one writes.
    Raises TrainingError when a loss or its gradient is not finite, ConfigError if the folder is
    another recipe's.
    """
    with joined(device) as place:
        yield from _Run(task, recipe, folder, place).steps()


class _Run:

    def __init__(self, task: Task, recipe: Recipe, folder: Path, place: Rank) -> None:
        self._task, self._recipe, self._folder, self._place = task, recipe, folder, place
        # what the network begins with must be the same in all processes, and each time
        torch.manual_seed(recipe.seed)
        self._network = task.network.to(place.device).train()
        freeze(self._network, recipe)
        self._optimizer = make_optimizer(self._network, recipe)
        self._average = copy.deepcopy(self._network) if recipe.ema else self._network
        self.step = self._resume()
        self._stepper: nn.Module = _Losses(task)
        if place.count > 1:
            self._stepper = DistributedDataParallel(self._stepper, find_unused_parameters=True)

    def steps(self) -> Iterator[float]:
        recipe = self._recipe
        log = curve.Curve(self._folder / CURVE, self.step) if self._place.leads else None
        for batch in self._batches():
            # what is drawn by chance in a step depends on the step alone
            torch.manual_seed(recipe.seed * 1000003 + self.step * 101 + self._place.rank)
            values = self._descend(batch)
            if log is not None:
                log.add(self.step, values)
            self.step += 1
            if self.step % recipe.save_every == 0 or self.step == recipe.steps:
                self._save()
            yield values['loss']
        self._network.load_state_dict(self._average.state_dict())
        self._network.eval()

    def _descend(self, batch: Any) -> dict[str, float]:
        """Take one step down and return what it was about."""
        recipe, rate = self._recipe, self._recipe.rate_at(self.step, self._place.count)
        for group in self._optimizer.param_groups:
            group['lr'] = rate * group['share']
        device = self._place.device.type
        with torch.autocast(device, torch.bfloat16, enabled=recipe.bf16 and device == 'cuda'):
            parts: Mapping[str, Tensor] = self._stepper(batch)
        loss = torch.stack([part.float() for part in parts.values()]).sum()
        values = {name: float(part.detach()) for name, part in {'loss': loss, **parts}.items()}
        self._check(values, rate)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), recipe.clip)
        values['gradient'] = float(norm)
        self._check(values, rate)
        self._optimizer.step()
        if recipe.ema:
            update_average(self._average, self._network, recipe.ema_at(self.step))
        return {**values, 'rate': rate}

    def _check(self, values: Mapping[str, float], rate: float) -> None:
        """Raise TrainingError if one of the values is not finite."""
        if all(map(math.isfinite, values.values())):
            return
        told = ', '.join(f'{name} {value:g}' for name, value in values.items())
        raise TrainingError(
            f'step {self.step} cannot be taken ({told}); train at a lower rate '
            f'(it was {rate:g}) or clip gradients more (at {self._recipe.clip:g}). The state '
            f'before is in {self._folder / checkpoint.FILE}')

    def _batches(self) -> Iterable[Any]:
        """Return the batches of this process from the present step on."""
        recipe = self._recipe
        per_step = recipe.batch * self._place.count
        plan = [
            [step * per_step + self._place.rank * recipe.batch + number
             for number in range(recipe.batch)]
            for step in range(self.step, recipe.steps)]
        loader: DataLoader[Any] = DataLoader(
            _Samples(self._task), batch_sampler=plan, collate_fn=self._task.collate,
            num_workers=recipe.workers, worker_init_fn=_begin_worker,
            pin_memory=self._place.device.type == 'cuda')
        return loader

    def _resume(self) -> int:
        """Take up the state of the folder, if there is one; return the step to go on with."""
        state = checkpoint.load(self._folder, self._recipe.text())
        if state is None:
            return 0
        self._network.load_state_dict(state['network'])
        self._optimizer.load_state_dict(state['optimizer'])
        if self._recipe.ema:
            self._average.load_state_dict(state['average'])
        return int(state['step'])

    def _save(self) -> None:
        if not self._place.leads:
            return
        state = {
            'recipe': self._recipe.text(), 'step': self.step,
            'network': self._network.state_dict(), 'optimizer': self._optimizer.state_dict()}
        if self._recipe.ema:
            state['average'] = self._average.state_dict()
        checkpoint.save(self._folder, state)


class _Losses(nn.Module):
    """A task as a module, so that DistributedDataParallel can stand around it."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.network = task.network
        self._task = task

    def forward(self, batch: Any) -> Mapping[str, Tensor]:
        return self._task.losses(batch)


class _Samples(Dataset[Any]):

    def __init__(self, task: Task) -> None:
        self._task = task

    def __getitem__(self, index: int) -> Any:
        return self._task.sample(index)


def _begin_worker(_: int) -> None:
    # one thread each: there are as many workers as cores to spare
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def freeze(network: nn.Module, recipe: Recipe) -> None:
    """Let the parts that the recipe gives no rate be as they are."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(share_of(name, recipe) > 0)


def share_of(name: str, recipe: Recipe) -> float:
    """Return the share of the rate of a parameter: that of the longest prefix of its name."""
    fitting = [(prefix, share) for prefix, share in recipe.slow if name.startswith(prefix)]
    return max(fitting, key=lambda item: len(item[0]))[1] if fitting else 1.0


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """
    Return the optimizer over everything that learns.

    Biases and norms (tensors of one dimension) are not decayed; biases learn at `bias_rate`.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        share = share_of(name, recipe)
        if name.endswith('bias'):
            share *= recipe.bias_rate
        decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((share, decay), []).append(parameter)
    if not groups:
        raise TrainingError('every part of the network is frozen; give one of them a rate')
    settings = [{'params': parameters, 'share': share, 'weight_decay': decay}
                for (share, decay), parameters in groups.items()]
    if recipe.optimizer == 'sgd':
        return torch.optim.SGD(settings, lr=recipe.rate, momentum=recipe.momentum)
    return torch.optim.AdamW(settings, lr=recipe.rate)


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, keep: float) -> None:
    """Move an average of the weights towards them; what does not learn is copied."""
    for mine, its in zip(average.parameters(), network.parameters(), strict=True):
        mine.lerp_(its, 1 - keep)
    for kept, present in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(present)
