# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Small videos with stamps, interlacing and display matrices, for tests."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
import struct

import av
import numpy as np

SIZE = (96, 64)


def picture(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return a smooth image (H, W, 3) BGR that differs from its rotations and other numbers."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = 40 + 10 * (number % 20)
    image[..., 1] = np.linspace(30, 200, width, dtype=np.uint8)
    image[..., 2] = np.linspace(200, 30, height, dtype=np.uint8)[:, None]
    return image


def number_of(image: np.ndarray) -> int:
    """Return the number, modulo 20, of a picture that went through a codec."""
    return round((float(image[..., 0].mean()) - 40) / 10)


def write_video(
        path: Path, times: Sequence[Fraction | float], codec: str = 'mpeg4', *,
        interlaced: bool = False, size: tuple[int, int] = SIZE, base: int = 12800,
        rate: int = 25) -> Path:
    """Write a picture for each presentation time in seconds, which count in 1 / `base`."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = 'yuvj420p' if codec == 'mjpeg' else 'yuv420p'
        stream.bit_rate = 2_000_000
        stream.time_base = stream.codec_context.time_base = Fraction(1, base)
        if interlaced and codec == 'libx264':
            stream.options = {'flags': '+ildct+ilme', 'x264opts': 'interlaced=1:tff=1'}
        elif interlaced:
            stream.options = {'flags': '+ildct+ilme'}
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format='bgr24')
            frame = frame.reformat(format=stream.pix_fmt)
            frame.time_base = Fraction(1, base)
            frame.pts = round(time * base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turn(path: Path, degrees: int) -> Path:
    """Give the display matrix of an MP4 a clockwise rotation, as phones write it."""
    one = 1 << 16
    sine, cosine = {0: (0, one), 90: (one, 0), 180: (0, -one), 270: (-one, 0)}[degrees]
    content = bytearray(path.read_bytes())
    # version, flags, two times, id, reserved, duration, reserved, layer, group, volume, reserved
    matrix = content.index(b'tkhd') + 4 + 40
    content[matrix:matrix + 20] = struct.pack('>5i', cosine, sine, 0, -sine, cosine)
    path.write_bytes(content)
    return path
