# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Pairs of frames made of one annotated image, for training SiamMOT on images without video.

The second frame is the first one with a camera that moved a little: a crop of it, scaled to the
size of the whole (Shuai et al., SiamMOT: Siamese Multi-Object Tracking, CVPR 2021, section 4.2).
Colours, blur, compression and motion each change one of the two frames, chosen at random; size
and mirror image are common to both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.datasets.labelled_images import LabelledImage
from mot_ros.data.synthetic.frame_pairs import no_boxes, PairSample
from mot_ros.data.synthetic.image_degradation import jpeg, line_kernel
from mot_ros.tracking.boxes import area, clip
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.types import Floats, Ints

Image = NDArray[np.uint8]

KERNEL = 10
"""Pixels of motion blur."""
SLANT = math.radians(30)
"""The most that motion blur is off the horizontal."""
SIGMA = 2.0
"""The widest Gaussian blur, in pixels."""
CUT = 0.25
"""The part of the largest box that a crop may cut off at a side."""
STRIDE = 32
"""Both sides of a resized image are multiples of it."""


@dataclass(frozen=True, eq=False)
class FrameView:
    """
    Hold a frame during augmentation: image, `boxes` and `visible` (N, 4), ids and labels (N,).

    `regions` (K, 4) are neither people nor background.
    """

    image: Image
    boxes: Floats
    visible: Floats
    ids: Ints
    labels: Ints
    regions: Floats = field(default_factory=no_boxes)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self.image.shape[1]), int(self.image.shape[0])

    def only(self, wanted: NDArray[np.bool_]) -> FrameView:
        """Return the view with a part of its boxes."""
        return replace(self, boxes=self.boxes[wanted], visible=self.visible[wanted],
                       ids=self.ids[wanted], labels=self.labels[wanted])

    def scaled(self, image: Image, scale: tuple[float, float],
               shift: tuple[float, float] = (0.0, 0.0)) -> FrameView:
        """Return the view with another image, in which a point is at (x - shift) * scale."""
        corner, factor = np.array(shift * 2, np.float32), np.array(scale * 2, np.float32)
        return replace(self, image=image, boxes=(self.boxes - corner) * factor,
                       visible=(self.visible - corner) * factor,
                       regions=(self.regions - corner) * factor)


@dataclass(frozen=True)
class Augmentation:
    """
    Set the augmentation of a pair; the defaults are SiamMOT's for people.

    `jitter` of brightness, contrast, saturation and hue; `blur` is how probable motion or
    Gaussian blur is; `compression` is the strongest JPEG compression (100 - quality); `motion`
    is the part of a side that is cropped at most; `flip` is how probable a mirror image is.
    `scales` are lengths of the shorter side, the longer one at most `longest`; none: as it is.
    With `amodal` boxes are not cut to the image, and only those wholly outside left out.
    """

    jitter: float = 0.1
    blur: float = 1.0
    compression: int = 50
    motion: float = 0.1
    flip: float = 0.5
    scales: tuple[int, ...] = (640, 720, 800, 880, 960)
    longest: int = 1280
    amodal: bool = True

    def __post_init__(self) -> None:
        parts = (self.jitter, self.blur, self.flip)
        if not (min(parts) >= 0 and max(parts) <= 1 and 0 <= self.motion <= .4 and
                0 <= self.compression < 100 and self.longest >= STRIDE and
                all(scale >= STRIDE for scale in self.scales)):
            raise ConfigError(
                f'{self} cannot be; jitter, blur and flip lie in [0, 1], motion in [0, 0.4], '
                f'compression in [0, 99], scales and longest are at least {STRIDE}')


class ImagePairs:
    """
    Draw pairs of annotated images, reshuffled in every epoch.

    Boxes to ignore become regions; the second of two equal boxes is left out.
    """

    def __init__(self, images: Sequence[LabelledImage], augmentation: Augmentation | None = None,
                 seed: int = 0) -> None:
        if not images:
            raise ConfigError('there are no images to make pairs of')
        self._images = images
        self._augmentation = augmentation or Augmentation()
        self._seed = seed

    def sample(self, index: int) -> PairSample:
        """Return the pair of a number from 0 on."""
        number, place = divmod(index, len(self._images))
        order = np.random.default_rng((self._seed, 0, number)).permutation(len(self._images))
        labelled = self._images[int(order[place])]
        generator = np.random.default_rng((self._seed, 1, index))
        return pair_of(view_of(labelled), generator, self._augmentation)


def view_of(labelled: LabelledImage) -> FrameView:
    """Read an annotated image; ids count its boxes from 1."""
    boxes = labelled.boxes
    first = np.zeros(len(boxes), np.bool_)
    if len(boxes):
        first[np.unique(boxes, axis=0, return_index=True)[1]] = True
    wanted = first & ~labelled.ignored
    return FrameView(labelled.read(), boxes, labelled.visible, np.arange(1, len(boxes) + 1),
                labelled.labels, boxes[labelled.ignored]).only(wanted)


def pair_of(
        view: FrameView, generator: np.random.Generator, augmentation: Augmentation) -> PairSample:
    """Return two frames of one view, changed in the order of SiamMOT's training."""
    views = [view, view]

    def change_one(change: Callable[[FrameView], FrameView]) -> None:
        chosen = int(generator.integers(2))
        views[chosen] = change(views[chosen])

    change_one(lambda frame: replace(
        frame, image=jittered(frame.image, generator, augmentation.jitter)))
    if generator.random() < augmentation.blur:
        change_one(lambda frame: replace(frame, image=blurred(frame.image, generator)))
    quality = 100 - int(generator.random() * augmentation.compression)
    change_one(lambda frame: replace(frame, image=jpeg(frame.image, quality)))
    change_one(lambda frame: moved(frame, generator, augmentation.motion))
    if augmentation.scales:
        short = augmentation.scales[int(generator.integers(len(augmentation.scales)))]
        views = [resized(frame, short, augmentation.longest) for frame in views]
    if generator.random() < augmentation.flip:
        views = [mirrored(frame) for frame in views]
    first, second = (inside(frame, amodal=augmentation.amodal) for frame in views)
    return PairSample(
        (first.image, second.image), (first.boxes, second.boxes), (first.ids, second.ids),
        (first.labels, second.labels), (_visibility(first), _visibility(second)),
        regions=(first.regions, second.regions))


def jittered(image: Image, generator: np.random.Generator, limit: float) -> Image:
    """Change brightness, contrast, saturation and hue by up to `limit` of each."""
    brightness, contrast, saturation = generator.uniform(1 - limit, 1 + limit, 3)
    turn = generator.uniform(-limit, limit)
    grey = float(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).mean()) * brightness
    # about the mean grey, so that contrast leaves brightness alone
    changed = cv2.convertScaleAbs(
        image, alpha=brightness * contrast, beta=grey * (1 - contrast))
    hue = cv2.cvtColor(changed, cv2.COLOR_BGR2HSV)
    # OpenCV counts hue in steps of two degrees
    hue[..., 0] = (hue[..., 0].astype(np.int16) + round(turn * 180)) % 180
    hue[..., 1] = cv2.convertScaleAbs(hue[..., 1], alpha=saturation)
    return np.asarray(cv2.cvtColor(hue, cv2.COLOR_HSV2BGR), np.uint8)


def blurred(image: Image, generator: np.random.Generator) -> Image:
    """Blur along a line near the horizontal, or in all directions."""
    if generator.random() < .5:
        angle = generator.uniform(-SLANT, SLANT)
        kernel = line_kernel(KERNEL * math.cos(angle), KERNEL * math.sin(angle))
        return np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)
    sigma = generator.uniform(0, SIGMA)
    # below that nothing would change, and OpenCV takes 0 for something else
    return image if sigma < .1 else np.asarray(
        cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def moved(view: FrameView, generator: np.random.Generator, limit: float) -> FrameView:
    """
    Crop by up to `limit` of each side, and scale the rest to the size of the whole.

    The lower border follows from the shape of the image. At most a quarter of the largest
    visible box is cut off.
    """
    width, height = view.size
    left, top, rest = generator.random(3) * limit * (width, height, width)
    right = width - rest
    if len(view.visible):
        x1, y1, x2, y2 = clip(view.visible, view.size)[int(area(view.visible).argmax())].tolist()
        across, down = CUT * (x2 - x1), CUT * (y2 - y1)
        left, top, right = min(left, x1 + across), min(top, y1 + down), max(right, x2 - across)
        low = max(top + (right - left) * height / width, y2 - down)
    else:
        low = top + (right - left) * height / width
    left, top = int(left), int(top)
    right, low = min(width, math.ceil(right)), min(height, math.ceil(low))
    crop = cv2.resize(view.image[top:low, left:right], (width, height))
    scale = (width / (right - left), height / (low - top))
    return view.scaled(np.asarray(crop, np.uint8), scale, (left, top))


def resized(view: FrameView, short: int, longest: int) -> FrameView:
    """Scale to a shorter side, or to the longest that is allowed, down to multiples of STRIDE."""
    width, height = view.size
    least, most = min(view.size), max(view.size)
    short = min(short, round(longest * least / most))
    size = [max(STRIDE, int(short * side / least) // STRIDE * STRIDE) for side in view.size]
    way = cv2.INTER_AREA if short < least else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(view.image, size, interpolation=way), np.uint8)
    return view.scaled(image, (size[0] / width, size[1] / height))


def mirrored(view: FrameView) -> FrameView:
    """Exchange left and right."""
    width = view.size[0]

    def turned(boxes: Floats) -> Floats:
        result: Floats = boxes[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32)
        result[:, [0, 2]] += width
        return result

    return replace(view, image=np.ascontiguousarray(view.image[:, ::-1]),
                   boxes=turned(view.boxes), visible=turned(view.visible),
                   regions=turned(view.regions))


def inside(view: FrameView, *, amodal: bool) -> FrameView:
    """Remove boxes outside the image; clip the others to it unless `amodal`."""
    boxes, visible = clip(view.boxes, view.size), clip(view.visible, view.size)
    if not amodal:
        view = replace(view, boxes=visible)
        boxes = visible
    regions = clip(view.regions, view.size)
    view = replace(view, visible=visible, regions=regions[area(regions) > 0])
    return view.only(area(boxes) > 0)


def _visibility(view: FrameView) -> Floats:
    """Estimate the visible part of each box from the boxes alone."""
    part = area(view.visible) / np.maximum(area(view.boxes), 1e-6)
    result: Floats = np.clip(part, 0, 1).astype(np.float32)
    return result
