# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Choose how the pixels of an image message are read where its encoding leaves that open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.config.node import ENCODINGS, NodeSettings
from mot_ros.tracking.errors import ConfigError, FrameError

FLOATS = '32FC1'
"""One float of 4 bytes per pixel: depth in metres, or temperatures."""
_GENERIC = re.compile(r'(8|16|32|64)[USF]C([1-4]?)')
_HINTS = {
    '8UC1': 'mono8, or to the pattern of a colour sensor such as bayer_rggb8',
    '8UC2': 'yuv422 (u y v y) or yuv422_yuy2 (y u y v)',
    '8UC3': 'bgr8 or rgb8', '8UC4': 'bgra8 or rgba8',
    '16UC1': 'mono16, and range to the least and the greatest value that count (depth in mm, '
    'counts of a thermal camera)',
    FLOATS: f'{FLOATS}, and range to the least and the greatest value that count (depth in m, '
    'temperatures)'}


class ImageError(FrameError):
    """An image message that cannot be decoded; `reason` is the short name it is counted under."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class ImageReading:
    """
    Encoding that images have, whatever their messages state; 'auto' is what they state.

    Values of 16 and 32 bits from `low` to `high` become grey 0 to 255, those beyond are cut to
    it. Equal bounds stand for none: then the upper 8 of 16 bits are used. Raises ConfigError.
    """

    encoding: str = 'auto'
    low: float = 0.0
    high: float = 0.0

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise ConfigError(
                f'encoding is {self.encoding!r:.60}; it must be one of {", ".join(ENCODINGS)}')
        # written so that NaN fails too
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ConfigError(
                f'range is {self.low:g} to {self.high:g}; its low must be below its high')
        if self.encoding == FLOATS and not self.ranged:
            raise ConfigError(
                f'encoding is {FLOATS} and range is not stated; set it to the least and the '
                'greatest value that count, such as 0 to 20 (metres)')

    @classmethod
    def of(cls, settings: NodeSettings) -> ImageReading:
        """Return what the settings of a node say."""
        return cls(settings.encoding, settings.range.low, settings.range.high)

    @property
    def ranged(self) -> bool:
        """Whether a range is stated."""
        return self.low < self.high

    def encoding_of(self, stated: str, sizes: dict[str, int]) -> str:
        """
        Return the encoding to decode a message by that states the encoding `stated`.

        `sizes` are the bytes per pixel of those that are decoded. ImageError where `stated` does
        not say what the values are, or where a pixel has another size than that of ours.
        """
        if self.encoding != 'auto':
            ours, theirs = sizes[self.encoding], sizes.get(stated) or _bytes_of(stated)
            if theirs is not None and theirs != ours:
                raise ImageError(
                    'encoding', f'image encoding is {stated!r}, of {theirs} bytes a pixel, but '
                    f'encoding is set to {self.encoding}, of {ours}; set it to auto, or to one '
                    f'of {theirs} bytes')
            return self.encoding
        if self.ranged and stated in ('16UC1', FLOATS):
            return 'mono16' if stated == '16UC1' else FLOATS
        if _GENERIC.fullmatch(stated):
            hint = _HINTS.get(f'{stated}1' if stated.endswith('C') else stated)
            raise ImageError(
                'encoding', f'image encoding is {stated!r}, which does not say what its values '
                'are; ' + (f'set encoding to {hint}' if hint else
                           'publish one of ' + ', '.join(sizes)))
        return stated

    def scale(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Return values (H, W) of 16-bit numbers or floats as 0 to 255; NaN becomes 0."""
        if values.dtype.kind == 'u':
            grey: NDArray[np.uint8] = _table(self.low, self.high)[values]
            return grey
        return _scaled(values, self.low, self.high)


AUTO = ImageReading()


def _bytes_of(stated: str) -> int | None:
    """Return the bytes per pixel of an encoding such as 16UC3, None for another one."""
    found = _GENERIC.fullmatch(stated)
    return None if found is None else int(found[1]) // 8 * int(found[2] or 1)


@lru_cache(maxsize=4)
def _table(low: float, high: float) -> NDArray[np.uint8]:
    return _scaled(np.arange(65536), low, high)


def _scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    # what is not finite is no measurement; infinite stands for "nothing in reach"
    known = np.nan_to_num(values.astype(np.float64), nan=low, posinf=low, neginf=low)
    share = (np.clip(known, low, high) - low) / (high - low)
    return np.rint(255 * share).astype(np.uint8)
