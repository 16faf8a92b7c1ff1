# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""TemplateMemory: the templates of SiamMOT's motion model, row by row with the track pool."""

from __future__ import annotations

from mot_ros.tracking.config.methods.siammot import SiamMotSettings
from mot_ros.tracking.detectors.rcnn.roi_heads import RoiHeads, SearchedTracks
from mot_ros.tracking.methods.siammot.template_buffer import TemplateBuffer
from mot_ros.tracking.nets.siammot.emm_decode import EmmOptions
from mot_ros.tracking.nets.siammot.imm import Imm, ImmOptions
from mot_ros.tracking.nets.siammot.network import MotionModel, SearchOptions
from mot_ros.tracking.nets.siammot.search_region import SearchRegion
from mot_ros.tracking.types import Floats, Ints, Mask


class TemplateMemory:
    """
    The templates of all tracks of a pool, in its order, and the search for these tracks.

    Rows are those of the last `update_templates`. A dormant track keeps the template of the last
    frame in which it was active; the caller gives the box around which it is searched.
    """

    def __init__(self, head: MotionModel) -> None:
        self.head = head
        """The motion model; another one with the same weights may take its place."""
        self.reset()

    def reset(self) -> None:
        """Drop every template."""
        self._buffer = TemplateBuffer()

    def __len__(self) -> int:
        return len(self._buffer)

    def search(
            self, heads: RoiHeads, expected: Floats, settings: SiamMotSettings,
            stretch: float = 1.0) -> tuple[Floats, Floats]:
        """
        Search each track around its box in `expected` (N, 4), pixels of the image.

        Return boxes (N, 4), pixels of the image and not clipped, and visibilities (N,). The
        region is `stretch` times as large as in the settings, except for IMM, which compares
        regions of equal size.
        """
        if self._buffer.templates is None:
            return SearchedTracks.none()[:2]
        return heads.search(
            self.head, self._options(settings, stretch), self._buffer.templates,
            self._buffer.of_tracks, expected)

    def search_tracks(
            self, heads: RoiHeads, expected: Floats, labels: Ints, settings: SiamMotSettings,
            stretch: float = 1.0) -> SearchedTracks:
        """Search, and refine what is found as the network's `labels` (N,); see `search`."""
        if self._buffer.templates is None:
            return SearchedTracks.none()
        return heads.search_tracks(
            self.head, self._options(settings, stretch), self._buffer.templates,
            self._buffer.of_tracks, expected, labels)

    def update_templates(
            self, heads: RoiHeads, boxes: Floats, living: Mask, fresh: Mask,
            settings: SiamMotSettings) -> None:
        """
        Take the tracks as they are after a frame.

        `living` (N,): which of the rows go on; in `boxes` (M, 4), pixels of the image, they come
        first, then the new ones. `fresh` (M,): which of those were observed in this frame, and
        get a new template.
        """
        if not len(boxes):
            self.reset()
            return
        # new tracks are fresh, so a track that is not has a template already
        self._buffer.allot(living, len(boxes))
        if fresh.any():
            self._buffer.put(*heads.extract_templates(
                self.head, self._options(settings), boxes[fresh],
                self._buffer.of_tracks[fresh]))

    def _options(self, settings: SiamMotSettings, stretch: float = 1.0) -> SearchOptions:
        if isinstance(self.head, Imm):
            return imm_options(settings)
        return emm_options(settings, stretch)


def emm_options(settings: SiamMotSettings, stretch: float = 1.0) -> EmmOptions:
    """Return the search options of EMM, with a region so many times as large."""
    return EmmOptions(
        SearchRegion(settings.search * stretch, widen=settings.widen), settings.template_cells,
        settings.window, settings.centerness, settings.penalty,
        'paper' if settings.ranking == 'paper' else 'code')


def imm_options(settings: SiamMotSettings) -> ImmOptions:
    """Return the search options of IMM."""
    return ImmOptions(SearchRegion(settings.search, widen=settings.widen))
