# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SiamMOT's whole network (arXiv 2105.11595): Faster R-CNN and a Siamese motion model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
import math
from pathlib import Path
from typing import cast, Literal, NamedTuple

import torch
from torch import nn, Tensor

from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.nets.backbones.backbone import Backbone
from mot_ros.tracking.nets.backbones.registry import BACKBONES, make_backbone
from mot_ros.tracking.nets.ops.frozen_batch_norm import fuse_norms
from mot_ros.tracking.nets.rcnn.anchors import ANCHOR_SIZES
from mot_ros.tracking.nets.rcnn.box_head import BoxHead, POOLED
from mot_ros.tracking.nets.rcnn.fpn import FpnBackbone
from mot_ros.tracking.nets.rcnn.roi_align import CellTable, levels_of, roi_align
from mot_ros.tracking.nets.rcnn.rpn import Proposals, Rpn, Selection
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.emm_decode import EmmOptions
from mot_ros.tracking.nets.siammot.imm import Imm, ImmOptions
from mot_ros.tracking.nets.siammot.search_region import Memory
from mot_ros.tracking.weights import key_matching
from mot_ros.tracking.weights import store as weights
from mot_ros.tracking.weights.key_matching import MatchedWeights

Motion = Literal['emm', 'imm', 'none']
MotionModel = Emm | Imm
SearchOptions = EmmOptions | ImmOptions

CHECKPOINT_KEY = 'model'
"""Where the published checkpoints have the network."""
BODY = 'backbone.body.'
FPN_WIDTH = 'backbone.fpn.fpn_inner1.weight'
HIDDEN = 'roi_heads.box.feature_extractor.fc6.weight'
CLASSES = 'roi_heads.box.predictor.cls_score.weight'
EMM = 'roi_heads.track.tracker.predictor.cls.weight'
IMM = 'roi_heads.track.tracker.mlp.0.weight'
IMM_REDUCE = 'roi_heads.track.tracker.reduce.weight'


class SiamMotOutput(NamedTuple):
    """
    The results of B images, boxes in inclusive pixels of the network's input, not clipped.

    `features` are P2..P6, `proposals` those of the RPN, K for each image. `probabilities`
    (B, K, C) and `boxes` (B, K, C, 4) are the box head's of each proposal and class. `tracks` are
    the motion model's boxes (N, 4) and visibilities (N,), None where no tracks were searched.
    """

    features: list[Tensor]
    proposals: Proposals
    probabilities: Tensor
    boxes: Tensor
    tracks: tuple[Tensor, Tensor] | None


class SiamMotNetwork(nn.Module):
    """
    Detector and motion model, tensors by the names of the published checkpoints.

    `classes` counts the background, which is class 0. `width` is that of the pyramid, `hidden`
    that of the box head. `motion` is a motion model, or the name of one of its published size;
    with 'none' the network only detects. `anchor_sizes` are those of P2..P6; weights bring their
    own. Boxes are inclusive pixels of the network's input.
    """

    def __init__(
            self, body: Backbone, classes: int, width: int = 128, hidden: int = 1024,
            motion: Motion | MotionModel = 'emm',
            anchor_sizes: Sequence[float] = ANCHOR_SIZES) -> None:
        super().__init__()
        self.classes = classes
        self.backbone = FpnBackbone(body, width)
        self.rpn = Rpn(width, anchor_sizes)
        self.roi_heads = nn.Module()
        self.roi_heads.box = BoxHead(classes, width, hidden)
        if motion == 'emm':
            motion = Emm(width)
        elif motion == 'imm':
            motion = Imm(width)
        if isinstance(motion, nn.Module):
            self.roi_heads.track = nn.Module()
            self.roi_heads.track.tracker = motion

    @property
    def body(self) -> Backbone:
        """The backbone without the feature pyramid, with the statistics of its images."""
        return self.backbone.body

    @property
    def box_head(self) -> BoxHead:
        """The head that classifies and refines boxes."""
        return cast(BoxHead, self.roi_heads.box)

    @property
    def motion(self) -> MotionModel | None:
        """The motion model, None without one."""
        if not hasattr(self.roi_heads, 'track'):
            return None
        return cast(MotionModel, self.roi_heads.get_submodule('track.tracker'))

    def forward(
            self, images: Tensor, memory: Memory | None = None,
            selection: Selection | None = None) -> SiamMotOutput:
        """
        Detect objects in normalised images (B, 3, H, W), sides multiples of 32.

        With a `memory`, search its tracks in the first image, as the motion model's own options
        have it. Tracking runs the same steps one by one, see RoiHeads.
        """
        size = images.shape[-1], images.shape[-2]
        features = self.features(images)
        proposals = self.proposals(features, size, selection)
        count, rows = proposals.mask.shape
        batch = torch.arange(count, device=images.device).repeat_interleave(rows)
        probabilities, boxes = self.refine(features, proposals.boxes.flatten(0, 1), batch)
        tracks = None
        if memory is not None and self.motion is not None:
            tracks = self.motion.search(features, memory)
        return SiamMotOutput(
            features, proposals, probabilities.reshape(count, rows, -1),
            boxes.reshape(count, rows, -1, 4), tracks)

    def features(self, images: Tensor) -> list[Tensor]:
        """Return P2..P6 of normalised images (B, 3, H, W), sides multiples of 32."""
        return cast('list[Tensor]', self.backbone(images))

    def proposals(
            self, features: Sequence[Tensor], size: tuple[int, int],
            selection: Selection | None = None) -> Proposals:
        """Return the proposals of the RPN in images of (width, height), as many rows for each."""
        return self.rpn.propose(features, size, selection or Selection())

    def refine(
            self, features: Sequence[Tensor] | CellTable, boxes: Tensor,
            batch: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """
        Return class probabilities (K, C) of boxes (K, 4), and each class's box (K, C, 4).

        The boxes may be proposals, tracks or those of another detector; nothing is clipped.
        `batch` (K,) is the number of each box's image, the first if not given.
        """
        if batch is None:
            batch = torch.zeros_like(boxes[:, 0], dtype=torch.long)
        pooled = roi_align(features, boxes, batch, levels_of(boxes), POOLED)
        return self.box_head.refine(pooled, boxes)

    def fuse(self) -> None:
        """Work the norms of the body into its convolutions, for inference; names change."""
        fuse_norms(self)


@dataclass(frozen=True)
class Architecture:
    """What a SiamMot is made with; all of it can be read off its tensors."""

    body: str = 'dla34'
    classes: int = 2
    width: int = 128
    hidden: int = 1024
    motion: Motion = 'emm'
    imm_cells: int = 15
    imm_channels: int | None = None
    imm_hidden: int = 512

    def make(self) -> SiamMotNetwork:
        """Return an untrained network; raises ConfigError for an unknown body or no width."""
        if min(self.classes - 1, self.width, self.hidden) < 1:
            raise ConfigError(
                f'{self} cannot be; classes are at least 2, with the background, width and hidden '
                'at least 1')
        motion: Motion | Imm = self.motion
        if motion == 'imm':
            motion = Imm(self.width, self.imm_cells, self.imm_channels, self.imm_hidden)
        return SiamMotNetwork(
            make_backbone(self.body), self.classes, self.width, self.hidden, motion)


def architecture_of(state: Mapping[str, Tensor]) -> Architecture:
    """
    Read off names and shapes what network a state_dict is of, whatever prefix its names have.

    What cannot be read, because its tensor is missing, is as published. Raises WeightsError if
    no known body is in it.
    """
    found = Architecture(body=_backbone_of(state), motion='none')
    found = replace(
        found, classes=_rows(state, CLASSES, found.classes),
        width=_rows(state, FPN_WIDTH, found.width), hidden=_rows(state, HIDDEN, found.hidden))
    if _named(state, EMM) is not None:
        return replace(found, motion='emm')
    first = _named(state, IMM)
    if first is None:
        return found
    reduce = _named(state, IMM_REDUCE)
    channels = None if reduce is None else reduce.shape[0]
    cells = math.isqrt(first.shape[1] // (2 * (channels or found.width)))
    return replace(
        found, motion='imm', imm_cells=cells, imm_channels=channels, imm_hidden=first.shape[0])


def adopt(state: Mapping[str, Tensor], classes: int | None = None) -> MatchedWeights:
    """
    Find the tensors of a SiamMot in a state_dict of ours, the published code's, or its detector.

    With `classes` the network shall have that many, the background among them, in place of as
    many as are in the file; where they differ,
    MatchedWeights tells that the predictor is of another
    shape. Raises WeightsError if there is no known body at all.
    """
    architecture = architecture_of(state)
    if classes is not None:
        architecture = replace(architecture, classes=classes)
    return _adopted(state, architecture)


def load_network(name_or_path: str | Path) -> SiamMotNetwork:
    """
    Return the network of a name in the weights manifest, or of a file, with its weights.

    Backbone, widths, classes and motion model follow from the tensors. Raises WeightsError if the
    file is missing or damaged, or any tensor in it is missing or left over.
    """
    state = weights.load(name_or_path, inside=CHECKPOINT_KEY)
    architecture = architecture_of(state)
    found = _adopted(state, architecture)
    if found.unexpected:
        raise WeightsError(
            f'{name_or_path} holds what no network of ours has: '
            f'{key_matching.abbreviate(found.unexpected)}; import it, to see what it is')
    found.check(name_or_path)
    network = architecture.make()
    weights.fit(network, found.tensors)
    return network


def _adopted(state: Mapping[str, Tensor], architecture: Architecture) -> MatchedWeights:
    """Find the tensors of a network of this architecture."""
    with torch.device('meta'):
        wanted = architecture.make().state_dict()
    return key_matching.match_keys(state, wanted, {
        'body': architecture.body, 'classes': str(architecture.classes),
        'motion': architecture.motion})


def _backbone_of(state: Mapping[str, Tensor]) -> str:
    """Return the name of the body that has the most tensors in common with a state_dict."""
    shapes = {
        name.rpartition(BODY)[2]: tensor.shape for name, tensor in state.items() if BODY in name}
    best, most = '', 0
    for body in BACKBONES:
        with torch.device('meta'):
            wanted = make_backbone(body).state_dict()
        common = sum(shapes.get(name) == tensor.shape for name, tensor in wanted.items())
        # of two that are both in there whole the larger one is meant
        if common > most:
            best, most = body, common
        if common == len(shapes):
            break
    if not best:
        raise WeightsError(
            f'no tensor is named {BODY}... as in one of the bodies {", ".join(BACKBONES)}: these '
            f'are not the weights of this network, but {key_matching.abbreviate(list(state))}')
    return best


def _named(state: Mapping[str, Tensor], name: str) -> Tensor | None:
    """Return the tensor of a name, or of the only one that ends in it."""
    if name in state:
        return state[name]
    longer = [other for other in state if other.endswith(f'.{name}')]
    return state[longer[0]] if len(longer) == 1 else None


def _rows(state: Mapping[str, Tensor], name: str, otherwise: int) -> int:
    """Return how many rows a named tensor has."""
    tensor = _named(state, name)
    return otherwise if tensor is None else tensor.shape[0]
