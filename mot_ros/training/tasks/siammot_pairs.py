# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Training pairs of SiamMOT: synthetic scenes, mosaics, images and video, all of one size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.tracked_images import VideoPairs
from mot_ros.data.synthetic.frame_pairs import FramePairs, PairChoice, PairSample, SyntheticPairs
from mot_ros.data.synthetic.image_pairs import Augmentation, ImagePairs
from mot_ros.data.synthetic.mosaics import MosaicPairs
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.types import Floats
from mot_ros.training.datasets import Datasets
from mot_ros.training.tasks.siammot import MixedPairs

GREY = 114
"""Grey level of padding."""


@dataclass(frozen=True)
class PairMix:
    """
    Set the shares of pairs: `composed` (synthetic) scenes, `mosaics`, single `images`, `videos`.

    `size` is (width, height) of all pairs, multiples of 32; images are scaled to fit into it,
    times a random factor from `smallest` to 1. A share without data (cut-outs, annotated images
    or video) is left out. For the other values see PairChoice, MosaicPairs and Augmentation.
    """

    size: tuple[int, int] = (640, 480)
    composed: float = 0.5
    mosaics: float = 0.25
    images: float = 0.25
    videos: float = 0.5
    smallest: float = 0.5
    gap: float = 1.0
    driving: float = 0.3
    people: tuple[int, int] = (4, 20)
    sides: tuple[int, int] = (2, 4)
    heights: tuple[float, float] = (40.0, 200.0)
    blur: float = 0.5
    motion: float = 0.1
    jitter: float = 0.1

    def make(self, datasets: Datasets, seed: int) -> MixedPairs:
        """Make the mixture of pairs; ConfigError if no share has data."""
        change = Augmentation(
            jitter=self.jitter, blur=self.blur, motion=self.motion, scales=())
        parts: list[tuple[FramePairs, float]] = []
        if self.composed and datasets.cutouts:
            choice = PairChoice(
                size=self.size, gap=self.gap, driving=self.driving, people=self.people)
            parts.append((SyntheticPairs(
                datasets.cutouts, datasets.photographs, choice, seed), self.composed))
        if self.mosaics and datasets.images:
            parts.append((MosaicPairs(
                datasets.images, self.size, self.sides, self.heights, change, seed + 1),
                self.mosaics))
        if self.images and datasets.images:
            parts.append((FittedPairs(
                ImagePairs(datasets.images, change, seed + 2), self.size, self.smallest, seed),
                self.images))
        if self.videos and datasets.sequences:
            parts.append((FittedPairs(
                VideoPairs(datasets.sequences, self.gap, change, seed + 3), self.size,
                self.smallest, seed), self.videos))
        if not parts:
            raise ConfigError(
                f'nothing to make pairs of: {len(datasets.cutouts)} cut-outs, '
                f'{len(datasets.images)} annotated images and {len(datasets.sequences)} videos, '
                f'with shares {self.composed:g} of composed scenes, {self.mosaics:g} of mosaics, '
                f'{self.images:g} of images and {self.videos:g} of videos')
        return MixedPairs(parts, seed)


class FittedPairs:
    """Scale pairs to fit into one (width, height), and pad them with grey."""

    def __init__(
            self, pairs: FramePairs, size: tuple[
                int, int], smallest: float, seed: int = 0) -> None:
        if not 0 < smallest <= 1:
            raise ConfigError(f'smallest is {smallest:g}; it must lie in (0, 1]')
        self._pairs = pairs
        self._size = size
        self._smallest = smallest
        self._seed = seed

    def sample(self, index: int) -> PairSample:
        """Return the pair of a number from 0 on."""
        pair = self._pairs.sample(index)
        part = np.random.default_rng((self._seed, index)).uniform(self._smallest, 1)
        height, width = pair.images[0].shape[:2]
        scale = part * min(self._size[0] / width, self._size[1] / height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        exact = np.array([inner[0] / width, inner[1] / height] * 2, np.float32)
        first, second = (_fitted(image, inner, self._size) for image in pair.images)
        boxes: tuple[Floats, Floats] = (pair.boxes[0] * exact, pair.boxes[1] * exact)
        return PairSample(
            (first, second), boxes, pair.ids, pair.labels, pair.visibilities, pair.gap,
            (pair.regions[0] * exact, pair.regions[1] * exact))


def _fitted(
        image: NDArray[np.uint8], inner: tuple[int, int],
        size: tuple[int, int]) -> NDArray[np.uint8]:
    """Scale an image to `inner` (width, height) and pad it to `size` at the right and below."""
    canvas = np.full((size[1], size[0], 3), GREY, np.uint8)
    way = cv2.INTER_AREA if inner[0] < image.shape[1] else cv2.INTER_LINEAR
    canvas[:inner[1], :inner[0]] = cv2.resize(image, inner, interpolation=way)
    return canvas
