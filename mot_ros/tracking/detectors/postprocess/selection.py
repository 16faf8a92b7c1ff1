# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""From scored boxes to detections: the last steps, which all detectors share."""

from __future__ import annotations

import torch
from torch import Tensor

from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.nets.ops.nms import nms, vote, VOTER_FLOOR
from mot_ros.tracking.types import Detections

CANDIDATES_PER_DETECTION = 10
"""Bounds the time of suppression: the best so many boxes per wanted one enter it."""


def candidate_floor(settings: DetectorSettings) -> float:
    """Return the least score that matters: boxes below the score floor may still vote."""
    floor = settings.score_floor
    return min(floor, VOTER_FLOOR) if settings.box_voting else floor


def strongest(scores: Tensor, settings: DetectorSettings) -> Tensor:
    """Return the indices of the scores (N,) that enter suppression; all, if they are few."""
    most = CANDIDATES_PER_DETECTION * settings.max_detections
    if len(scores) <= most:
        return torch.arange(len(scores), device=scores.device)
    return torch.sort(scores, descending=True, stable=True).indices[:most]


def suppressed(
        boxes: Tensor, scores: Tensor, labels: Tensor,
        settings: DetectorSettings) -> tuple[Tensor, Tensor, Tensor]:
    """
    Return boxes (K, 4), scores (K,) and labels (K,) of what suppression leaves, best first.

    Of overlapping boxes of a class all but the best go, which takes their mean place with
    `box_voting`.
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
    Cut boxes, best first, to an image of (width, height) and keep the best `max_detections`.

    Scores below `score_floor` go, and boxes of which nothing is left. `boxes` is changed.
    """
    width, height = size
    boxes[:, 0::2].clamp_(0, width)
    boxes[:, 1::2].clamp_(0, height)
    # also false for NaN, so that a damaged image cannot end in an invalid box
    whole = (boxes[:, 2:] > boxes[:, :2]).all(dim=1) & (scores >= settings.score_floor)
    boxes, scores, labels = (
        column[whole][:settings.max_detections] for column in (boxes, scores, labels))
    return Detections(boxes.cpu().numpy(), scores.cpu().numpy(), labels.cpu().numpy())
