# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The proposals of rpn.py in fixed shapes: the same, but no one waits for how many there are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mot_ros.tracking.nets.fixed_nms import first_rows, fixed_nms, picked
from mot_ros.tracking.nets.rcnn.boxes_inclusive import to_exclusive
from mot_ros.tracking.nets.rcnn.rpn import Proposals, Rpn, Selection


def fixed_proposals(
        rpn: Rpn, features: Sequence[Tensor], size: tuple[int, int], selection: Selection,
        anchors: Sequence[Tensor] | None = None) -> tuple[Proposals, Tensor]:
    """
    Return what Rpn.propose does, and whether suppression came to an end ().

    Each level is a group of its own: five times a thousand boxes are compared among each other,
    not five thousand. All `anchors` of each level may be given, see AnchorGenerator.
    """
    logits, deltas = rpn(features)
    boxes, scores, _ = rpn.candidates(
        logits, deltas, [level.shape[-1] for level in features], size, selection,
        anchors)
    counts = [min(selection.per_level, level.shape[1]) for level in logits]
    kept, settled = _kept(boxes, counts, selection.overlap)
    ranked, order = scores.sort(dim=1, descending=True, stable=True)
    rows, there = first_rows(kept.gather(1, order), selection.keep)
    found = picked(boxes, order.gather(1, rows), there)
    return Proposals(found, picked(ranked, rows, there).sigmoid() * there, there), settled


def _kept(boxes: Tensor, counts: Sequence[int], overlap: float) -> tuple[Tensor, Tensor]:
    """Return which boxes (B, N) of levels of so many, one after the other, each level keeps."""
    most = max(counts)
    levels = [
        F.pad(level, (0, 0, 0, most - level.shape[1]))
        for level in torch.split(to_exclusive(boxes), list(counts), dim=1)]
    room = torch.arange(most, device=boxes.device)
    valid = torch.stack([room < count for count in counts]).expand(len(boxes), -1, -1)
    kept, settled = fixed_nms(
        torch.stack(levels, dim=1).flatten(0, 1), valid.flatten(0, 1), overlap)
    of_level = kept.reshape(valid.shape).unbind(1)
    return torch.cat([
        kept[:, :count] for kept, count in zip(of_level, counts, strict=True)], dim=1), settled
