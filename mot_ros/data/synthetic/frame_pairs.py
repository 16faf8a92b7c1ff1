# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Training pairs: two frames of one synthetic scene, at most a second apart by default.

Sample i of a seed is always the same, so that training can be resumed, and split over processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.synthetic.camera_motion import SyntheticCameraMotion
from mot_ros.data.synthetic.cutouts import Cutout
from mot_ros.data.synthetic.driving import Drive, DrivingScene
from mot_ros.data.synthetic.image_degradation import Look
from mot_ros.data.synthetic.scene import Crowd, CrowdScene, Scene
from mot_ros.data.synthetic.truth import SyntheticTruth
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.types import Floats, Ints

Image = NDArray[np.uint8]


def no_boxes() -> Floats:
    """Return (0, 4) boxes."""
    return np.zeros((0, 4), np.float32)


@dataclass(frozen=True, eq=False)
class PairSample:
    """
    Hold two images of the same people, the earlier one first.

    `images` are (H, W, 3) uint8 BGR of one size. For each of them: `boxes` (N, 4) float32 xyxy
    pixels, `ids` (N,), the same for the same person in both, `labels` (N,), `visibilities` (N,)
    in [0, 1], 1 where it is not known. `gap` is the time between them in seconds, 0 where both
    were made of one image. `regions` (K, 4) are neither people nor background.
    """

    images: tuple[Image, Image]
    boxes: tuple[Floats, Floats]
    ids: tuple[Ints, Ints]
    labels: tuple[Ints, Ints]
    visibilities: tuple[Floats, Floats]
    gap: float = 0.0
    regions: tuple[Floats, Floats] = field(default_factory=lambda: (no_boxes(), no_boxes()))


class FramePairs(Protocol):
    """Pairs without end, numbered from 0."""

    def sample(self, index: int) -> PairSample:
        """Return the pair of a number from 0 on."""


@dataclass(frozen=True)
class PairChoice:
    """
    Set the size, time gap and people of synthetic pairs.

    `size` is (width, height) of the images. `gap` is the longest time between the two in
    seconds; half of the pairs are one frame of a 7 to 10 Hz camera apart, the others any time.
    `driving` is the share of driving scenes. `people` is (least, most) in a crowd. Boxes are
    amodal, or modal without `amodal`; people of a visibility below `least` are left out.
    `per_scene` consecutive samples share a scene, because making one takes longer than drawing
    two frames of it.
    """

    size: tuple[int, int] = (640, 480)
    gap: float = 1.0
    driving: float = 0.3
    people: tuple[int, int] = (4, 20)
    amodal: bool = True
    least: float = 0.1
    per_scene: int = 4

    def __post_init__(self) -> None:
        if not (self.gap > 0 and 0 <= self.driving <= 1 and 0 <= self.least < 1 and
                0 < self.people[0] <= self.people[1] and self.per_scene > 0):
            raise ConfigError(
                f'{self} cannot be; gap is above 0, driving lies in [0, 1], least in [0, 1), '
                'people are 0 < least <= most, per_scene is above 0')


class SyntheticPairs:
    """Draw pairs of frames of synthetic scenes, each scene from a seed of its own."""

    def __init__(self, cutouts: Sequence[Cutout], photographs: Sequence[Path] = (),
                 choice: PairChoice | None = None, seed: int = 0) -> None:
        self._cutouts = cutouts
        self._photographs = photographs
        self._choice = choice or PairChoice()
        self._seed = seed
        self._latest: tuple[int, Scene] | None = None

    def sample(self, index: int) -> PairSample:
        """Return the pair of a number from 0 on."""
        choice = self._choice
        generator = np.random.default_rng((self._seed, 1, index))
        if generator.random() < .5:
            gap = 1 / generator.uniform(7, 10)
        else:
            gap = generator.uniform(1 / 30, max(choice.gap, 1 / 30))
        gap = min(float(gap), choice.gap)
        number = index // choice.per_scene
        if self._latest is None or self._latest[0] != number:
            self._latest = number, self._scene(np.random.default_rng((self._seed, 0, number)))
        scene = self._latest[1]
        # a drive begins with an empty street behind it
        start = generator.uniform(3, 20)
        (first, before), (second, after) = (scene.at(time) for time in (start, start + gap))
        before, after = (truth[truth.visibilities >= choice.least].seen()
                         for truth in (before, after))

        def boxes(truth: SyntheticTruth) -> Floats:
            return truth.boxes if choice.amodal else truth.visible

        return PairSample(
            (first, second), (boxes(before), boxes(after)), (before.ids, after.ids),
            (before.labels, after.labels), (before.visibilities, after.visibilities), gap)

    def _scene(self, generator: np.random.Generator) -> Scene:
        """Make a scene, on photographs or on a drawn background by chance."""
        choice, seed = self._choice, int(generator.integers(1 << 31))
        photographs = self._photographs if generator.random() < .8 else ()
        look = Look(
            brightness=generator.uniform(0, .25), noise=generator.uniform(0, 5),
            jpeg=int(generator.integers(50, 96)), exposure=generator.uniform(.002, .03))
        if generator.random() < choice.driving:
            # not everyone: every cut-out is made ready to be drawn
            some = generator.permutation(len(self._cutouts))[:2 * choice.people[1]]
            return DrivingScene(
                [self._cutouts[number] for number in some], photographs, Drive(
                    size=choice.size, speed=generator.uniform(1, 16),
                    people=generator.uniform(10, 50), smallest=generator.uniform(.04, .1),
                    turn=generator.uniform(0, .2), look=look), seed)
        tallest = generator.uniform(.3, .95)
        return CrowdScene(self._cutouts, photographs, Crowd(
            size=choice.size, people=int(generator.integers(*choice.people, endpoint=True)),
            pace=generator.uniform(.7, 1.6),
            heights=(tallest * generator.uniform(.2, .6), tallest),
            obstacles=int(generator.integers(0, 5)), look=look, camera=SyntheticCameraMotion(
                pan=generator.uniform(0, .15), shake=generator.uniform(0, .006),
                zoom=generator.uniform(0, .15), roll=generator.uniform(0, .02),
                period=generator.uniform(3, 10))), seed)
