# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Wrap messages of images or boxes; they are decoded only when their turn comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
import dataclasses
from dataclasses import dataclass
from typing import Protocol

from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from mot_ros.data.decode import compressed_size, compressed_to_bgr, too_dark
from mot_ros.data.image_reading import AUTO, ImageReading
from mot_ros.ros.bridge import to_bgr
from mot_ros.ros.pipeline.external_detections import ClassIds, to_our_detections
from mot_ros.tracking.types import Frame


class FrameMessage(Protocol):
    """Frame that is still in its message; decoding it may raise ImageError."""

    @property
    def header(self) -> Header:
        """The header that the tracks will get."""
        ...

    def size(self) -> tuple[int, int]:
        """Return (width, height) without decoding."""
        ...

    def open(self, stamp: float) -> Frame:
        """Decode; `stamp` in seconds is the one that counts for motion."""
        ...


@dataclass(frozen=True)
class ImageMessage:
    """
    A sensor_msgs/Image, and how its pixels are read.

    `on_dark` is called with a sentence where 16-bit pixels use the lowest bits alone.
    """

    message: Image
    reading: ImageReading = AUTO
    on_dark: Callable[[str], None] | None = None

    @property
    def header(self) -> Header:
        """The header that the tracks will get."""
        return self.message.header

    def size(self) -> tuple[int, int]:
        """Return (width, height) without decoding."""
        return self.message.width, self.message.height

    def open(self, stamp: float) -> Frame:
        """Decode to BGR."""
        bgr = to_bgr(self.message, self.reading)
        dark = too_dark(self.message, bgr, self.reading)
        if dark and self.on_dark is not None:
            self.on_dark(dark)
        return Frame(bgr, stamp, self.size())


@dataclass(frozen=True)
class CompressedImageMessage:
    """A sensor_msgs/CompressedImage: a JPEG or a PNG."""

    message: CompressedImage

    @property
    def header(self) -> Header:
        """The header that the tracks will get."""
        return self.message.header

    def size(self) -> tuple[int, int]:
        """Return (width, height) of the header; ImageError if it is damaged or too large."""
        return compressed_size(self.message.data, self.message.format)

    def open(self, stamp: float) -> Frame:
        """Decode to BGR."""
        return Frame.of(compressed_to_bgr(self.message.data, self.message.format), stamp)


@dataclass(frozen=True)
class DetectionsMessage:
    """
    A vision_msgs/Detection2DArray of a detector elsewhere.

    `picture` is the image of the detections, where the method needs it. Otherwise `assumed` is
    the size of the image, or UNKNOWN_SIZE. `on_left_out` is called with the counts of unusable
    boxes by reason, and of those beyond the best `most`.
    """

    message: Detection2DArray
    class_ids: ClassIds
    assumed: tuple[int, int]
    on_left_out: Callable[[Counter[str]], None]
    most: int
    picture: FrameMessage | None = None

    @property
    def header(self) -> Header:
        """The header that the tracks will get."""
        return self.message.header

    def size(self) -> tuple[int, int]:
        """Return (width, height) of the image that the boxes are in."""
        return self.assumed if self.picture is None else self.picture.size()

    def open(self, stamp: float) -> Frame:
        """Read the boxes, and decode the picture if there is one."""
        frame = (Frame(None, stamp, self.assumed) if self.picture is None
                 else self.picture.open(stamp))
        detections, left_out = to_our_detections(
            self.message, self.class_ids, self.most)
        if left_out:
            self.on_left_out(left_out)
        return dataclasses.replace(frame, detections=detections)
