# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Tracks on an image: boxes, ids and fading trails in a stable colour per id."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
import colorsys
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.types import Tracks, TrackState

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

GOLDEN = (math.sqrt(5) - 1) / 2
DARK: Colour = (16, 16, 16)
LIGHT: Colour = (245, 245, 245)
GREY = 32
GAP = 6
"""Pixels between the images of a contact sheet."""
FONT = cv2.FONT_HERSHEY_SIMPLEX
TRAIL_STEPS = 8
"""Shades that a trail fades through."""
MAX_TRAIL = 512
"""Points kept of one trail, however fast the camera is."""


def colour_of(identity: int) -> Colour:
    """
    Return the BGR colour of an id.

    Steps of the golden ratio around the colour circle keep ids that follow each other far
    apart, however many there are; brightness varies too, since hues alone run out at about ten.
    """
    hue = identity * GOLDEN % 1.0
    saturation, value = ((0.90, 1.0), (0.55, 1.0), (0.95, 0.75))[identity % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(blue * 255), round(green * 255), round(red * 255)


def line_width(image: Image) -> int:
    """Return the width in pixels of a line that is well visible on an image of this size."""
    return max(1, round(math.hypot(image.shape[0], image.shape[1]) / 500))


class Trails:
    """
    Where the foot of each box was during the last `seconds`.

    A trail goes on fading after its track is gone; then it is forgotten.
    """

    def __init__(self, seconds: float = 2.0) -> None:
        self.seconds = seconds
        self._points: dict[int, deque[tuple[float, float, float]]] = {}
        self._now = -math.inf

    def __len__(self) -> int:
        return len(self._points)

    def clear(self) -> None:
        """Forget everything."""
        self._points.clear()
        self._now = -math.inf

    def update(self, stamp: float, tracks: Tracks) -> None:
        """Add the tracks observed at `stamp` (s); a stamp that goes back starts anew."""
        if stamp < self._now:
            self.clear()
        self._now = stamp
        seen = tracks.observed
        for identity, (x1, _, x2, y2) in zip(seen.ids.tolist(), seen.boxes.tolist(), strict=True):
            points = self._points.setdefault(identity, deque(maxlen=MAX_TRAIL))
            points.append((stamp, (x1 + x2) / 2, y2))
        for identity, points in list(self._points.items()):
            while points and points[0][0] < stamp - self.seconds:
                points.popleft()
            if not points:
                del self._points[identity]

    def draw(self, image: Image) -> None:
        """Draw the trails onto a BGR image, the older the fainter."""
        width = line_width(image)
        overlay, strength = image.copy(), np.zeros(image.shape[:2], np.uint8)
        # oldest shade first, so that where trails cross the newest stays on top
        for step in range(TRAIL_STEPS):
            share = (step + 1) / TRAIL_STEPS
            for identity, points in self._points.items():
                piece = self._shade(points, step, image)
                if len(piece) > 1:
                    line = [np.array(piece, np.int32)]
                    cv2.polylines(overlay, line, False, colour_of(identity), width, cv2.LINE_8)
                    cv2.polylines(strength, line, False, round(220 * share), width, cv2.LINE_8)
        rows, columns = np.nonzero(strength)
        share_of = strength[rows, columns, None] / np.float32(255)
        below, above = image[rows, columns], overlay[rows, columns]
        image[rows, columns] = (below + (above - below.astype(np.float32)) * share_of).round()

    def _shade(
            self, points: Sequence[tuple[float, float, float]], step: int,
            image: Image) -> list[tuple[int, int]]:
        """Return the part of a trail that is drawn in one shade, joined to the older part."""
        piece: list[tuple[int, int]] = []
        last: tuple[int, int] | None = None
        for stamp, x, y in points:
            freshness = 1 - (self._now - stamp) / max(self.seconds, 1e-9)
            shade = min(int(freshness * TRAIL_STEPS), TRAIL_STEPS - 1)
            corner = _pixel(x, y, image)
            if shade == step:
                piece += [last, corner] if last and not piece else [corner]
            last = corner
        return piece


def draw_tracks(
        image: Image, tracks: Tracks, class_names: Sequence[str] = (),
        trails: Trails | None = None, *, lost: bool = False) -> None:
    """
    Draw the observed tracks onto a BGR image (H, W, 3), in place.

    Each box carries its id and, where it covers no other id, class (if `class_names` has one)
    and score; `lost` adds the tracks that are searched for, dashed. Sizes of lines and letters
    follow that of the image, and boxes may lie partly or wholly outside it.
    """
    if trails is not None:
        trails.draw(image)
    if lost:
        gone = tracks[tracks.states == TrackState.LOST]
        for identity, box in zip(gone.ids.tolist(), gone.boxes.tolist(), strict=True):
            _dashed_box(image, box, colour_of(identity))
            _draw_labels(image, [(box, str(identity), str(identity), colour_of(identity))])
    seen = tracks.observed
    rows = list(zip(
        seen.ids.tolist(), seen.boxes.tolist(), seen.labels.tolist(), seen.scores.tolist(),
        strict=True))
    width = line_width(image)
    for identity, box, _, _ in rows:
        corners = _pixel(box[0], box[1], image), _pixel(box[2], box[3], image)
        cv2.rectangle(image, *corners, DARK, width + 2)
        cv2.rectangle(image, *corners, colour_of(identity), width)
    # labels last: no box may cross one
    _draw_labels(image, [
        (box, str(identity), f'{identity} {_name_of(label, class_names)}{score:.2f}',
         colour_of(identity)) for identity, box, label, score in rows])


def draw_text(
        image: Image, text: str, at: tuple[int, int], colour: Colour = LIGHT,
        scale: float = 1.0) -> None:
    """Write outlined text whose lower left corner is `at` (x, y), readable on any ground."""
    size, width = scale * letter_scale(image), max(1, line_width(image) - 1)
    cv2.putText(image, text, at, FONT, size, DARK, width + 2 + width // 2, cv2.LINE_AA)
    cv2.putText(image, text, at, FONT, size, colour, width, cv2.LINE_AA)


def contact_sheet(
        images: Sequence[Image], columns: int, captions: Sequence[str],
        cell_width: int = 480) -> Image:
    """Lay BGR images out row by row in cells shaped like the first, with captions below left."""
    rows = max(1, math.ceil(len(images) / columns))
    shape = images[0].shape if images else (3, 4)
    cell = (cell_width, max(1, round(cell_width * shape[0] / shape[1])))
    sheet = np.full((
        rows * (cell[1] + GAP) + GAP, columns * (cell[0] + GAP) + GAP, 3), GREY, np.uint8)
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(place, columns)
        tile = fit(image, cell).copy()
        draw_text(tile, caption, (6, cell[1] - 8), scale=1.6)
        top, left = GAP + row * (cell[1] + GAP), GAP + column * (cell[0] + GAP)
        sheet[top:top + cell[1], left:left + cell[0]] = tile
    return sheet

def fit(image: Image, size: tuple[int, int]) -> Image:
    """Shrink or enlarge an image into (width, height), keeping its proportions, on black."""
    width, height = size
    if image.shape[:2] == (height, width):
        return image
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    canvas = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[top:top + inner[1], left:left + inner[0]] = cv2.resize(
        image, inner, interpolation=way)
    return canvas


def letter_scale(image: Image) -> float:
    """Return OpenCV's font scale that suits an image of this size."""
    return max(0.35, math.hypot(image.shape[0], image.shape[1]) / 2200)


def _draw_labels(
        image: Image, labels: Sequence[tuple[Sequence[float], str, str, Colour]]) -> None:
    """Write for each (box, short text, long text, colour) the long text if there is room."""
    height, width = image.shape[:2]
    visible = [item for item in labels
               if item[0][2] > 0 and item[0][3] > 0 and item[0][0] < width and item[0][1] < height]
    if not visible:
        return
    taken = np.array([_label_place(image, box, short) for box, short, _, _ in visible])
    for row, (box, short, long, colour) in enumerate(visible):
        wide = np.array(_label_place(image, box, long))
        meets = (np.minimum(wide[2:], taken[:, 2:]) > np.maximum(wide[:2], taken[:, :2])).all(1)
        meets[row] = False
        if not meets.any():
            taken[row] = wide
        text = short if meets.any() else long
        # brightened, since a saturated blue is hard to read in thin strokes
        pale = [round(255 - (255 - channel) * 0.55) for channel in colour]
        draw_text(
            image, text, (int(taken[row, 0]), int(taken[row, 3])), (pale[0], pale[1], pale[2]))


def _label_place(image: Image, box: Sequence[float], text: str) -> tuple[int, int, int, int]:
    """Return where a label goes, xyxy: above the box, else inside, and within the image."""
    left, top = _pixel(box[0], box[1], image)
    (wide, high), _ = cv2.getTextSize(text, FONT, letter_scale(image), line_width(image))
    gap = line_width(image) + 3
    x = max(0, min(left, image.shape[1] - wide - 1))
    y = top - gap if top - gap - high >= 0 else max(top, 0) + high + gap
    return x, y - high, x + wide, y


def _name_of(label: int, class_names: Sequence[str]) -> str:
    return f'{class_names[label]} ' if 0 <= label < len(class_names) else ''


def _dashed_box(image: Image, box: Sequence[float], colour: Colour) -> None:
    width = line_width(image)
    dash = 6 * width
    x1, y1 = _pixel(box[0], box[1], image)
    x2, y2 = _pixel(box[2], box[3], image)
    for start in range(x1, x2, 2 * dash):
        for y in (y1, y2):
            cv2.line(image, (start, y), (min(start + dash, x2), y), colour, width)
    for start in range(y1, y2, 2 * dash):
        for x in (x1, x2):
            cv2.line(image, (x, start), (x, min(start + dash, y2)), colour, width)


def _pixel(x: float, y: float, image: Image) -> tuple[int, int]:
    """Round to a pixel; far outside is brought closer, as OpenCV cannot count that far."""
    height, width = image.shape[:2]
    return round(min(max(x, -width), 2 * width)), round(min(max(y, -height), 2 * height))
