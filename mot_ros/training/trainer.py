# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Trainer: gradient descent that can be interrupted at any step and resumed."""

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
from mot_ros.training.schedule import Schedule
from mot_ros.training.tasks.base import Task

CURVE = 'curve.csv'


class TrainingError(MotError):
    """Raised when a loss or gradient is not finite, or nothing is left to train."""


def train(task: Task, schedule: Schedule, folder: Path, device: torch.device) -> Iterator[float]:
    """
    Train the network of a task, from the last state of the folder; yield the loss of each step.

    `folder` holds the state (last.pt) and the losses (curve.csv). The same schedule and samples
    give the same numbers on the same machine, interrupted or not. Afterwards `task.network` holds
    the trained weights, or their moving average if `schedule.ema` is above 0. Of several processes
    (torchrun) each computes its part of the batch, and rank 0 writes. Raises TrainingError when a
    loss or gradient is not finite, ConfigError if the state is that of another schedule.
    """
    with joined(device) as place:
        yield from _Run(task, schedule, folder, place).steps()


class _Run:

    def __init__(self, task: Task, schedule: Schedule, folder: Path, place: Rank) -> None:
        self._task, self._schedule, self._folder, self._place = task, schedule, folder, place
        # the same initial weights in all processes, and each time
        torch.manual_seed(schedule.seed)
        self._network = task.network.to(place.device).train()
        freeze(self._network, schedule)
        self._optimizer = make_optimizer(self._network, schedule)
        self._average = copy.deepcopy(self._network) if schedule.ema else self._network
        self.step = self._resume()
        self._stepper: nn.Module = _Losses(task)
        if place.count > 1:
            self._stepper = DistributedDataParallel(self._stepper, find_unused_parameters=True)

    def steps(self) -> Iterator[float]:
        schedule = self._schedule
        log = curve.LossCurve(self._folder / CURVE, self.step) if self._place.leads else None
        for batch in self._batches():
            # depends on the step alone, so that a resumed training draws the same numbers
            torch.manual_seed(schedule.seed * 1000003 + self.step * 101 + self._place.rank)
            values = self._descend(batch)
            if log is not None:
                log.add(self.step, values)
            self.step += 1
            if self.step % schedule.save_every == 0 or self.step == schedule.steps:
                self._save()
            yield values['loss']
        self._network.load_state_dict(self._average.state_dict())
        self._network.eval()

    def _descend(self, batch: Any) -> dict[str, float]:
        """Take one step of the optimiser; return the losses, the gradient's norm and the rate."""
        schedule, rate = self._schedule, self._schedule.rate_at(self.step, self._place.count)
        for group in self._optimizer.param_groups:
            group['lr'] = rate * group['share']
        device = self._place.device.type
        with torch.autocast(device, torch.bfloat16, enabled=schedule.bf16 and device == 'cuda'):
            parts: Mapping[str, Tensor] = self._stepper(batch)
        loss = torch.stack([part.float() for part in parts.values()]).sum()
        values = {name: float(part.detach()) for name, part in {'loss': loss, **parts}.items()}
        self._check(values, rate)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), schedule.clip)
        values['gradient'] = float(norm)
        self._check(values, rate)
        self._optimizer.step()
        if schedule.ema:
            update_average(self._average, self._network, schedule.ema_at(self.step))
        return {**values, 'rate': rate}

    def _check(self, values: Mapping[str, float], rate: float) -> None:
        """Raise TrainingError if one of the values is not finite."""
        if all(map(math.isfinite, values.values())):
            return
        found = ', '.join(f'{name} {value:g}' for name, value in values.items())
        raise TrainingError(
            f'step {self.step} cannot be taken ({found}); train at a lower rate '
            f'(it was {rate:g}) or clip gradients more (at {self._schedule.clip:g}). The state '
            f'before is in {self._folder / checkpoint.FILE}')

    def _batches(self) -> Iterable[Any]:
        """Return the batches of this process from the present step on."""
        schedule = self._schedule
        per_step = schedule.batch * self._place.count
        indices = [
            [step * per_step + self._place.rank * schedule.batch + number
             for number in range(schedule.batch)]
            for step in range(self.step, schedule.steps)]
        loader: DataLoader[Any] = DataLoader(
            _Samples(self._task), batch_sampler=indices, collate_fn=self._task.collate,
            num_workers=schedule.workers, worker_init_fn=_init_worker,
            pin_memory=self._place.device.type == 'cuda')
        return loader

    def _resume(self) -> int:
        """Load the state of the folder, if there is one; return the number of the next step."""
        state = checkpoint.load(self._folder, self._schedule.text())
        if state is None:
            return 0
        self._network.load_state_dict(state['network'])
        self._optimizer.load_state_dict(state['optimizer'])
        if self._schedule.ema:
            self._average.load_state_dict(state['average'])
        return int(state['step'])

    def _save(self) -> None:
        if not self._place.leads:
            return
        state = {
            'recipe': self._schedule.text(), 'step': self.step,
            'network': self._network.state_dict(), 'optimizer': self._optimizer.state_dict()}
        if self._schedule.ema:
            state['average'] = self._average.state_dict()
        checkpoint.save(self._folder, state)


class _Losses(nn.Module):
    """Wrap a task in a module for DistributedDataParallel."""

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


def _init_worker(_: int) -> None:
    # one thread each: there are as many workers as free cores
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def freeze(network: nn.Module, schedule: Schedule) -> None:
    """Exclude parameters whose share of the rate is 0 from training."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(share_of(name, schedule) > 0)


def share_of(name: str, schedule: Schedule) -> float:
    """Return the share of the rate of a parameter: that of the longest prefix of its name."""
    fitting = [(prefix, share) for prefix, share in schedule.slow if name.startswith(prefix)]
    return max(fitting, key=lambda item: len(item[0]))[1] if fitting else 1.0


def make_optimizer(network: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """
    Return the optimiser over all trainable parameters.

    Biases and norms (tensors of one dimension) have no weight decay; the rate of biases is
    multiplied by `bias_rate`. Raises TrainingError if all parameters are frozen.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        share = share_of(name, schedule)
        if name.endswith('bias'):
            share *= schedule.bias_rate
        decay = schedule.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((share, decay), []).append(parameter)
    if not groups:
        raise TrainingError('every part of the network is frozen; give one of them a rate')
    settings = [{'params': parameters, 'share': share, 'weight_decay': decay}
                for (share, decay), parameters in groups.items()]
    if schedule.optimizer == 'sgd':
        return torch.optim.SGD(settings, lr=schedule.rate, momentum=schedule.momentum)
    return torch.optim.AdamW(settings, lr=schedule.rate)


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, keep: float) -> None:
    """Update the moving average of the weights with decay `keep`; copy the buffers."""
    for mine, its in zip(average.parameters(), network.parameters(), strict=True):
        mine.lerp_(its, 1 - keep)
    for kept, present in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(present)
