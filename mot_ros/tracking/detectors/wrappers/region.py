# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""RegionDetector: restrict a detector to a region of interest and a mask."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from mot_ros.tracking.boxes import xyxy_to_cxcywh
from mot_ros.tracking.config import RegionSettings, Settings
from mot_ros.tracking.detectors.wrappers.base import AroundDetector
from mot_ros.tracking.errors import ConfigError, FrameError
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.runtime.image_headers import PictureError
from mot_ros.tracking.runtime.image_sizes import check_size
from mot_ros.tracking.runtime.user_files import MAX_IMAGE_BYTES, read_bytes
from mot_ros.tracking.types import Detections, Frame, UNKNOWN_SIZE


def limited(detector: Detector, settings: Settings) -> Detector:
    """Wrap a detector by the settings `roi` and `mask`; return it unchanged without them."""
    if settings.roi == RegionSettings() and not settings.mask:
        return detector
    return RegionDetector(detector, settings.roi, read_mask(settings.mask))


def read_mask(path: str) -> NDArray[np.bool_] | None:
    """Return an image's non-black pixels (H, W), None for no path; ConfigError if unreadable."""
    if not path:
        return None
    try:
        content = read_bytes(path, MAX_IMAGE_BYTES)
        check_size(content)
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    except PictureError as error:
        raise ConfigError(f'mask {path} is no image ({error}); name a PNG or JPEG file') from error
    except (OSError, cv2.error) as error:
        raise ConfigError(f'mask {path} cannot be read ({error}); name an image file') from error
    if image is None:
        raise ConfigError(f'mask {path} is no image; name a PNG or JPEG file')
    allowed: NDArray[np.bool_] = np.asarray(image) > 0
    if not allowed.any():
        raise ConfigError(f'mask {path} is black everywhere, so nothing would ever be found')
    return allowed


class RegionDetector(AroundDetector):
    """
    Run a detector on the `region` of an image, and drop detections under a mask.

    The region fills the detector's input, so small objects in it become larger. Boxes are returned
    in pixels of the whole image. External detections are kept if their centre lies in the region.
    The mask (H, W) is stretched over the image; a box whose centre lies on False is dropped. The
    detector does not get the masked image, in which black areas could be detected as objects.
    """

    def __init__(
            self, detector: Detector, region: RegionSettings,
            mask: NDArray[np.bool_] | None = None) -> None:
        super().__init__(detector)
        self._region = region
        self._mask = mask

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the detections of each frame; FrameError if the region lies outside of it."""
        parts = [self._part_of(frame.size) for frame in frames]
        found = self._detector.detect([
            _cut(frame, part)
            for frame, part in zip(frames, parts, strict=True)])
        return [
            self._placed(*of_frame) for of_frame in zip(found, frames, parts, strict=True)]

    def _part_of(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return the region in an image of (width, height) as x1, y1, x2, y2."""
        region = self._region
        # frames with boxes alone may have an unknown size
        width, height = (1 << 30, 1 << 30) if size == UNKNOWN_SIZE else size
        x2 = min(region.x + region.width, width) if region.width else width
        y2 = min(region.y + region.height, height) if region.height else height
        if x2 <= region.x or y2 <= region.y:
            raise FrameError(
                f'roi begins at ({region.x}, {region.y}), outside of an image of '
                f'{width}x{height}: correct roi.x and roi.y')
        return region.x, region.y, x2, y2

    def _placed(
            self, found: Detections, frame: Frame,
            part: tuple[int, int, int, int]) -> Detections:
        """Return the kept detections in pixels of the whole image."""
        x1, y1, x2, y2 = part
        if frame.image is not None:
            shift = np.array([x1, y1, x1, y1], np.float32)
            found = Detections(found.boxes + shift, found.scores, found.labels)
        x, y = xyxy_to_cxcywh(found.boxes)[:, :2].T
        wanted = (x >= x1) & (x < x2) & (y >= y1) & (y < y2)
        if self._mask is not None and frame.size != UNKNOWN_SIZE:
            rows, columns = self._mask.shape
            width, height = frame.size
            wanted &= self._mask[
                np.clip((y * rows / height).astype(np.int64), 0, rows - 1),
                np.clip((x * columns / width).astype(np.int64), 0, columns - 1)]
        return found[wanted]


def _cut(frame: Frame, part: tuple[int, int, int, int]) -> Frame:
    if frame.image is None:
        return frame
    x1, y1, x2, y2 = part
    return dataclasses.replace(
        frame, image=frame.image[y1:y2, x1:x2], size=(x2 - x1, y2 - y1))

