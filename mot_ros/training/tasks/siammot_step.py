# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Losses of SiamMOT on a batch of pairs: RPN, box head and motion model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mot_ros.tracking.nets.rcnn.box_head import POOLED
from mot_ros.tracking.nets.rcnn.roi_align import levels_of, roi_align
from mot_ros.tracking.nets.rcnn.rpn import Selection
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.imm import Imm
from mot_ros.tracking.nets.siammot.network import SiamMotNetwork
from mot_ros.tracking.nets.siammot.search_region import Memory
from mot_ros.training.losses.emm import CENTRE, emm_losses
from mot_ros.training.losses.imm import imm_losses
from mot_ros.training.losses.rcnn import box_losses, RcnnSampling, rpn_losses, sample_rois
from mot_ros.training.losses.triplets import HARD, sample_triplets, Triplets, TripletSampling


@dataclass(frozen=True, eq=False)
class FrameTruth:
    """
    Ground truth of one frame: boxes (G, 4) xyxy in network pixels, labels (G,), ids (G,).

    Labels start at 1. An object has the same unique id in both frames of a pair.
    """

    boxes: Tensor
    labels: Tensor
    ids: Tensor


@dataclass(frozen=True)
class StepOptions:
    """
    Set sampling and loss weights of a step; the defaults are the published ones.

    `proposals` is the number of best proposals, of all frames together, that are sampled from.
    `margin` and `focal` are those of emm_losses.
    """

    rcnn: RcnnSampling = field(default_factory=RcnnSampling)
    triplets: TripletSampling = field(default_factory=TripletSampling)
    selection: Selection = field(default_factory=lambda: Selection(2000, 2000, 0.7))
    proposals: int = 2000
    motion_weight: float = 1.0
    margin: float = CENTRE
    focal: bool = False


@dataclass(frozen=True, eq=False)
class _Proposed:
    """Proposals (P, 4) of one frame, including the true boxes, and their objectness (P,)."""

    boxes: Tensor
    objectness: Tensor


def siammot_losses(
        network: SiamMotNetwork, images: Tensor, truth: Sequence[FrameTruth],
        options: StepOptions | None = None, generator: torch.Generator | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """
    Return the sum of the losses, and its weighted parts by name, of pairs of frames.

    `images` (2 N, 3, H, W) are normalised, frame 2 i and 2 i + 1 being a pair, `truth` is one
    per frame. Each frame is the source for the other one. Samples are drawn by `generator`, or
    the global one. Parts begin with rpn_, box_ and motion_; without a motion model in the
    network the last are not there.
    """
    options = options or StepOptions()
    if len(images) % 2 or len(images) != len(truth):
        raise ValueError(
            f'{len(images)} images with {len(truth)} truths are not pairs; give an even number '
            f'of images, frames of a pair side by side, and a truth for each')
    size = images.shape[-1], images.shape[-2]
    features = network.features(images)
    logits, deltas = network.rpn(features)
    objectness, moves = rpn_losses(
        logits, deltas, network.rpn.anchor_generator(features), [each.boxes for each in truth],
        size, options.rcnn, generator)
    with torch.no_grad():
        proposed = _propose(network, features, logits, deltas, size, truth, options)
    parts = {'rpn_objectness': objectness, 'rpn_deltas': moves}
    parts |= _box_parts(network, features, proposed, truth, options, generator)
    if network.motion is not None:
        sampled = [
            sample_triplets(
                each.boxes, each.objectness, truth[frame].boxes, truth[frame].ids,
                truth[frame ^ 1].boxes, truth[frame ^ 1].ids, options.triplets, generator)
            for frame, each in enumerate(proposed)]
        motion = _motion_parts(network.motion, features, sampled, options)
        parts |= {
            f'motion_{name}': options.motion_weight * part for name, part in motion.items()}
    return torch.stack(list(parts.values())).sum(), parts


def _propose(
        network: SiamMotNetwork, features: Sequence[Tensor], logits: Sequence[Tensor],
        deltas: Sequence[Tensor], size: tuple[int, int], truth: Sequence[FrameTruth],
        options: StepOptions) -> list[_Proposed]:
    """Return the best proposals of all frames together, and with them the true boxes of each."""
    columns = [level.shape[-1] for level in features]
    found = network.rpn.select(logits, deltas, columns, size, options.selection)
    scores = found.scores.masked_fill(~found.mask, -1)
    best = scores.flatten().topk(min(options.proposals, scores.numel())).indices
    chosen = torch.zeros_like(found.mask).flatten().index_fill(0, best, True)
    chosen = chosen.reshape(found.mask.shape) & found.mask
    return [
        _Proposed(
            torch.cat([found.boxes[frame, rows], each.boxes]),
            torch.cat([found.scores[frame, rows], torch.ones_like(each.boxes[:, 0])]))
        for frame, (rows, each) in enumerate(zip(chosen, truth, strict=True))]


def _box_parts(
        network: SiamMotNetwork, features: Sequence[Tensor], proposed: Sequence[_Proposed],
        truth: Sequence[FrameTruth], options: StepOptions, generator: torch.Generator | None,
) -> dict[str, Tensor]:
    rois = [
        sample_rois(each.boxes, true.boxes, true.labels, options.rcnn, generator)
        for each, true in zip(proposed, truth, strict=True)]
    boxes = torch.cat([each.boxes for each in rois])
    batch = _numbered([each.boxes for each in rois])
    pooled = roi_align(features, boxes, batch, levels_of(boxes), POOLED)
    logits, deltas = network.box_head(pooled)
    classes, moves = box_losses(
        logits, deltas, torch.cat([each.labels for each in rois]),
        torch.cat([each.deltas for each in rois]))
    return {'box_classes': classes, 'box_deltas': moves}


def _motion_parts(
        motion: Emm | Imm, features: Sequence[Tensor], sampled: Sequence[Triplets],
        options: StepOptions) -> dict[str, Tensor]:
    """Search each triplet's region in the other frame of the pair."""
    batch = _numbered([each.template for each in sampled])
    template = torch.cat([each.template for each in sampled])
    around = torch.cat([each.around for each in sampled])
    target = torch.cat([each.target for each in sampled])
    if isinstance(motion, Imm):
        # IMM predicts a box inside its own region; hard negatives lie elsewhere
        rows = torch.cat([each.kind for each in sampled]) != HARD
        batch, template, target = batch[rows], template[rows], target[rows]
        memory = motion.extract_templates(features, template, batch=batch)
        return imm_losses(*motion.respond(features, memory, batch ^ 1), template, target)
    remembered = motion.extract_templates(features, template, batch=batch)
    search = motion.options.region.around(around)
    memory = Memory(remembered.features, search, template)
    response = motion.respond(features, memory, batch=batch ^ 1)
    return emm_losses(
        response, search, target, motion.options, options.margin, focal=options.focal)


def _numbered(rows: Sequence[Tensor]) -> Tensor:
    """Return the index of the image of each row, (K,)."""
    counts = torch.tensor([len(each) for each in rows], device=rows[0].device)
    return torch.arange(len(rows), device=rows[0].device).repeat_interleave(counts)
