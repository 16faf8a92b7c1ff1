# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Box arithmetic of maskrcnn-benchmark, where a corner is the last pixel that a box covers.

A box (x1, y1, x2, y2) of inclusive pixels is x2 - x1 + 1 wide. Networks that were trained with
this keep it; everywhere else x2 is the right edge, one more. Boxes are (..., 4). No function
makes a tensor of Python's numbers, for which a GPU would be waited for.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mot_ros.tracking.nets.ops import nms as exclusive

MOST_GROWTH = math.log(1000 / 16)
"""Natural logarithm of the largest factor by which one decoding makes a side longer."""

Weights = tuple[float, float]
"""What deltas are divided by: those of the centre, and those of the sides."""

RPN_WEIGHTS: Weights = (1.0, 1.0)
HEAD_WEIGHTS: Weights = (10.0, 5.0)


def to_exclusive(boxes: Tensor) -> Tensor:
    """Return boxes of inclusive pixels as edges: what is x2 - x1 wide."""
    return torch.cat([boxes[..., :2], boxes[..., 2:] + 1], dim=-1)


def to_inclusive(boxes: Tensor) -> Tensor:
    """Return boxes between edges as inclusive pixels, the inverse of to_exclusive."""
    return torch.cat([boxes[..., :2], boxes[..., 2:] - 1], dim=-1)


def area(boxes: Tensor) -> Tensor:
    """Return the areas (...,) in pixels."""
    return (boxes[..., 2] - boxes[..., 0] + 1) * (boxes[..., 3] - boxes[..., 1] + 1)


def clip(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Return boxes with every corner on a pixel of an image of (width, height)."""
    width, height = size
    x, y = boxes[..., 0::2].clamp(0, width - 1), boxes[..., 1::2].clamp(0, height - 1)
    return torch.stack([x, y], dim=-1).flatten(-2)


def xyxy_to_xywh(boxes: Tensor) -> Tensor:
    """Return (x1, y1, width, height)."""
    return torch.cat([boxes[..., :2], boxes[..., 2:] - boxes[..., :2] + 1], dim=-1)


def xywh_to_xyxy(boxes: Tensor) -> Tensor:
    """Return the inclusive corners; a side of nothing still covers its first pixel."""
    return torch.cat(
        [boxes[..., :2], boxes[..., :2] + (boxes[..., 2:] - 1).clamp(min=0)], dim=-1)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the overlap (N, M) of boxes (N, 4) and (M, 4), shared area over joint area."""
    corner = torch.maximum(a[:, None, :2], b[None, :, :2])
    other = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (other - corner + 1).clamp(min=0).prod(dim=-1)
    return shared / (area(a)[:, None] + area(b) - shared)


def encode(targets: Tensor, boxes: Tensor, weights: Weights) -> Tensor:
    """Return the deltas that move boxes onto targets: the inverse of decode."""
    centre, size = _centre_and_size(boxes)
    aim, aim_size = _centre_and_size(targets)
    return torch.cat([
        (aim - centre) / size * weights[0], torch.log(aim_size / size) * weights[1]], dim=-1)


def decode(deltas: Tensor, boxes: Tensor, weights: Weights) -> Tensor:
    """
    Move boxes by deltas, which may have further axes before the last one that boxes lack.

    Centres shift in units of the box's size, sizes grow by a power of e, at most 62.5 times.
    """
    centre, size = _centre_and_size(boxes)
    shift, growth = deltas[..., :2] / weights[0], deltas[..., 2:] / weights[1]
    centre = centre + shift * size
    half = 0.5 * size * torch.exp(growth.clamp(max=MOST_GROWTH))
    return torch.cat([centre - half, centre + half - 1], dim=-1)


def nms(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float) -> Tensor:
    """
    Return the indices (K,) that greedy suppression of inclusive boxes keeps, best first.

    A box goes if a better kept one with its label overlaps it by more than `threshold`, as on
    maskrcnn-benchmark's GPU; its CPU kernel also drops where the overlap is the threshold.
    """
    return exclusive.nms(to_exclusive(boxes), scores, labels, threshold)


def _centre_and_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Return centres (..., 2) and sizes (..., 2)."""
    size = boxes[..., 2:] - boxes[..., :2] + 1
    return boxes[..., :2] + 0.5 * size, size
