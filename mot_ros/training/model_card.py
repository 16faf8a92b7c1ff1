# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What a training leaves: weights that say of themselves how they were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from pathlib import Path
import re
import shlex
import time
from typing import Any

import torch
from torch import nn, Tensor

from mot_ros import __version__
from mot_ros.benchmarking.machine import describe_machine
from mot_ros.data.output import write_text
from mot_ros.tracking.checkpoints.pinned import serialize, write
from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.training import checkpoint
from mot_ros.training.config import Plan, SlmPlan, SsdPlan, told

RECORD = 'training.json'
"""What a training was begun with, beside its state."""
NAMES = ('person',)
"""Of the classes, where they are one."""


class TrainingRecord:
    """
    What the training of a folder is made of, and how long it has taken so far.

    Raises ConfigError if the folder holds a state that was made of something else.
    """

    def __init__(self, folder: Path, plan: Plan, data: Sequence[str]) -> None:
        self._path = folder / RECORD
        # as it looks after it was written and read again
        self._made_of = json.loads(json.dumps({'data': list(data), 'plan': told(plan)}))
        self._before = 0.0
        self._start = time.monotonic()
        if not (folder / checkpoint.FILE).exists():
            return
        try:
            found = json.loads(self._path.read_text(encoding='utf-8'))
            self._before = float(found['seconds'])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(
                f'{folder} holds a state of a training, but {RECORD} beside it cannot be read '
                f'({error}); name another folder') from error
        for name, value in self._made_of.items():
            if found.get(name) != value:
                raise ConfigError(
                    f'{folder} holds a training of another {name}: '
                    f'{_difference(found.get(name), value)}; go on with that one, or name '
                    'another folder')

    @property
    def seconds(self) -> float:
        """How long it took, breaks not counted, as far as they were recorded."""
        return self._before + time.monotonic() - self._start

    def save(self) -> None:
        """Write it beside the state."""
        write_text(self._path, json.dumps(
            {**self._made_of, 'seconds': round(self.seconds, 1)}, indent=2) + '\n')


def card(plan: Plan, learner: nn.Module, data: Sequence[str], command: Sequence[str],
         seconds: float, device: torch.device) -> dict[str, str]:
    """
    Return what weights say of themselves, in the words of a safetensors file.

    Weights go to other people, so of files and folders only the last name is told.
    """
    recipe = plan.recipe
    hardware = {**describe_machine(), 'device': (
        torch.cuda.get_device_name(device) if device.type == 'cuda' else 'cpu')}
    del hardware['load']
    if isinstance(plan, SlmPlan):
        about = {'kind': 'slm', 'variant': plan.network.variant,
                 'middle': f'{float(learner.get_parameter("middle").detach()):.4f}'}
    elif isinstance(plan, SsdPlan):
        about = {'kind': 'ssd', 'fitted': json.dumps(NAMES)}
    else:
        network = plan.network
        about = {'kind': 'siammot', 'body': network.body, 'classes': str(network.classes),
                 'motion': network.motion}
        if network.classes == len(NAMES) + 1:
            about['names'] = json.dumps(NAMES)
    return {
        **about, 'data': ', '.join(map(_last, data)) or 'drawn figures',
        'command': shlex.join(map(_last, command)),
        'recipe': json.dumps({**told(plan), 'init': _last(plan.init)}, sort_keys=True),
        'init': _last(plan.init) or 'none',
        'seed': str(recipe.seed), 'steps': str(recipe.steps), 'seconds': f'{seconds:.0f}',
        'date': time.strftime('%Y-%m-%d', time.gmtime()), 'hardware': json.dumps(hardware),
        'torch': torch.__version__, 'mot_ros': __version__}


def write_weights(path: Path, state: Mapping[str, Tensor], metadata: Mapping[str, str], *,
                  half: bool = False) -> None:
    """Write tensors and metadata as safetensors, `half` in half precision."""
    arrays: dict[str, Any] = {}
    for name, tensor in state.items():
        plain = tensor.detach().cpu()
        if half and plain.dtype == torch.float32:
            plain = plain.half()
        arrays[name] = plain.contiguous().numpy()
    write(path, serialize(arrays, metadata), 'name another folder')


def _last(word: str) -> str:
    """Return a word of a command without the folders that a file in it lies in."""
    return re.sub(r'[^=]*/(?=[^/])', '', word.rstrip('/'))


def _difference(before: Any, now: Any, where: str = '') -> str:
    """Return the first thing that is not the same, by its name."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                return _difference(before.get(name), now.get(name), f'{where}.{name}'.lstrip('.'))
    return f'{where} was {before}, and is {now}'.lstrip()
