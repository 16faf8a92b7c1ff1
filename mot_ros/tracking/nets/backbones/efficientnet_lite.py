# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""EfficientNet-Lite0 up to its fifth stage, stride 16: table of blocks, published weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mot_ros.tracking.nets.backbones.mobilenet_v3 import Block

STEM = 32
_ROWS = (
    (3, 1, 32, 16),
    (3, 2, 96, 24), (3, 1, 144, 24),
    (5, 2, 144, 40), (5, 1, 240, 40),
    (3, 2, 240, 80), (3, 1, 480, 80), (3, 1, 480, 80),
    (5, 1, 480, 112), (5, 1, 672, 112), (5, 1, 672, 112))
BLOCKS = tuple(
    Block(kernel, stride, hidden, out, 0, 'relu6') for kernel, stride, hidden, out in _ROWS)
"""Blocks of the first five stages (arXiv 1905.11946, table 1) without squeeze-and-excite."""
MARK = '_conv_stem.weight'
"""Tensor that only published files have."""
WIDE = 672
"""Channels of the expansion that begins the sixth stage."""
EPSILON = 1e-3
"""Added to the variance in BatchNorm, as in TensorFlow's networks of this kind."""
_CONVS = (
    ('expand', '_expand_conv', '_bn0'), ('depthwise', '_depthwise_conv', '_bn1'),
    ('project', '_project_conv', '_bn2'))


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """
    Return published tensors under this project's names, BatchNorm folded into the convolutions.

    Raises KeyError if one is missing.
    """
    found = dict(_folded(state, 'stem', '_conv_stem', '_bn0'))
    for number, block in enumerate(BLOCKS):
        for name, conv, norm in _CONVS:
            if name == 'expand' and block.hidden == STEM:
                continue
            there = f'_blocks.{number}.'
            found.update(_folded(state, f'blocks.{number}.{name}', there + conv, there + norm))
    there = f'_blocks.{len(BLOCKS)}.'
    return found | _folded(state, 'wide', f'{there}_expand_conv', f'{there}_bn0')


def _folded(state: Mapping[str, Tensor], name: str, conv: str, norm: str) -> dict[str, Tensor]:
    """Return weight and bias of one convolution with the norm after it."""
    gain = state[f'{norm}.weight'] / (state[f'{norm}.running_var'] + EPSILON).sqrt()
    return {
        f'{name}.weight': state[f'{conv}.weight'] * gain[:, None, None, None],
        f'{name}.bias': state[f'{norm}.bias'] - state[f'{norm}.running_mean'] * gain}
