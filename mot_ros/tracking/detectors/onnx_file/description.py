# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Describe what an ONNX file of a detector is taken for, and why."""

from __future__ import annotations

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors.onnx_file import forms
from mot_ros.tracking.detectors.onnx_file.detector import OnnxDetector
from mot_ros.tracking.detectors.onnx_file.layouts import LAYOUTS, OBB, OBB_OBJECTS, TURNED
from mot_ros.tracking.errors import ConfigError

ASSUMED: tuple[dict[str, str], ...] = (
    {}, {'detector.pixels': 'unit'}, {'detector.names': 'coco'},
    {'detector.pixels': 'unit', 'detector.names': 'coco'})
"""Settings to read a file with that leaves them open; the first that will do."""
FORMS = {
    forms.THREE: 'three outputs: boxes, whole-numbered or so named classes, scores',
    forms.SINGLE: 'three outputs without a batch: boxes, classes, scores (torchvision)',
    forms.SCORED: 'an output of boxes with scores and one of classes (mmdeploy)',
    forms.FLAT: 'rows of 7: number of the image, box, class and score (YOLOv7, YOLO-NAS)',
    forms.PADDLE: 'rows of 6, class and score first, and the input scale_factor (PaddleDetection)',
    forms.PLAIN: 'it was chosen: rows of 6 without a batch',
    OBB_OBJECTS: 'its metadata says that boxes are turned; the last column is the angle',
    TURNED: 'an output of boxes and one of scores, a row per class (PP-YOLOE)',
    OBB: 'its metadata says that boxes are turned; the last row is the angle'}


def describe_onnx(path: str) -> dict[str, str]:
    """
    Return what a file is taken for, as lines by name.

    `to be set` has the message on settings that the file leaves open. Raises ConfigError with the
    choices where its outputs are of no layout, or of more than one.
    """
    complaint = ''
    for assumed in ASSUMED:
        try:
            made = OnnxDetector(build(Settings, {
                'detector.type': 'onnx', 'detector.weights': path, 'detector.classes': [],
                **assumed}).detector, 'cpu')
        except ConfigError as error:
            complaint = complaint or str(error)
        else:
            return _lines(made) | ({'to be set': complaint} if complaint else {})
    raise ConfigError(complaint)


def _lines(made: OnnxDetector) -> dict[str, str]:
    layout, session = made.recognised, made.session
    if session.metadata.get('layout') == layout.kind:
        why = 'its metadata names the layout'
    elif layout.form:
        why = FORMS[layout.form]
    elif layout.kind == 'detr':
        why = ('its metadata names RT-DETR' if len(layout.places) == 1
               else 'the names of its outputs are those of boxes and logits')
    else:
        why = 'names and shapes of its outputs, and how far they reach for a grey image'
    width, height = made.input_size
    names = made.class_names
    return {
        'inputs': session.described,
        'input': f'{width}x{height}, {session.dtype}, {made.resize}, pixels {made.pixels}',
        'outputs': ', '.join(session.output_names),
        'layout': f'{layout.kind}: {LAYOUTS[layout.kind]}', 'because': why,
        'classes': f'{len(names)}: {", ".join(names[:5])}{" ..." if len(names) > 5 else ""}'}
