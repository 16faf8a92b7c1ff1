# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The table of detectors: one line each, from which everything else is derived.

A line states the name that `detector.type` gives it, its module and what it is. Choices, YAML
files and documentation follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EXTERNAL = 'external'
"""The type whose boxes come with the frames."""

USERS = ''
"""Stands for weights that are not in the package: `detector.weights` names a file."""


@dataclass(frozen=True)
class DetectorEntry:
    """A line of the table of detectors."""

    module: str
    """Module within mot_ros.tracking.detectors whose function make(settings) loads it."""
    help: str
    onnx: str = ''
    """The module for backend onnx; empty where nothing is exported for it."""
    weights: str | None = None
    """Its weights in the package; USERS where a file has to be named, None where none is read."""


DETECTORS: Mapping[str, DetectorEntry] = {
    'nanodet': DetectorEntry(
        'nanodet.detector', 'NanoDet-g in torch, at one or two scales', weights='nanodet-coco'),
    'ssd': DetectorEntry(
        'ssd.mobilenet', 'our SSD in torch', 'ssd.mobilenet_onnx', weights='ssd-coco'),
    'rcnn': DetectorEntry('rcnn.factory', 'the Faster R-CNN of siammot and tracktor'),
    'onnx': DetectorEntry('onnx_file.detector', 'an ONNX file', 'onnx_file.detector', USERS),
    'prb': DetectorEntry(
        'prb', "SMILEtrack's PRB-FPN6-MSP in torch, with imported weights", weights=USERS),
    'gluon_ssd': DetectorEntry(
        'ssd.gluon', "SMOT's SSDs in torch, with imported weights", weights=USERS),
    EXTERNAL: DetectorEntry(
        'external', 'another node sends the boxes, to the topic `detections`', 'external'),
}


def explanation() -> str:
    """Return what each type is, for the help of detector.type."""
    kinds = '; '.join(f"'{name}': {entry.help}" for name, entry in DETECTORS.items())
    return (
        "kind of detector; 'auto': rcnn for siammot and tracktor, ssd for smot, else nanodet; "
        f'{kinds}')
