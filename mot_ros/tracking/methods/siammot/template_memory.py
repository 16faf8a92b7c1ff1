# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SiamMemory: what SiamMOT's motion model remembers of each track, row by row with the pool."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.config.siammot import SiamMotSettings
from mot_ros.tracking.detectors.rcnn.graphs import Options
from mot_ros.tracking.detectors.rcnn.roi_heads import inference_fp32, RoiHeads
from mot_ros.tracking.detectors.rcnn.roi_heads_fixed import FixedShapeRoiHeads, Followed
from mot_ros.tracking.methods.siammot.template_buffer import TemplateSlots
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.emm_decode import EmmOptions
from mot_ros.tracking.nets.siammot.imm import Imm, ImmOptions
from mot_ros.tracking.nets.siammot.search_region import Memory, SearchRegion
from mot_ros.tracking.types import Floats, Ints, Mask


class SiamMemory:
    """
    The templates of all tracks of a pool, in its order, and the search for them.

    Rows are those of the last `renew`. A dormant track keeps the template of the last frame in
    which it was active; where it is looked for is up to the caller.
    """

    def __init__(self, head: Emm | Imm) -> None:
        self.head = head
        """What looks; another one with the same weights may take its place."""
        self.reset()

    def reset(self) -> None:
        """Forget every track."""
        self._slots = TemplateSlots()

    def __len__(self) -> int:
        return len(self._slots)

    def search(
            self, sight: RoiHeads, expected: Floats, settings: SiamMotSettings,
            stretch: float = 1.0) -> tuple[Floats, Floats]:
        """
        Look for each track around its box in `expected` (N, 4), pixels of the image.

        Returns boxes (N, 4), pixels of the image and not clipped, and visibilities (N,). The
        region is `stretch` times as large as the settings have it, except for IMM, which
        compares regions of equal size.
        """
        if self._slots.templates is None:
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        at = sight.inward(expected)
        with inference_fp32(sight.device):
            slots = torch.from_numpy(self._slots.of_tracks).to(at.device)
            # regions and levels follow from where a track should be
            memory = Memory(self._slots.templates[slots], at, at)
            boxes, visibility = self._found(sight, memory, settings, stretch)
        return sight.outward(boxes), np.nan_to_num(visibility.float().cpu().numpy())

    def follow(
            self, sight: FixedShapeRoiHeads, expected: Floats, labels: Ints,
            settings: SiamMotSettings,
            stretch: float = 1.0) -> Followed:
        """
        Search, and have the box head judge what is found as the network's `labels` (N,).

        In fixed shapes that is one question; see `search` and FixedShapeRoiHeads.follow.
        """
        if self._slots.templates is None:
            none = np.zeros((0, 4), np.float32)
            return Followed(none, none[:, 0], none, none[:, 0])
        followed = sight.follow(
            self.head, self._options(settings, stretch), self._slots.templates,
            self._slots.of_tracks, expected, labels)
        return followed._replace(visibilities=np.nan_to_num(followed.visibilities))

    def renew(
            self, sight: RoiHeads, boxes: Floats, living: Mask, fresh: Mask,
            settings: SiamMotSettings) -> None:
        """
        Take the tracks as they are after a frame.

        `living` (N,): which of the rows go on; in `boxes` (M, 4), pixels of the image, they come
        first, then the new ones. `fresh` (M,): which of those were seen in this frame, and get a
        new template.
        """
        if not len(boxes):
            self.reset()
            return
        # those who are new are fresh, so who is not has a template already
        self._slots.allot(living, len(boxes))
        if fresh.any():
            with inference_fp32(sight.device):
                self._slots.put(*self._remembered(
                    sight, boxes[fresh], self._slots.of_tracks[fresh], settings))

    def _found(
            self, sight: RoiHeads, memory: Memory, settings: SiamMotSettings,
            stretch: float) -> tuple[Tensor, Tensor]:
        if isinstance(self.head, Imm):
            return self.head.search(sight.features, memory, imm_options(settings))
        return self.head.search(sight.features, memory, emm_options(settings, stretch))

    def _remembered(
            self, sight: RoiHeads, boxes: Floats, slots: Ints,
            settings: SiamMotSettings) -> tuple[Tensor, Tensor]:
        """Return the slots (K,) and templates of boxes (K, 4) in the image, on the device."""
        if sight.fixed is not None:
            return sight.fixed.remember(self.head, self._options(settings), boxes, slots)
        inside = sight.inward(boxes)
        if isinstance(self.head, Imm):
            memory = self.head.remember(sight.features, inside, imm_options(settings))
        else:
            memory = self.head.remember(sight.features, inside, emm_options(settings))
        return torch.from_numpy(slots).to(inside.device), memory.features

    def _options(self, settings: SiamMotSettings, stretch: float = 1.0) -> Options:
        if isinstance(self.head, Imm):
            return imm_options(settings)
        return emm_options(settings, stretch)


def emm_options(settings: SiamMotSettings, stretch: float = 1.0) -> EmmOptions:
    """Return how EMM searches as the settings have it, in a region so many times as large."""
    return EmmOptions(
        SearchRegion(settings.search * stretch, widen=settings.widen), settings.template_cells,
        settings.window, settings.centerness, settings.penalty,
        'paper' if settings.ranking == 'paper' else 'code')


def imm_options(settings: SiamMotSettings) -> ImmOptions:
    """Return where IMM looks."""
    return ImmOptions(SearchRegion(settings.search, widen=settings.widen))
