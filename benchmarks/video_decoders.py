# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Decode a video by PyAV and by OpenCV in turns: differing pixels and stamps, time per frame.

    python benchmarks/video_decoders.py VIDEO [--rounds 3]
"""

import argparse
from itertools import zip_longest
from pathlib import Path
import time

import _start  # noqa: F401 - finds mot_ros in a plain checkout
import numpy as np


def differences(path: Path) -> tuple[int, int, int, int]:
    """Return the frames, those with other pixels, the largest difference, other stamps."""
    # here and not above: --help needs neither library
    from mot_ros.data.video import opencv_video, pyav_video

    frames = pixels = stamps = largest = 0
    for first, second in zip_longest(pyav_video.decode(path), opencv_video.decode(path)):
        frames += 1
        if first is None or second is None or first.image is None or second.image is None:
            pixels += 1
            continue
        gap = int(np.abs(first.image.astype(np.int16) - second.image).max())
        largest = max(largest, gap)
        pixels += gap > 0
        stamps += first.stamp != second.stamp
    return frames, pixels, largest, stamps


def milliseconds(decode, path: Path) -> float:
    """Return the time per frame of one pass."""
    begin = time.perf_counter()
    frames = sum(1 for _ in decode(path))
    return (time.perf_counter() - begin) * 1e3 / frames


def main() -> None:
    """Print what differs, and the fastest pass of each library."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('video', type=Path)
    parser.add_argument('--rounds', type=int, default=3)
    args = parser.parse_args()
    frames, pixels, largest, stamps = differences(args.video)
    print(f'{frames} frames, {pixels} with other pixels (by {largest} at most), '
          f'{stamps} with other stamps')
    from mot_ros.data.video import opencv_video, pyav_video

    passes = [(milliseconds(pyav_video.decode, args.video),
               milliseconds(opencv_video.decode, args.video)) for _ in range(args.rounds)]
    for name, times in zip(('PyAV', 'OpenCV'), zip(*passes, strict=True), strict=True):
        print(f'{name:7}{min(times):.2f} ms per frame (' + ', '.join(
            f'{found:.2f}' for found in times) + ')')


if __name__ == '__main__':
    main()
