# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Layer table of PRB-FPN6-MSP."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One row of the layer table; `sources` are rows other than the preceding one."""

    kind: str
    """conv, bottleneck, mspa, spp, bridge, fusion or sum."""
    width: int = 0
    """Channels of the output; a sum has those of its parts."""
    sources: tuple[int, ...] = ()
    kernel: int = 1
    stride: int = 1
    repeats: int = 1
    widths: tuple[int, int] = (0, 0)
    """Channels to which bridge and fusion project their first two sources."""
    shortcut: bool = False


MSP = (
    Row('conv', 32, kernel=3),
    Row('conv', 64, kernel=3, stride=2),
    Row('bottleneck', 64, shortcut=True),
    Row('conv', 192, kernel=3, stride=2),
    Row('mspa', 192),
    Row('conv', 384, kernel=3, stride=2),
    Row('mspa', 384, repeats=4),
    Row('conv', 640, kernel=3, stride=2),
    Row('mspa', 640, repeats=4),
    Row('conv', 1024, kernel=3, stride=2),
    Row('mspa', 1024, repeats=2),
    Row('conv', 1280, kernel=3, stride=2),
    Row('mspa', 1280, repeats=2),
    # 13: strides 64 and 32
    Row('spp', 640),
    Row('conv', 512),
    Row('bridge', 640, (10, 8, 14), widths=(512, 384)),
    Row('bottleneck', 512),
    Row('mspa', 512, repeats=2),
    Row('fusion', 640, (17, 14), widths=(320, 320)),
    Row('bottleneck', 480),
    Row('mspa', 480, repeats=2),
    # 21: strides 32 and 16
    Row('spp', 480, (10,)),
    Row('conv', 512),
    Row('sum', 0, (22, 17)),
    Row('bridge', 480, (8, 6, 23), widths=(384, 320)),
    Row('bottleneck', 480),
    Row('mspa', 480, repeats=2),
    Row('fusion', 512, (26, 22), widths=(256, 256)),
    Row('bottleneck', 512),
    Row('mspa', 512, repeats=2),
    # 30: strides 16 and 8
    Row('spp', 384, (8,)),
    Row('conv', 480),
    Row('sum', 0, (31, 26)),
    Row('bridge', 384, (6, 4, 32), widths=(256, 192)),
    Row('bottleneck', 192),
    Row('mspa', 192, repeats=2),
    Row('fusion', 480, (35, 31), widths=(240, 240)),
    Row('bottleneck', 480),
    Row('mspa', 480, repeats=2),
    # 39: input of the head, by level
    Row('conv', 320, (35,), kernel=3),
    Row('conv', 640, (38,), kernel=3),
    Row('conv', 960, (29,), kernel=3),
    Row('conv', 1280, (20,), kernel=3),
    # 43: input of the auxiliary training head
    Row('conv', 320, (35,), kernel=3),
    Row('conv', 640, (26,), kernel=3),
    Row('conv', 960, (17,), kernel=3),
    Row('conv', 1280, (14,), kernel=3),
)
"""Layers 0 to 46; the head is 47."""
