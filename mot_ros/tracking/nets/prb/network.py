# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
PRB-FPN6-MSP, SMILEtrack's detector of the YOLOv7 family (arXiv 2211.08824, 2012.01724).

Only this one of the family is implemented. PRB-FPN6-2PY, PRB-FPN6-3PY, PRB-FPN-CSP and YOLOv7 have
other layer tables; their files are recognised by the number of layers and refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import nn, Tensor

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.nets.prb.blocks import (
    BiFusion,
    Mspa,
    PrbBottleneck,
    PrbConv,
    ResidualBridge,
    SppCspc,
    Sum,
)
from mot_ros.tracking.nets.prb.head import (
    BOX_AND_OBJECTNESS,
    BOXES_PER_CELL,
    decode,
    Head,
    LEVELS,
    STRIDES,
)
from mot_ros.tracking.nets.prb.rows import MSP, Row
from mot_ros.tracking.weights import key_matching
from mot_ros.tracking.weights.key_matching import MatchedWeights, without_prefixes

KNOWN_HEADS = {
    43: 'PRB-FPN6-MSP for deployment', 60: 'PRB-FPN-CSP or PRB-FPN-MSP', 105: 'YOLOv7',
    108: 'PRB-FPN-ELAN', 121: 'YOLOv7-X', 122: 'YOLOv7-W6', 180: 'PRB-FPN6-2PY',
    194: 'PRB-FPN6-3PY'}
"""Index of the head in files of related networks, by which they are recognised."""


class Prb(nn.Module):
    """
    Map images to boxes and their scores, at any input size divisible by 64.

    Images are (B, 3, H, W) RGB in [0, 1]. Tensors have the published names,
    `model.<layer>.<part>`; with `auxiliary` the tensors of the auxiliary training head exist too,
    unused. `rows` is the table of layers, whose last eight feed the two heads.
    """

    def __init__(
            self, classes: int, rows: Sequence[Row] = MSP, *, auxiliary: bool = False) -> None:
        super().__init__()
        self._sources: dict[int, tuple[int, ...]] = {}
        self.model = nn.ModuleDict()
        widths: list[int] = []
        built = len(rows) if auxiliary else len(rows) - LEVELS
        for place, row in enumerate(rows):
            self._sources[place] = sources = row.sources or (place - 1,)
            inputs = [widths[source] if source >= 0 else 3 for source in sources]
            widths.append(row.width or inputs[0])
            if place < built:
                self.model[str(place)] = _layer(row, inputs)
        self._levels = range(len(rows) - 2 * LEVELS, len(rows) - LEVELS)
        self._head = str(len(rows))
        spare = widths[-LEVELS:] if auxiliary else []
        self.model[self._head] = Head([widths[level] for level in self._levels], spare, classes)
        # features are dropped after their last use, to bound memory
        self._last_reader = {
            source: place for place in range(len(rows) - LEVELS)
            for source in self._sources[place]}

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """
        Return boxes (B, N, 4) xyxy, objectness (B, N) and class probabilities (B, N, classes).

        Boxes are in pixels of the input, not clipped; all are float32.
        """
        features = {-1: images}
        for place in range(self._levels.stop):
            sources = self._sources[place]
            features[place] = self.model[str(place)](*(features[source] for source in sources))
            for source in set(sources):
                if self._last_reader[source] == place:
                    del features[source]
        head = cast(Head, self.model[self._head])
        raw = head([features[level] for level in self._levels])
        anchors = cast(Tensor, head.anchor_grid)
        found = [
            decode(level, stride, grid)
            for level, stride, grid in zip(raw, STRIDES, anchors, strict=True)]
        boxes, objectness, classes = (torch.cat(part, 1) for part in zip(*found, strict=True))
        return boxes, objectness, classes

    def fold(self) -> None:
        """Fold BatchNorm and the head's implicit parts into convolutions; for inference only."""
        for module in list(self.modules()):
            if isinstance(module, (PrbConv, Head)):
                module.fold()


def _layer(row: Row, inputs: Sequence[int]) -> nn.Module:
    """Make one layer; repeated ones form a sequence, as in the published names."""
    if row.kind == 'bridge':
        return ResidualBridge((inputs[0], inputs[1], inputs[2]), row.width, row.widths)
    if row.kind == 'fusion':
        return BiFusion((inputs[0], inputs[1]), row.width, row.widths)
    if row.kind == 'sum':
        return Sum()
    if row.kind == 'spp':
        return SppCspc(inputs[0], row.width)
    if row.kind == 'bottleneck':
        return PrbBottleneck(inputs[0], row.width, row.width // 2, row.shortcut)
    if row.kind == 'mspa':
        blocks = [Mspa(row.width) for _ in range(row.repeats)]
        return blocks[0] if row.repeats == 1 else nn.Sequential(*blocks)
    return PrbConv(inputs[0], row.width, row.kernel, row.stride)


def count_classes(state: Mapping[str, Tensor], rows: Sequence[Row] = MSP) -> int:
    """Return the number of classes in a file's tensors; WeightsError if it has no head."""
    bias = state.get(f'model.{len(rows)}.m.0.bias')
    if bias is not None and bias.ndim == 1:
        each, rest = divmod(len(bias), BOXES_PER_CELL)
        if rest == 0 and each > BOX_AND_OBJECTNESS:
            return each - BOX_AND_OBJECTNESS
    places = [
        int(name.split('.')[1]) for name in state
        if name.startswith('model.') and name.split('.')[1].isdigit()]
    if not places:
        raise WeightsError(
            'no tensor is called model.<layer>.<part>: this is no network of the YOLOv7 family')
    last = max(places)
    relative = KNOWN_HEADS.get(last)
    raise WeightsError(
        f'the last layer is {last}' + (f', as in {relative}' if relative else '')
        + f'; of this family only PRB-FPN6-MSP is built, whose head is layer {len(rows)}. '
        'Export it as an ONNX file for detector.type onnx instead')


def adopt(state: Mapping[str, Tensor], rows: Sequence[Row] = MSP) -> MatchedWeights:
    """
    Return the tensors of Prb; the auxiliary training head is dropped.

    Raises WeightsError for another network of the family, see MatchedWeights for the rest.
    """
    named, _ = without_prefixes(state)
    classes = count_classes(named, rows)
    with torch.device('meta'):
        wanted = Prb(classes, rows).state_dict()
    auxiliary = [f'model.{place}.' for place in range(len(rows) - LEVELS, len(rows))]
    return key_matching.match_keys(
        state, wanted, {'body': 'PRB-FPN6-MSP', 'classes': str(classes)},
        unused=[*auxiliary, f'model.{len(rows)}.m2.'])
