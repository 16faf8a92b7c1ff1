# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Crops to train re-ID embeddings: each sample is several views of one person.

A person is a cut-out. The views differ as those of two cameras, or of one camera at two times:
background and occlusion, light, size, sharpness, tilt and sway of the walk, the side that is seen,
noise, compression, and errors of the box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import itertools
import math
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.data.photographs import read_photograph
from mot_ros.data.synthetic.cutouts import Cutout
from mot_ros.data.synthetic.image_degradation import jpeg
from mot_ros.data.synthetic.image_pairs import jittered
from mot_ros.data.synthetic.rendering import paint
from mot_ros.data.synthetic.sprites import boxed, Sprite, SpritePlacement, standing
from mot_ros.data.synthetic.textures import asphalt, facade, pavement
from mot_ros.tracking.errors import ConfigError

Image = NDArray[np.uint8]

TALLEST = 200
"""Pixels in height that a figure is kept with; no view is larger."""
PHOTOGRAPHS = 200
"""The most that are kept in memory, at a width of LONGEST at most."""
LONGEST = 480
STRIPES = 8
"""Parts of a figure from head to feet whose clothes are told apart."""
DRAWN = 12
"""Surfaces that are drawn where there are no photographs."""


@dataclass(frozen=True, eq=False)
class CropSample:
    """Hold views (K, H, W, 3) uint8 BGR of one person, and the unique `identity`."""

    views: Image
    identity: int


class Crops(Protocol):
    """
    Samples of people without end, numbered from 0.

    Identities below `people` come again in every epoch, others once.
    """

    @property
    def people(self) -> int:
        """Number of people who come again."""
        ...

    def sample(self, index: int) -> CropSample:
        """Return the views of a number from 0 on."""


@dataclass(frozen=True)
class CropChoice:
    """
    Set how the views of a person differ.

    `size` is (width, height) of the crops, `views` how many there are of each. `heights` is
    how tall people are in the image that they are cut out of, in pixels. The edges of boxes are
    off by up to `jitter` of their side. `light` is how much light and colours differ, from 0,
    not at all, to 1, as between two cameras. The rest is how probable things are: `recolour`
    another colour of everything, which makes another person, and `outfit` that these colours are
    those of two other people's clothes; `twin` that of two people in a row the second is the first
    in other colours; `dress` that a view shows somebody else in the same clothes; `crowd` somebody
    behind, and in front; `cover` something before the legs; `bend` a sway; `blur`; and `erase` a
    blank rectangle.

    All views of a cut-out share its outline, unlike views of a person in video; `twin` and `dress`
    keep a network from learning the outline.
    """

    size: tuple[int, int] = (64, 128)
    views: int = 4
    heights: tuple[float, float] = (36.0, 190.0)
    jitter: float = 0.1
    light: float = 1.0
    recolour: float = 0.4
    outfit: float = 0.0
    twin: float = 0.0
    dress: float = 0.0
    crowd: float = 0.35
    cover: float = 0.2
    bend: float = 0.7
    blur: float = 0.4
    erase: float = 0.4

    def __post_init__(self) -> None:
        parts = (self.light, self.recolour, self.outfit, self.twin, self.dress, self.crowd,
                 self.cover, self.bend, self.blur, self.erase)
        if not (min(parts) >= 0 and max(parts) <= 1 and 0 <= self.jitter < .5
                and self.views >= 1 and 8 <= self.heights[0] <= self.heights[1] <= TALLEST):
            raise ConfigError(
                f'{self} cannot be; light and probabilities lie in [0, 1], jitter in [0, 0.5), '
                f'views are at least 1, heights from 8 to {TALLEST}')


class PersonCrops:
    """Draw views of cut-outs, reshuffled in every epoch."""

    def __init__(self, cutouts: Sequence[Cutout], photographs: Sequence[Path] = (),
                 choice: CropChoice | None = None, seed: int = 0) -> None:
        if len(cutouts) < 2:
            raise ConfigError(f'{len(cutouts)} cut-outs; nobody can be told from anybody else')
        self._cutouts = cutouts
        order = np.random.default_rng((seed, 3)).permutation(len(photographs))
        self._photographs = [photographs[int(number)] for number in order[:PHOTOGRAPHS]]
        self._choice = choice or CropChoice()
        self._seed = seed
        self._figures: dict[int, Image] = {}
        self._grounds: dict[int, Image] = {}

    @property
    def people(self) -> int:
        """Number of cut-outs; identities from there on are of figures recoloured once."""
        return len(self._cutouts)

    def sample(self, index: int) -> CropSample:
        """Return the views of a number from 0 on; an epoch has each person once, twins aside."""
        choice, generator = self._choice, np.random.default_rng((self._seed, 1, index))
        twin = index % 2 == 1 and generator.random() < choice.twin
        number, place = divmod(index - twin, len(self._cutouts))
        order = np.random.default_rng((self._seed, 0, number)).permutation(len(self._cutouts))
        who = int(order[place])
        figure, identity = self._figure(who), who
        if twin or generator.random() < choice.recolour:
            figure = (self._redressed(figure, generator)
                      if generator.random() < choice.outfit else recoloured(figure, generator))
            identity = len(self._cutouts) + index
        views = []
        for _ in range(choice.views):
            shown = figure
            if generator.random() < choice.dress:
                shown = dressed(self._figure(int(generator.integers(len(self._cutouts)))), figure)
            views.append(self._view(shown, who, generator))
        return CropSample(np.stack(views), identity)

    def _redressed(self, figure: Image, generator: np.random.Generator) -> Image:
        """Give a figure the colours of one other figure above the waist, of another below."""
        height, width = figure.shape[:2]
        upper, lower = (
            cv2.resize(self._figure(int(number)), (width, height))
            for number in generator.integers(len(self._cutouts), size=2))
        waist = round(height * generator.uniform(.4, .6))
        model = np.asarray(np.concatenate([upper[:waist], lower[waist:]]), np.uint8)
        return dressed(figure, model)

    def _view(self, figure: Image, who: int, generator: np.random.Generator) -> Image:
        """Compose one image with the figure in it, and cut that out."""
        choice = self._choice
        height = math.exp(generator.uniform(*np.log(choice.heights)))
        changed = lit(figure, generator, choice.light)
        if generator.random() < choice.bend:
            changed = bent(changed, generator)
        sprite = Sprite(Cutout(changed), shadow=bool(generator.random() < .5))
        width = height * sprite.size[0] / sprite.size[1]
        canvas = self._ground((round(2.6 * width) + 8, round(1.5 * height) + 8), generator)
        feet = (canvas.shape[1] / 2, .85 * canvas.shape[0])
        smear = (generator.normal(0, .04) * height, 0.0)
        matrix = standing(
            sprite, feet, height, lean=generator.normal(0, .03),
            mirrored=bool(generator.random() < .5), broad=generator.uniform(.85, 1.15))
        placements = [SpritePlacement(sprite, matrix, 1.0, 1, smear)]
        for depth in (0.0, 2.0):
            if generator.random() < choice.crowd:
                placements.append(self._other(who, feet, (width, height), depth, generator))
        paint(canvas, placements)
        box = boxed(sprite, matrix)
        if generator.random() < choice.cover:
            top = round(box[3] - generator.uniform(.05, .45) * height)
            rest = canvas[top:]
            if rest.size:
                rest[:] = self._ground((rest.shape[1], rest.shape[0]), generator)
        return seen_in(canvas, box, choice, generator)

    def _other(self, who: int, feet: tuple[float, float], size: tuple[float, float],
               depth: float, generator: np.random.Generator) -> SpritePlacement:
        """Put another figure behind or in front of this one."""
        number = (who + int(generator.integers(1, len(self._cutouts)))) % len(self._cutouts)
        sprite = Sprite(
            Cutout(lit(self._figure(number), generator, self._choice.light)), shadow=False)
        side = generator.choice([-1, 1]) * generator.uniform(.45, 1.1) * size[0]
        matrix = standing(
            sprite, (feet[0] + side, feet[1] + (1 - depth) * .06 * size[1]),
            size[1] * generator.uniform(.85, 1.1), mirrored=bool(generator.random() < .5))
        return SpritePlacement(sprite, matrix, depth)

    def _figure(self, number: int) -> Image:
        """Return a cut-out, no taller than TALLEST."""
        if number not in self._figures:
            cutout = self._cutouts[number]
            width, height = cutout.size
            scale = min(1.0, TALLEST / height)
            self._figures[number] = np.asarray(cv2.resize(
                cutout.image, (max(1, round(width * scale)), max(1, round(height * scale))),
                interpolation=cv2.INTER_AREA), np.uint8)
        return self._figures[number]

    def _ground(self, size: tuple[int, int], generator: np.random.Generator) -> Image:
        """Return a piece of a photograph, or of a drawn surface, of (width, height)."""
        number = int(generator.integers(len(self._photographs) or DRAWN))
        if number not in self._grounds:
            self._grounds[number] = self._whole_ground(number)
        whole = self._grounds[number]
        zoom = generator.uniform(.5, 2)
        high, wide = (max(2, min(round(side * zoom), limit)) for side, limit in zip(
            size[::-1], whole.shape[:2], strict=True))
        top = int(generator.integers(whole.shape[0] - high + 1))
        left = int(generator.integers(whole.shape[1] - wide + 1))
        piece = cv2.resize(whole[top:top + high, left:left + wide], size)
        gain, shift = generator.uniform(.7, 1.3), generator.uniform(-20, 20)
        return np.asarray(cv2.convertScaleAbs(piece, alpha=gain, beta=max(shift, 0)), np.uint8)

    def _whole_ground(self, number: int) -> Image:
        if not self._photographs:
            generator = np.random.default_rng((self._seed, 2, number))
            if number % 3 == 2:
                return facade(generator, 256, 256)
            return (asphalt, pavement)[number % 3](generator, (256, 256))
        image = read_photograph(self._photographs[number])
        scale = min(1.0, LONGEST / image.shape[1])
        size = (round(image.shape[1] * scale), max(2, round(image.shape[0] * scale)))
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


class MixedCrops:
    """Draw from several sources in turn."""

    def __init__(self, parts: Sequence[Crops]) -> None:
        self._parts = parts
        self._first = [0, *itertools.accumulate(part.people for part in parts)]

    @property
    def people(self) -> int:
        """Number of people who come again, of all sources."""
        return self._first[-1]

    def sample(self, index: int) -> CropSample:
        """Return the views of a number from 0 on."""
        number, part = divmod(index, len(self._parts))
        found = self._parts[part].sample(number)
        count = self._parts[part].people
        if found.identity < count:
            return CropSample(found.views, self._first[part] + found.identity)
        once = (found.identity - count) * len(self._parts) + part
        return CropSample(found.views, self.people + once)


def seen_in(image: Image, box: NDArray[Any], choice: CropChoice, generator: np.random.Generator,
            *, recorded: bool = False) -> Image:
    """
    Crop a person by a box (4,) with random errors of its edges.

    Crops of a `recorded` image are also mirrored and lit otherwise, as composed ones are before.
    """
    side = np.tile(box[2:] - box[:2], 2)
    box = box + generator.uniform(-choice.jitter, choice.jitter, 4) * side
    piece = cut(image, box)
    if recorded:
        opaque = np.full(piece.shape[:2], 255, np.uint8)
        piece = lit(np.dstack([piece, opaque]), generator, choice.light)[..., :3]
    piece = _photographed(piece, choice, generator)
    # not smoothed, because the embedder does not either
    seen = np.asarray(cv2.resize(piece, choice.size, interpolation=cv2.INTER_LINEAR), np.uint8)
    if recorded and generator.random() < .5:
        seen = np.ascontiguousarray(seen[:, ::-1])
    return erased(seen, generator) if generator.random() < choice.erase else seen


def recoloured(figure: Image, generator: np.random.Generator) -> Image:
    """Change the colours of a figure (H, W, 4) until it counts as another person."""
    changed = figure.copy()
    # coat and trousers for themselves: grey clothes differ by how light they are, or not at all
    waist = round(figure.shape[0] * generator.uniform(.4, .6))
    for part in (slice(0, waist), slice(waist, None)):
        hue = cv2.cvtColor(np.ascontiguousarray(figure[part, :, :3]), cv2.COLOR_BGR2HSV)
        # OpenCV counts hue in steps of two degrees, 180 of them
        hue[..., 0] = (hue[..., 0].astype(np.int16) + int(generator.integers(25, 156))) % 180
        hue[..., 1] = cv2.convertScaleAbs(
            hue[..., 1], alpha=generator.uniform(.5, 1.8), beta=generator.uniform(0, 40))
        light = hue[..., 2].astype(np.float32)
        if generator.random() < .3:
            light = 255 - light
        gamma = math.exp(generator.choice([-1, 1]) * generator.uniform(.3, .9))
        hue[..., 2] = np.clip(255 * (light / 255) ** gamma, 0, 255).astype(np.uint8)
        changed[part, :, :3] = cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)
    return changed


def dressed(figure: Image, model: Image) -> Image:
    """
    Give a figure (H, W, 4) the colours of another one, stripe by stripe from head to feet.

    Each of STRIPES gets the mean and the spread of Lab that the stripe of the model has, and
    between their middles what lies between.
    """
    mean, spread = _colours(figure)
    wanted_mean, wanted_spread = _colours(model)
    rows = (np.arange(figure.shape[0]) + .5) / figure.shape[0] * STRIPES - .5
    stripes = np.arange(STRIPES)

    def smooth(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.stack([np.interp(rows, stripes, values[:, channel]) for channel in range(3)],
                        axis=1).astype(np.float32)[:, None]

    gain = smooth(np.clip(wanted_spread / spread, .4, 2.5))
    colours = (_lab(figure) - smooth(mean)) * gain + smooth(wanted_mean)
    plain = cv2.cvtColor(np.clip(colours, 0, 255).astype(np.uint8), cv2.COLOR_LAB2BGR)
    return np.dstack([plain, figure[..., 3]])


def _lab(figure: Image) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(
        np.ascontiguousarray(figure[..., :3]), cv2.COLOR_BGR2LAB), np.float32)


def _colours(figure: Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return means and spreads (STRIPES, 3) of what is opaque in each stripe."""
    lab, opaque = _lab(figure), figure[..., 3] > 127
    found = []
    for part in np.array_split(np.arange(len(lab)), STRIPES):
        pixels = lab[part][opaque[part]]
        # of a stripe with nothing in it the whole figure tells
        pixels = pixels if len(pixels) else lab.reshape(-1, 3)
        found.append((pixels.mean(axis=0), pixels.std(axis=0) + 4))
    means, spreads = zip(*found, strict=True)
    return np.stack(means), np.stack(spreads)


def lit(figure: Image, generator: np.random.Generator, much: float = 1.0) -> Image:
    """Change the lighting of a figure (H, W, 4): brightness, contrast, tint and side."""
    levels = np.arange(256) / 255
    gain = 1 + much * generator.uniform(-.4, .4)
    gamma = math.exp(much * generator.uniform(-.35, .35))
    tint = gain * (1 + much * generator.uniform(-.1, .1, 3))
    table = np.clip(255 * levels[:, None] ** gamma * tint, 0, 255).astype(np.uint8)
    colours = np.asarray(cv2.LUT(
        np.ascontiguousarray(figure[..., :3]), table[None]), np.float32)
    slope = much * generator.uniform(-.25, .25)
    colours *= (1 + slope * np.linspace(-1, 1, figure.shape[1], dtype=np.float32))[:, None]
    grey = colours.mean(axis=2, keepdims=True)
    colours = grey + (colours - grey) * np.float32(1 + much * generator.uniform(-.4, .25))
    return np.dstack([np.clip(colours, 0, 255).astype(np.uint8), figure[..., 3]])


def bent(figure: Image, generator: np.random.Generator) -> Image:
    """Shift and stretch the rows of a figure (H, W, 4) smoothly, as its step and sway would."""
    height, width = figure.shape[:2]
    place = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    phase, turns = generator.uniform(0, 2 * math.pi), generator.uniform(.5, 1.5)
    shift = generator.normal(0, .05) * np.sin(2 * math.pi * turns * place + phase)
    # the legs open and close, the head stays as it is
    stretch = 1 + np.clip(generator.normal(0, .25), -.4, .4) * place ** 2
    across = (np.linspace(-1, 1, width, dtype=np.float32)[None] - 2 * shift) / stretch
    columns = ((across + 1) / 2 * (width - 1)).astype(np.float32)
    rows = np.ascontiguousarray(np.broadcast_to(
        np.arange(height, dtype=np.float32)[:, None], columns.shape))
    moved = cv2.remap(figure, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # beyond its sides there is nothing of it
    moved[..., 3] = np.where(np.abs(across) <= 1, moved[..., 3], 0)
    return np.asarray(moved, np.uint8)


def cut(image: Image, box: NDArray[Any]) -> Image:
    """Cut a box (4,) xyxy out of an image, as far as it is in there."""
    limits = np.array([image.shape[1], image.shape[0]] * 2)
    x1, y1, x2, y2 = np.rint(np.clip(box, 0, limits)).astype(int).tolist()
    x1, y1 = min(x1, image.shape[1] - 2), min(y1, image.shape[0] - 2)
    return image[y1:max(y2, y1 + 2), x1:max(x2, x1 + 2)]


def erased(crop: Image, generator: np.random.Generator) -> Image:
    """Put noise in place of a rectangle of a twentieth to a quarter of the crop."""
    height, width = crop.shape[:2]
    part, shape = generator.uniform(.05, .25), math.exp(generator.uniform(-.7, .7))
    high = min(height, max(1, round(height * math.sqrt(part * shape))))
    wide = min(width, max(1, round(width * math.sqrt(part / shape))))
    top = int(generator.integers(height - high + 1))
    left = int(generator.integers(width - wide + 1))
    crop[top:top + high, left:left + wide] = generator.integers(0, 256, (high, wide, 3), np.uint8)
    return crop


def _photographed(
        image: Image, choice: CropChoice, generator: np.random.Generator) -> Image:
    """Degrade an image like a camera: colour error, blur, noise, compression."""
    image = jittered(image, generator, .08 * choice.light)
    if generator.random() < choice.blur:
        sigma = generator.uniform(.3, 1.4)
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
    grain = generator.standard_normal(image.shape, np.float32) * generator.uniform(0, 8)
    image = np.clip(image + grain, 0, 255).astype(np.uint8)
    return jpeg(image, int(generator.integers(35, 96)))
