# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A bag without truth: something to track, nothing to score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mot_ros.data.annotated import Annotated, checksum, every_frame, SequenceRef, UNKNOWN
from mot_ros.data.bags.bag_layout import storage_files
from mot_ros.data.bags.boxes import detections_of
from mot_ros.data.bags.source import BagSource
from mot_ros.data.datasets.mot import MotRows
from mot_ros.data.image_reading import AUTO, ImageReading


@dataclass(frozen=True)
class PlainBag(SequenceRef):
    """
    Images of a topic; None stands for the only such topic that there is.

    `detections` is a Detection2DArray topic of boxes that somebody found in them.
    """

    bag: Path
    topic: str | None = None
    detections: str | None = None
    reading: ImageReading = AUTO

    def read(self) -> Annotated:
        """Read the stamps of the images."""
        source = BagSource(self.bag, self.topic, reading=self.reading)
        stamps = np.array(source.stamps(), np.int64)
        return Annotated(
            name=self.name, size=source.size, rate=source.fps, stamps=stamps, rule=UNKNOWN,
            truth=MotRows.of_detections([]), distractors=np.zeros(0, np.bool_),
            scored=every_frame(len(stamps)),
            images=partial(BagSource, self.bag, source.topic, reading=self.reading),
            public=None if self.detections is None else partial(
                detections_of, self.bag, source.topic, self.detections, self.reading),
            checksums={file.name: checksum(file) for file in storage_files(self.bag)})
