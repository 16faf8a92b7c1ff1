# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Decode video that comes in messages, one packet each: H.264 and H.265, through PyAV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mot_ros.data.decode import PIXEL_LIMIT, Pixels
from mot_ros.data.image_reading import ImageError
from mot_ros.data.video.nal_units import FrameNumbers, H264, HEVC, is_key, START
from mot_ros.tracking.errors import ConfigError

AWAITED = 'key frame awaited'
"""The reason under which packets are counted that nothing can be made of."""


@dataclass(frozen=True)
class PacketResult:
    """What came of the packet `number`: a decoded frame of PyAV, or the reason why not."""

    number: int
    frame: Any = None
    error: ImageError | None = None


class PacketDecoder:
    """
    Decodes the packets of one stream in their order.

    It begins at a key frame. After a packet that is damaged or missing everything is left out
    up to the next key frame, since what refers to it would be wrong. Frames come in the order
    of presentation, late where the stream has B frames. ConfigError where PyAV is missing.
    """

    def __init__(self) -> None:
        try:
            import av
            from av.video.reformatter import VideoReformatter
        except ImportError as error:
            raise ConfigError(
                f'compressed video needs PyAV ({error}): pip install av') from error
        self._av = av
        self._convert = VideoReformatter()
        self._codec = ''
        self._context: Any = None
        self._numbers = FrameNumbers()
        self._waiting = True
        self._pending: list[int] = []

    def decode(self, data: bytes, kind: str, number: int) -> list[PacketResult]:
        """Take in the packet `number`, of the format `kind`; return what is decided by now."""
        try:
            codec = codec_of(kind)
            if codec != self._codec:
                self._begin(codec)
            self._check(data)
        except ImageError as error:
            return [PacketResult(number, error=error)]
        packet = self._av.Packet(data)
        packet.pts = number
        self._pending.append(number)
        try:
            return self._results(self._context.decode(packet))
        except self._av.error.FFmpegError as error:
            self._waiting = True
            return self._failed(f'a packet of {len(data)} bytes is damaged ({error})')

    def flush(self) -> list[PacketResult]:
        """Return the frames that are still due, and errors for packets without any."""
        if self._context is None:
            return []
        try:
            found = self._results(self._context.decode(None))
        except self._av.error.FFmpegError:
            found = []
        return found + self._failed('the video ends before this frame is complete')

    def image(self, frame: Any) -> Pixels:
        """Convert a decoded frame to (H, W, 3) uint8 BGR."""
        image = self._convert.reformat(frame, format='bgr24').to_ndarray()
        return np.ascontiguousarray(image, np.uint8)

    def _begin(self, codec: str) -> None:
        self._context = self._av.CodecContext.create(codec, 'r')
        # threads by frame would hold back as many frames as there are threads
        self._context.thread_type = 'SLICE'
        self._context.options = {'max_pixels': str(PIXEL_LIMIT), 'err_detect': 'explode'}
        self._codec, self._waiting = codec, True
        self._numbers = FrameNumbers()
        self._pending = []

    def _check(self, data: bytes) -> None:
        """Raise ImageError for a packet that nothing, or nothing right, could be made of."""
        if START not in data[:64]:
            raise ImageError(
                'data', f'a packet of {len(data)} bytes holds no start code (00 00 01); video '
                'in messages comes as a byte stream (Annex B), not as in an MP4 file')
        key = is_key(data, self._codec)
        if key:
            self._numbers.restart()
        lost = self._codec == H264 and self._numbers.lost(data)
        if lost and not key:
            self._waiting = True
        if self._waiting and not key:
            raise ImageError(
                AWAITED, 'a packet refers to earlier ones that are missing; it is left out, as '
                'all are up to the next key frame')
        self._waiting = False

    def _results(self, frames: Any) -> list[PacketResult]:
        found = []
        for frame in frames:
            if frame.pts not in self._pending:
                # the second image of a packet
                continue
            self._pending.remove(frame.pts)
            if frame.is_corrupt:
                found.append(PacketResult(frame.pts, error=ImageError(
                    'data', 'parts of the image are damaged')))
            else:
                found.append(PacketResult(frame.pts, frame))
        return found

    def _failed(self, why: str) -> list[PacketResult]:
        failed, self._pending = self._pending, []
        return [PacketResult(number, error=ImageError('data', why)) for number in failed]


def codec_of(kind: str) -> str:
    """Return the codec of a format such as 'h264', 'hevc_nvenc' or 'libx264;yuv420p'."""
    name = kind.lower().partition(';')[0]
    if '264' in name or 'avc' in name:
        return H264
    if '265' in name or 'hevc' in name:
        return HEVC
    raise ImageError(
        'encoding', f'video has the format {kind!r:.60}; H.264 and H.265 are read, so let the '
        'camera send one of them')
