# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Post-processing shared by all detectors: threshold, NMS, clipping, top-k."""

from __future__ import annotations

import torch
from torch import Tensor

from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.nets.ops.nms import nms, vote, VOTER_FLOOR
from mot_ros.tracking.types import Detections

CANDIDATES_PER_DETECTION = 10
"""Bound on the time of NMS: number of candidates per detection that may be returned."""


def candidate_floor(settings: DetectorSettings) -> float:
    """Return the least score that has an effect: boxes below the score floor may vote."""
    floor = settings.score_floor
    return min(floor, VOTER_FLOOR) if settings.box_voting else floor


def strongest(scores: Tensor, settings: DetectorSettings) -> Tensor:
    """Return the indices of the scores (N,) that enter NMS; all, if they are few."""
    most = CANDIDATES_PER_DETECTION * settings.max_detections
    if len(scores) <= most:
        return torch.arange(len(scores), device=scores.device)
    return torch.sort(scores, descending=True, stable=True).indices[:most]


def suppressed(
        boxes: Tensor, scores: Tensor, labels: Tensor,
        settings: DetectorSettings) -> tuple[Tensor, Tensor, Tensor]:
    """
    Run NMS per class: return boxes (K, 4), scores (K,) and labels (K,), best first.

    With `box_voting` a kept box takes the mean position of the boxes that it suppresses.
    """
    kept = nms(boxes, scores, labels, settings.nms_iou)
    placed = (
        vote(boxes, scores, labels, kept, settings.nms_iou) if settings.box_voting
        else boxes[kept])
    return placed, scores[kept], labels[kept]


def finished(
        boxes: Tensor, scores: Tensor, labels: Tensor, size: tuple[int, int],
        settings: DetectorSettings) -> Detections:
    """
    Clip boxes, best first, to an image of (width, height) and keep the best `max_detections`.

    Scores below `score_floor` and boxes left without area are dropped. `boxes` is modified.
    """
    width, height = size
    boxes[:, 0::2].clamp_(0, width)
    boxes[:, 1::2].clamp_(0, height)
    # also false for NaN, so that a damaged image cannot give an invalid box
    whole = (boxes[:, 2:] > boxes[:, :2]).all(dim=1) & (scores >= settings.score_floor)
    boxes, scores, labels = (
        column[whole][:settings.max_detections] for column in (boxes, scores, labels))
    return Detections(boxes.cpu().numpy(), scores.cpu().numpy(), labels.cpu().numpy())
