# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The scripts in benchmarks/ as modules, though they are in no package."""

from __future__ import annotations

import importlib.util
from pathlib import Path
import sys
from types import ModuleType

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load benchmarks/NAME.py anew, as NAME_benchmark until the end of the test."""
    known = f'{name}_benchmark'
    # as Python does for a script; for _start
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    spec = importlib.util.spec_from_file_location(known, ROOT / 'benchmarks' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up there
    monkeypatch.setitem(sys.modules, known, module)
    spec.loader.exec_module(module)
    return module


def write_noise(path: Path, size: tuple[int, int], frames: int) -> None:
    """Write a video of (width, height) in which there is nothing."""
    width, height = size
    random = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, size)
    for _ in range(frames):
        writer.write(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
    writer.release()
