# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Scenes with annotated people on which detectors are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mot_ros.data.datasets.mot import MotRows, NO_ID, read_truth
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.types import Frame
from mot_ros.training.datasets import held_out, read_datasets

Frames = Iterator[tuple[int, Frame]]


@dataclass(frozen=True)
class DetectionScene:
    """
    Numbered frames, from 1, and the people on them.

    `whole` says whether everybody has a box: without it nothing is said about precision. `seen`
    says whether the weights of a detector have been trained on it.
    """

    name: str
    frames: Callable[[], Frames]
    truth: MotRows
    whole: bool = True
    seen: bool = False


def sequence(
        name: str, images: Path, truth: Path, every: int = 1, *,
        whole: bool = True) -> DetectionScene:
    """Return every so many frames of a video or a folder of images with MOTChallenge truth."""
    def frames() -> Frames:
        for number, frame in enumerate(open_source(images), 1):
            if (number - 1) % every == 0:
                yield number, frame

    return DetectionScene(name, frames, read_truth(truth), whole)


def annotated(root: str, hold_out: int = 0, *, seen: bool = False) -> DetectionScene:
    """
    Return the images of a folder or file as `mot_ros train --data` takes it.

    With `hold_out` only those that a training with the same number leaves out. Raises SourceError
    where there are none.
    """
    images = read_datasets([root]).images
    if not images:
        raise SourceError(f'{root} holds no images with boxes; give one with masks/ or labels/')
    if hold_out:
        hidden = held_out([image.path for image in images], hold_out)
        images = [image for image in images if image.path in hidden]
    counts = [len(image.boxes) for image in images]
    truth = MotRows(
        np.repeat(np.arange(1, len(images) + 1), counts), np.full(sum(counts), NO_ID),
        np.concatenate([image.boxes for image in images]).astype(np.float64),
        np.concatenate([~image.ignored for image in images]).astype(np.float64))
    return DetectionScene(
        Path(root).name,
        lambda: ((number, Frame.of(image.read(), 0.0)) for number, image in enumerate(images, 1)),
        truth, seen=seen)
