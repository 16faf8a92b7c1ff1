# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A contact sheet of a video that may end at any time."""

from __future__ import annotations

import cv2
import numpy as np

from mot_ros.drawing import contact_sheet, Image


class ContactSheet:
    """
    Keeps evenly spread images of a sequence whose length nobody knows.

    Every image is kept at first, small; whenever there are four times as many as wanted every
    other one goes and from then on every other one is left out, so that memory is bounded.
    """

    def __init__(self, wanted: int = 12, width: int = 480) -> None:
        self._wanted = wanted
        self._width = width
        self._stride = 1
        self._count = 0
        self._kept: list[tuple[Image, str]] = []

    @property
    def wants_next(self) -> bool:
        """Whether the next image would be kept: what is not need not be drawn."""
        return self._count % self._stride == 0

    def add(self, image: Image | None, caption: str = '') -> None:
        """Take the next image (copied, shrunk), or None for one that was not wanted."""
        if self.wants_next and image is not None:
            scale = self._width / image.shape[1]
            # a column of pixels must not become a sheet of gigabytes
            height = min(max(1, round(image.shape[0] * scale)), 4 * self._width)
            size = (self._width, height)
            way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            small = cv2.resize(image, size, interpolation=way)
            self._kept.append((np.asarray(small, np.uint8), caption))
        self._count += 1
        if len(self._kept) == 4 * self._wanted:
            self._kept = self._kept[::2]
            self._stride *= 2

    @property
    def chosen(self) -> list[tuple[Image, str]]:
        """The images that are on the sheet now, with their captions."""
        count = min(self._wanted, len(self._kept))
        places = np.linspace(0, len(self._kept) - 1, count).round().astype(int)
        return [self._kept[place] for place in places.tolist()]

    def render(self, columns: int = 4) -> Image:
        """Return the sheet of what was added so far."""
        images, captions = [image for image, _ in self.chosen], [text for _, text in self.chosen]
        return contact_sheet(images, columns, captions, self._width)
