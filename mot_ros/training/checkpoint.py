# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Save and load the state of a training; the file is complete at any moment."""

from __future__ import annotations

from pathlib import Path
import pickle
from typing import Any

import torch

from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.runtime.output_file import written

FILE = 'last.pt'


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write the state; it replaces the last one once it is complete."""
    with written(folder / FILE) as partial:
        torch.save(state, partial)


def load(folder: Path, recipe: str) -> dict[str, Any] | None:
    """
    Return the state of a training by this recipe (Schedule.text), None if there is none yet.

    Raises ConfigError for the state of another recipe, WeightsError for an unreadable file.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location='cpu', weights_only=True)
        made_by = state['recipe']
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError,
            TypeError) as error:
        raise WeightsError(
            f'{path} is no state of a training '
            f'({(str(error).splitlines() or [type(error).__name__])[0]}); remove it to begin '
            'anew') from error
    if made_by != recipe:
        raise ConfigError(
            f'{path} was made by another recipe, {made_by}, and this is {recipe}; go on with '
            'that one, or name another folder')
    return state
