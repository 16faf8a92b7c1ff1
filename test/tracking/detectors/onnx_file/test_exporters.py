# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Outputs as exporters write them: read to half a pixel, or refused, never silently wrong."""

import numpy as np
import pytest

from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.onnx_file.detector import OnnxDetector
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.types import Frame
from test.tracking.detectors.onnx_file.onnx_files import write_constant

SIZE = (160, 128)
SHAPE = [1, 3, 128, 160]
CELLS = 20 * 16 + 10 * 8 + 5 * 4
BOX = [40.0, 30.0, 80.0, 110.0]
CENTRE = [60 / 160, 70 / 128, 40 / 160, 80 / 128]
PERSON = {'names': "{0: 'person', 1: 'car'}"}


def detect(path, **values):
    ours = OnnxDetector(DetectorSettings(
        type='onnx', weights=str(path), classes=('person',), box_voting=False, **values), 'cpu')
    return ours, ours.detect([Frame.of(np.zeros((128, 160, 3), np.uint8), 0.0)])[0]


def table(row, count=50, fill=0.0):
    found = np.full((1, count, len(row)), fill, np.float32)
    found[0, 0] = row
    return found


def four(names, kind=np.int32, order=(0, 1, 2, 3)):
    scores, classes = np.zeros((1, 50), np.float32), np.zeros((1, 50), kind)
    scores[0, 0] = 0.9
    values = (np.array([[1]], kind), table(BOX), scores, classes)
    outputs = list(zip(names, values, strict=True))
    return {outputs[place][0]: outputs[place][1] for place in order}


@pytest.mark.parametrize('outputs', [
    four(('num_dets', 'det_boxes', 'det_scores', 'det_classes')),
    four(('num_dets', 'det_boxes', 'det_scores', 'det_classes'), order=(3, 1, 0, 2)),
    four(('num_predictions', 'pred_boxes', 'pred_scores', 'pred_classes'), np.int64),
    four(('a', 'b', 'scores', 'classes'))])
@pytest.mark.parametrize('metadata', [{}, PERSON])
@pytest.mark.filterwarnings('ignore:.*does not name its classes')
def test_four_outputs_with_boxes_in_pixels(tmp_path, outputs, metadata):
    ours, found = detect(write_constant(tmp_path / 'net.onnx', outputs, SHAPE, metadata))
    assert ours.layout == 'yolov10'
    assert np.allclose(found.boxes, [BOX], atol=0.5)
    assert np.allclose(found.scores, [0.9])


def test_classes_that_are_not_named_are_told_to_be_taken_for_coco(tmp_path):
    outputs = four(('num_dets', 'det_boxes', 'det_scores', 'det_classes'))
    with pytest.warns(UserWarning, match='taken for the 80 of COCO'):
        ours, _ = detect(write_constant(tmp_path / 'net.onnx', outputs, SHAPE))
    assert ours.class_names[0] == 'person'


def test_names_of_tensorflow_outrank_the_reach(tmp_path):
    outputs = four(('num_detections', 'detection_boxes', 'detection_scores', 'detection_classes'))
    ours, _ = detect(
        write_constant(tmp_path / 'net.onnx', outputs, SHAPE, PERSON), pixels='unit')
    assert ours.layout == 'tensorflow'


@pytest.mark.parametrize(('metadata', 'row', 'why'), [
    ({'head': 'RTDETRDecoder'}, [*CENTRE, 0.9, 0], 'names RT-DETR'),
    ({'description': 'Ultralytics RTDETR-l model'}, [*CENTRE, 0.9, 0], 'names RT-DETR'),
    ({'head': 'RTDETRDecoder'}, [0, 0, 0, 0, 0, 0], 'names RT-DETR'),
    ({}, [*CENTRE, 0.9, 0], 'reach 0.625 only'),
    ({}, [0.5, 0.5, 1.01, 0.98, 0.9, 0], 'reach 1.01 only')])
def test_relative_boxes_are_refused(tmp_path, metadata, row, why):
    path = write_constant(
        tmp_path / 'net.onnx', {'output0': table(row)}, SHAPE, {**PERSON, **metadata})
    with pytest.raises(ConfigError, match=rf'{why}.*set detector.layout to yolov10'):
        detect(path)


@pytest.mark.parametrize(('task', 'more'), [('segment', 32), ('pose', 51), ('pose', 1)])
def test_masks_and_key_points_after_an_end_to_end_box(tmp_path, task, more):
    outputs = {'output0': table([*BOX, 0.9, 0, *[77.0] * more])}
    if task == 'segment':
        outputs['output1'] = np.zeros((1, 32, 32, 40), np.float32)
    ours, found = detect(write_constant(tmp_path / 'net.onnx', outputs, SHAPE, {
        **PERSON, 'task': task, 'end2end': 'True'}))
    assert ours.layout == 'yolov10'
    assert np.allclose(found.boxes, [BOX], atol=0.5)


def test_angles_after_an_end_to_end_box_are_refused(tmp_path):
    outputs = {'output0': table([*BOX, 0.9, 0, 1.57])}
    path = write_constant(tmp_path / 'net.onnx', outputs, SHAPE, {
        **PERSON, 'task': 'obb', 'end2end': 'True'})
    with pytest.raises(ConfigError, match='no layout that can be recognised'):
        detect(path)


@pytest.mark.parametrize('kind', ['yolov8', 'yolov5'])
def test_coefficients_of_masks_are_no_classes_without_metadata(tmp_path, kind):
    row = [60, 70, 40, 80, *([1.0] if kind == 'yolov5' else []), 0.9, *[0.0] * 79, *[-3.0] * 32]
    outputs = {'output1': np.zeros((1, 32, 32, 40), np.float32)}
    found = table(row, CELLS if kind == 'yolov8' else 3 * CELLS)
    outputs['output0'] = found.transpose(0, 2, 1) if kind == 'yolov8' else found
    ours, seen = detect(write_constant(tmp_path / 'net.onnx', outputs, SHAPE))
    assert ours.layout == kind
    assert len(ours.class_names) == 80
    assert np.allclose(seen.boxes, [BOX], atol=0.5)
