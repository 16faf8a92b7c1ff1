# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Model card: how weights were made, written into their file, and a record beside a training."""

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
from mot_ros.tracking.checkpoints.pinned import serialize, write
from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.runtime.output_file import write_text
from mot_ros.training import checkpoint
from mot_ros.training.config import (
    outcome_values,
    SlmTrainingConfig,
    SsdTrainingConfig,
    TrainingConfig,
)

RECORD = 'training.json'
"""File of a training's data and configuration, beside its state."""
NAMES = ('person',)
"""Class names of a network with one class."""


class TrainingRecord:
    """
    Compare a training with the one that its folder holds, and record its data and duration.

    Raises ConfigError if the folder holds the state of another training.
    """

    def __init__(self, folder: Path, config: TrainingConfig, data: Sequence[str]) -> None:
        self._path = folder / RECORD
        # as JSON returns it: tuples become lists
        self._made_of = json.loads(json.dumps(
            {'data': list(data), 'config': outcome_values(config)}))
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
        """Return the duration of all runs so far, without the breaks between them."""
        return self._before + time.monotonic() - self._start

    def save(self) -> None:
        """Write the record beside the state."""
        write_text(self._path, json.dumps(
            {**self._made_of, 'seconds': round(self.seconds, 1)}, indent=2) + '\n')


def model_card(
        config: TrainingConfig, learner: nn.Module, data: Sequence[str], command: Sequence[str],
        seconds: float, device: torch.device) -> dict[str, str]:
    """
    Return the metadata of a safetensors file: kind, data, command, recipe, machine and versions.

    Weights are given to other people, so files and folders appear by their last name only.
    """
    recipe = config.recipe
    hardware = {**describe_machine(), 'device': (
        torch.cuda.get_device_name(device) if device.type == 'cuda' else 'cpu')}
    del hardware['load']
    if isinstance(config, SlmTrainingConfig):
        about = {'kind': 'slm', 'variant': config.network.variant,
                 'middle': f'{float(learner.get_parameter("middle").detach()):.4f}'}
    elif isinstance(config, SsdTrainingConfig):
        about = {'kind': 'ssd', 'fitted': json.dumps(NAMES)}
    else:
        network = config.network
        about = {'kind': 'siammot', 'body': network.body, 'classes': str(network.classes),
                 'motion': network.motion}
        if network.classes == len(NAMES) + 1:
            about['names'] = json.dumps(NAMES)
    return {
        **about, 'data': ', '.join(map(_last, data)) or 'drawn figures',
        'command': shlex.join(map(_last, command)),
        'recipe': json.dumps(
            {**outcome_values(config), 'init': _last(config.init)}, sort_keys=True),
        'init': _last(config.init) or 'none',
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
    """Remove the folders from the path in a word of a command."""
    return re.sub(r'[^=]*/(?=[^/])', '', word.rstrip('/'))


def _difference(before: Any, now: Any, where: str = '') -> str:
    """Describe the first value that differs, by its dotted name."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                return _difference(before.get(name), now.get(name), f'{where}.{name}'.lstrip('.'))
    return f'{where} was {before}, and is {now}'.lstrip()
