# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A task so small that a test can train it: a plane through noisy points."""

from __future__ import annotations

import argparse
from pathlib import Path
import time

import numpy as np
import torch
from torch import nn

from mot_ros.training.schedule import Schedule
from mot_ros.training.trainer import train

SLOPE = torch.tensor([[2.0, -1.0, 0.5]])


class Plane:
    """Points on a plane, found by two layers; `part` is a second part of the loss."""

    def __init__(self):
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 1))

    def sample(self, index):
        rng = np.random.default_rng(index)
        x = torch.tensor(rng.normal(size=3), dtype=torch.float32)
        return x, (SLOPE @ x) + 0.01 * float(rng.normal())

    def collate(self, samples):
        return torch.stack([x for x, _ in samples]), torch.stack([y for _, y in samples])

    def losses(self, batch):
        x, y = batch
        # chance in the step itself, as where triplets are drawn
        noise = 1e-3 * torch.randn_like(y)
        return {'fit': ((self.network(x) - y + noise) ** 2).mean(),
                'part': 1e-4 * sum(p.square().sum() for p in self.network.parameters())}


def recipe(**more):
    values = {'steps': 60, 'batch': 8, 'rate': 1e-2, 'rate_batch': 8, 'warm_up': 5, 'ema': 0.9,
              'save_every': 7, **more}
    return Schedule(**values)


def main():
    """Train in a process that tests can kill, or that torchrun starts."""
    parser = argparse.ArgumentParser()
    parser.add_argument('folder', type=Path)
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--optimizer', default='adamw')
    parser.add_argument('--pause', type=float, default=0.0)
    args = parser.parse_args()
    task = Plane()
    for _ in train(task, recipe(batch=args.batch, optimizer=args.optimizer), args.folder,
                   torch.device('cpu')):
        time.sleep(args.pause)
    torch.save(task.network.state_dict(), args.folder / f'end-{torch.initial_seed()}.pt')


if __name__ == '__main__':
    main()
