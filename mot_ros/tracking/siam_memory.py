# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""SiamMemory: what SiamMOT's motion model remembers of each track, row by row with the pool."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mot_ros.tracking.config.siammot import SiamMotSettings
from mot_ros.tracking.detectors.rcnn import exactly, Sight
from mot_ros.tracking.nets.emm import Emm, EmmOptions
from mot_ros.tracking.nets.imm import Imm, ImmOptions
from mot_ros.tracking.nets.search_region import Memory, SearchRegion
from mot_ros.tracking.siam_solver import Mask
from mot_ros.tracking.types import Floats


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
        self._memory: Memory | None = None

    def __len__(self) -> int:
        return 0 if self._memory is None else len(self._memory)

    def search(
            self, sight: Sight, expected: Floats, settings: SiamMotSettings,
            stretch: float = 1.0) -> tuple[Floats, Floats]:
        """
        Look for each track around its box in `expected` (N, 4), pixels of the image.

        Returns boxes (N, 4), pixels of the image and not clipped, and visibilities (N,). The
        region is `stretch` times as large as the settings have it, except for IMM, which
        compares regions of equal size.
        """
        if self._memory is None:
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        # regions and levels follow from the template's box, which is all that has to move
        memory = replace(self._memory, template=sight.inward(expected))
        with exactly(sight.device):
            boxes, visibility = self._found(sight, memory, settings, stretch)
        return sight.outward(boxes), np.nan_to_num(visibility.float().cpu().numpy())

    def renew(
            self, sight: Sight, boxes: Floats, living: Mask, fresh: Mask,
            settings: SiamMotSettings) -> None:
        """
        Take the tracks as they are after a frame.

        `living` (N,): which of the rows go on; in `boxes` (M, 4), pixels of the image, they come
        first, then the new ones. `fresh` (M,): which of those were seen in this frame, and get a
        new template.
        """
        if not len(boxes):
            self._memory = None
            return
        parts, place = [], np.zeros(len(boxes), np.int64)
        stale, seen = np.flatnonzero(~fresh), np.flatnonzero(fresh)
        if self._memory is not None and len(stale):
            # the new ones are fresh, so what is stale was there before
            parts.append(self._memory[torch.from_numpy(
                np.flatnonzero(living)[stale]).to(self._memory.template.device)])
        if len(seen):
            with exactly(sight.device):
                parts.append(self._remembered(sight, sight.inward(boxes[seen]), settings))
        place[np.concatenate([stale, seen])] = np.arange(len(boxes))
        self._memory = Memory.joined(parts)[
            torch.from_numpy(place).to(parts[0].template.device)]

    def _found(
            self, sight: Sight, memory: Memory, settings: SiamMotSettings,
            stretch: float) -> tuple[Tensor, Tensor]:
        if isinstance(self.head, Imm):
            return self.head.search(sight.features, memory, imm_options(settings))
        return self.head.search(sight.features, memory, emm_options(settings, stretch))

    def _remembered(
            self, sight: Sight, boxes: Tensor, settings: SiamMotSettings) -> Memory:
        if isinstance(self.head, Imm):
            return self.head.remember(sight.features, boxes, imm_options(settings))
        return self.head.remember(sight.features, boxes, emm_options(settings))


def emm_options(settings: SiamMotSettings, stretch: float = 1.0) -> EmmOptions:
    """Return how EMM searches as the settings have it, in a region so many times as large."""
    return EmmOptions(
        SearchRegion(settings.search * stretch, widen=settings.widen), settings.template_cells,
        settings.window, settings.centerness, settings.penalty,
        'paper' if settings.ranking == 'paper' else 'code')


def imm_options(settings: SiamMotSettings) -> ImmOptions:
    """Return where IMM looks."""
    return ImmOptions(SearchRegion(settings.search, widen=settings.widen))
