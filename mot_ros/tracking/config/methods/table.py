# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The table of tracking methods: one line each, from which everything else is derived.

A line states the name, the settings class, where the method is implemented and what it needs.
Choices of `method`, presets, YAML files, documentation and command line follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
from dataclasses import dataclass

from mot_ros.tracking.config.common import CommonSettings
from mot_ros.tracking.config.methods.botsort import BotSortSettings
from mot_ros.tracking.config.methods.bytetrack import ByteTrackSettings
from mot_ros.tracking.config.methods.deepsort import DeepSortSettings
from mot_ros.tracking.config.methods.entry import APPEARANCE, BOXES, IMAGE, method, MethodEntry
from mot_ros.tracking.config.methods.siammot import SiamMotSettings, TracktorSettings
from mot_ros.tracking.config.methods.smiletrack import SmileTrackSettings
from mot_ros.tracking.config.methods.smot import SmotSettings
from mot_ros.tracking.config.methods.sort import SortSettings
from mot_ros.tracking.config.presets import merged
from mot_ros.tracking.config.schema import Presets


@dataclass(frozen=True)
class MethodTable(CommonSettings):
    """The settings of every method, each in a group of its own; the first is the default."""

    smiletrack: SmileTrackSettings = method(
        SmileTrackSettings, 'smiletrack:SmileTrack', APPEARANCE)
    bytetrack: ByteTrackSettings = method(ByteTrackSettings, 'bytetrack:ByteTrack', BOXES)
    sort: SortSettings = method(SortSettings, 'sort:Sort', BOXES)
    deepsort: DeepSortSettings = method(DeepSortSettings, 'deepsort:DeepSort', APPEARANCE)
    botsort: BotSortSettings = method(BotSortSettings, 'botsort:BotSort', APPEARANCE)
    siammot: SiamMotSettings = method(SiamMotSettings, 'siammot.tracker:SiamMot', IMAGE, 'rcnn')
    tracktor: TracktorSettings = method(TracktorSettings, 'tracktor:Tracktor', IMAGE, 'rcnn')
    smot: SmotSettings = method(SmotSettings, 'smot.tracker:Smot', IMAGE, 'ssd')


ENTRIES: Mapping[str, MethodEntry] = {
    item.name: item.metadata['method'] for item in dataclasses.fields(MethodTable)
    if 'method' in item.metadata}
"""The lines of the table by the name of the method."""
METHODS = tuple(ENTRIES)
IMAGE_METHODS = tuple(name for name, entry in ENTRIES.items() if entry.needs == IMAGE)
"""Methods that find their tracks in the image themselves, and do nothing without one."""
BOX_METHODS = tuple(name for name, entry in ENTRIES.items() if entry.needs != IMAGE)
"""Methods that can do with the boxes of a detector."""
APPEARANCE_METHODS = tuple(name for name, entry in ENTRIES.items() if entry.needs == APPEARANCE)
"""Those of them that look at the image too, unless appearance.type is none."""
PRESETS: Presets = merged(
    getattr(item.default_factory, 'presets', {}) for item in dataclasses.fields(MethodTable))
"""Presets by name; the first one changes nothing."""
