# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Outputs as exporters write them: read to half a pixel, or refused, never silently wrong."""

import numpy as np
import pytest

from mot_ros import cli
from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.onnx_file.detector import OnnxDetector
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.types import Frame
from test.tracking.detectors.onnx_file.onnx_files import write_constant, write_objects

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


@pytest.mark.parametrize(('row', 'why'), [
    ([*CENTRE, 0.9, 0], 'reach 0.625 only'), ([0.5, 0.5, 1.01, 0.98, 0.9, 0], 'reach 1.01 only')])
def test_relative_boxes_without_a_name_are_refused(tmp_path, row, why):
    path = write_constant(tmp_path / 'net.onnx', {'output0': table(row)}, SHAPE, PERSON)
    with pytest.raises(ConfigError, match=rf'{why}.*Set detector.layout to detr'):
        detect(path)
    ours, found = detect(
        write_constant(tmp_path / 'three.onnx', {'output0': table(row)}, SHAPE, THREE_NAMES),
        layout='detr')
    assert ours.layout == 'detr'
    assert len(found) == 1


RTDETR = ({'head': 'RTDETRDecoder'}, {'description': 'Ultralytics RTDETR-l model'},
          {'description': 'Ultralytics RT-DETR-x'})
THREE_NAMES = {'names': "{0: 'person', 1: 'car', 2: 'dog'}"}


@pytest.mark.parametrize('metadata', RTDETR)
@pytest.mark.parametrize(('names', 'row'), [
    (THREE_NAMES, [*CENTRE, 0.9, 0]), (THREE_NAMES, [*CENTRE, 0.9, 0, 0]),
    (PERSON, [*CENTRE, 0.9, 0])], ids=['score and class', 'class columns', 'two classes'])
def test_rt_detr_of_ultralytics(tmp_path, metadata, names, row):
    ours, found = detect(write_constant(
        tmp_path / 'net.onnx', {'output0': table(row)}, SHAPE, {**names, **metadata}))
    assert ours.layout == 'detr'
    assert np.allclose(found.boxes, [BOX], atol=0.5)
    assert np.allclose(found.scores, [0.9])


def test_two_classes_in_six_columns_with_suppression_are_refused(tmp_path):
    path = write_constant(tmp_path / 'net.onnx', {'output0': table([*CENTRE, 0.9, 0])}, SHAPE, {
        **PERSON, **RTDETR[0], 'end2end': 'True'})
    with pytest.raises(ConfigError, match=r'relative.*Set detector.layout'):
        detect(path)


def logits_of(columns, label, score=0.9):
    found = np.full((1, 50, columns), -8.0, np.float32)
    found[0, 0, label] = np.log(score / (1 - score))
    return found


@pytest.mark.parametrize(('names', 'columns', 'label', 'values'), [
    (('pred_boxes', 'pred_logits'), 80, 0, {'pixels': 'unit'}),
    (('boxes', 'logits'), 80, 0, {'pixels': 'unit'}),
    # RF-DETR counts COCO's categories from one, and says how it is normalised by its names
    (('dets', 'labels'), 91, 1, {}),
    (('a', 'b'), 80, 0, {'pixels': 'unit', 'layout': 'detr'})])
def test_boxes_and_logits_of_detrs(tmp_path, names, columns, label, values):
    outputs = dict(zip(names, (table(CENTRE), logits_of(columns, label)), strict=True))
    ours, found = detect(write_constant(tmp_path / 'net.onnx', outputs, SHAPE), **values)
    assert ours.layout == 'detr'
    assert np.allclose(found.boxes, [BOX], atol=0.5)
    assert np.allclose(found.scores, [0.9], atol=1e-3)


def test_logits_without_a_name_are_refused_not_guessed(tmp_path):
    outputs = {'a': table(CENTRE), 'b': logits_of(80, 0)}
    with pytest.raises(ConfigError, match='may be ssd or ssd_pixels'):
        detect(write_constant(tmp_path / 'net.onnx', outputs, SHAPE))
    named = {'pred_boxes': table(CENTRE), 'pred_logits': logits_of(80, 0)}
    with pytest.raises(ConfigError, match=r'set detector\.pixels to'):
        detect(write_constant(tmp_path / 'named.onnx', named, SHAPE))


def objects(kind=np.int64):
    """Return boxes (1, 50, 4), classes and scores (1, 50) with one person."""
    scores, classes = np.zeros((1, 50), np.float32), np.ones((1, 50), kind)
    scores[0, 0], classes[0, 0] = 0.9, 0
    return table(BOX), classes, scores


@pytest.mark.parametrize('order', [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_boxes_labels_and_scores(tmp_path, order):
    parts = list(zip(('boxes', 'labels', 'scores'), objects(), strict=True))
    path = write_objects(tmp_path / 'net.onnx', dict(parts[place] for place in order), SHAPE,
                         PERSON)
    ours, found = detect(path)
    assert ours.layout == 'yolov10'
    assert np.allclose(found.boxes, [BOX], atol=0.5)
    assert np.allclose(found.scores, [0.9])


def test_rt_detr_scales_its_boxes_to_the_sizes_that_it_is_told(tmp_path):
    _, classes, scores = objects()
    relative = np.float32(BOX) / np.float32([160, 128, 160, 128])
    path = write_objects(
        tmp_path / 'net.onnx', {'labels': classes, 'boxes': table(relative), 'scores': scores},
        SHAPE, PERSON, scaled='boxes', second='orig_target_sizes')
    _, found = detect(path)
    assert np.allclose(found.boxes, [BOX], atol=0.5)


@pytest.mark.parametrize('names', [('boxes', 'labels', 'scores'), ('2541', '2542', '2543')])
@pytest.mark.parametrize('count', [1, 50])
def test_torchvision_has_no_batch_and_counts_from_one(tmp_path, names, count):
    boxes, classes, scores = (part[0, :count] for part in objects())
    outputs = dict(zip(names, (boxes, classes + 1, scores), strict=True))
    with pytest.warns(UserWarning, match='COCO'):
        ours, found = detect(write_objects(tmp_path / 'net.onnx', outputs, SHAPE))
    assert (ours.layout, ours.class_names[0]) == ('yolov10', 'person')
    assert np.allclose(found.boxes, [BOX], atol=0.5)


@pytest.mark.parametrize('kind', [np.int64, np.float32])
def test_dets_and_labels_of_mmdeploy(tmp_path, kind):
    boxes, classes, scores = objects(kind)
    outputs = {'dets': np.concatenate([boxes, scores[..., None]], axis=2), 'labels': classes}
    path = write_objects(tmp_path / 'net.onnx', outputs, SHAPE, PERSON)
    with pytest.raises(ConfigError, match=r'set detector\.pixels to'):
        detect(path)
    _, found = detect(path, pixels='imagenet_bgr')
    assert np.allclose(found.boxes, [BOX], atol=0.5)
    assert np.allclose(found.scores, [0.9])


@pytest.mark.parametrize(('name', 'row'), [
    ('output', [0, *BOX, 0, 0.9]), ('graph2_flat_predictions', [0, *BOX, 0.9, 0]),
    # both are whole numbers: the name tells
    ('output', [0, *BOX, 0, 1.0]), ('graph2_flat_predictions', [0, *BOX, 1.0, 0]),
    # the values outrank the name
    ('output', [0, *BOX, 0.9, 0])])
def test_rows_of_seven_with_the_image(tmp_path, name, row):
    path = write_objects(
        tmp_path / 'net.onnx', {name: np.float32([row, [1, *BOX, 1, 1]])}, SHAPE, PERSON)
    _, found = detect(path)
    assert np.allclose(found.boxes, [BOX], atol=0.5), 'of the other image nothing'
    assert found.scores[0] == pytest.approx(max(row[5:]))


def test_rows_of_paddle_detection(tmp_path):
    outputs = {'multiclass_nms3_0.tmp_0': np.float32([[0, 0.9, *BOX], [-1, 0, 0, 0, 0, 0]]),
               'multiclass_nms3_0.tmp_2': np.int32([1])}
    path = write_objects(tmp_path / 'net.onnx', outputs, SHAPE, PERSON, second='scale_factor')
    with pytest.raises(ConfigError, match=r'set detector\.pixels to'):
        detect(path)
    _, found = detect(path, pixels='imagenet')
    assert np.allclose(found.boxes, [BOX], atol=0.5)


def test_further_inputs_that_are_not_known_are_refused(tmp_path):
    outputs = dict(zip(('boxes', 'labels', 'scores'), objects(), strict=True))
    path = write_objects(tmp_path / 'net.onnx', outputs, SHAPE, PERSON, second='prompts')
    with pytest.raises(ConfigError, match=r'prompts.*beside it only orig_target_sizes'):
        detect(path)


@pytest.mark.parametrize(('angle', 'hull'), [
    (0.0, BOX), (np.pi / 2, [20, 50, 100, 90]), (-np.pi / 2, [20, 50, 100, 90]),
    (np.pi / 4, [60 - 60 / 2 ** .5, 70 - 60 / 2 ** .5, 60 + 60 / 2 ** .5, 70 + 60 / 2 ** .5])])
def test_oriented_boxes_become_upright_ones(tmp_path, angle, hull):
    outputs = {'output0': table([60, 70, 40, 80, 0.9, 0, angle], CELLS).transpose(0, 2, 1)}
    path = write_constant(tmp_path / 'net.onnx', outputs, SHAPE, {**PERSON, 'task': 'obb'})
    with pytest.warns(UserWarning, match='upright'):
        _, found = detect(path)
    assert np.allclose(found.boxes, [hull], atol=0.5)


@pytest.mark.parametrize(('strides', 'bins', 'half'), [
    ((8, 16, 32, 64), 8, 0.0), ((8, 16, 32), 8, 0.5), ((8, 16, 32), 11, 0.5)])
def test_cells_and_distances_of_nanodet(tmp_path, strides, bins, half):
    counts = [-(-128 // stride) * -(-160 // stride) for stride in strides]
    found = np.zeros((1, sum(counts), 80 + 4 * bins), np.float32)
    # a cell of stride 16, third row, fourth column: distances 2, 1, 1, 3 strides to the sides
    row = counts[0] + 2 * 10 + 3
    found[0, row, 0] = 0.9
    for side, steps in enumerate((2, 1, 1, 3)):
        found[0, row, 80 + side * bins + steps] = 50.0
    x, y = (3 + half) * 16, (2 + half) * 16
    ours, seen = detect(write_constant(tmp_path / 'net.onnx', {'output': found}, SHAPE))
    assert ours.layout == 'nanodet'
    assert np.allclose(seen.boxes, [[x - 32, y - 16, x + 16, y + 48]], atol=0.5)


@pytest.mark.parametrize(('task', 'more'), [('segment', 32), ('pose', 51), ('pose', 1)])
def test_masks_and_key_points_after_an_end_to_end_box(tmp_path, task, more):
    outputs = {'output0': table([*BOX, 0.9, 0, *[77.0] * more])}
    if task == 'segment':
        outputs['output1'] = np.zeros((1, 32, 32, 40), np.float32)
    ours, found = detect(write_constant(tmp_path / 'net.onnx', outputs, SHAPE, {
        **PERSON, 'task': task, 'end2end': 'True'}))
    assert ours.layout == 'yolov10'
    assert np.allclose(found.boxes, [BOX], atol=0.5)


@pytest.mark.parametrize(('angle', 'hull'), [(0.0, BOX), (np.pi / 2, [20, 50, 100, 90])])
def test_angles_after_an_end_to_end_box(tmp_path, angle, hull):
    outputs = {'output0': table([60, 70, 40, 80, 0.9, 0, angle])}
    metadata = {**PERSON, 'task': 'obb', 'end2end': 'True'}
    with pytest.warns(UserWarning, match='upright'):
        _, found = detect(write_constant(tmp_path / 'net.onnx', outputs, SHAPE, metadata))
    assert np.allclose(found.boxes, [hull], atol=0.5)
    # without its metadata the angle could be anything
    path = write_constant(tmp_path / 'other.onnx', outputs, SHAPE, PERSON)
    with pytest.raises(ConfigError, match='no layout that can be recognised'):
        detect(path)


@pytest.mark.parametrize('more', [1, 32, 51])
def test_columns_after_an_end_to_end_box_need_no_metadata_where_chosen(tmp_path, more):
    outputs = {'output0': table([*BOX, 0.9, 0, *[77.0] * more])}
    path = write_constant(tmp_path / 'net.onnx', outputs, SHAPE, PERSON)
    with pytest.raises(ConfigError, match='no layout that can be recognised'):
        detect(path)
    _, found = detect(path, layout='yolov10')
    assert np.allclose(found.boxes, [BOX], atol=0.5)
    raw = {'output0': table([*BOX, 0.9, 0, *[0.0] * more], 3 * CELLS)}
    with pytest.raises(ConfigError, match='does not fit the outputs'):
        detect(write_constant(tmp_path / 'raw.onnx', raw, SHAPE, PERSON), layout='yolov10')


def test_rows_of_six_without_a_batch_are_read_where_chosen(tmp_path):
    outputs = {'output': np.float32([[*BOX, 0.9, 0], [*BOX, 0.8, 1]])}
    path = write_objects(tmp_path / 'net.onnx', outputs, SHAPE, PERSON)
    with pytest.raises(ConfigError, match='no layout that can be recognised'):
        detect(path)
    _, found = detect(path, layout='yolov10')
    assert np.allclose(found.boxes, [BOX], atol=0.5)
    assert np.allclose(found.scores, [0.9])


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize('width', [4, 256])
def test_detr_with_a_third_output(tmp_path, order, width):
    parts = list({'pred_boxes': table(CENTRE), 'logits': logits_of(80, 0),
                  'last_hidden_state': np.ones((1, 50, width), np.float32)}.items())
    path = write_constant(tmp_path / 'net.onnx', dict(parts[place] for place in order), SHAPE)
    ours, found = detect(path, pixels='unit')
    assert ours.layout == 'detr'
    assert np.allclose(found.boxes, [BOX], atol=0.5)


@pytest.mark.parametrize('turned', [True, False], ids=['PP-YOLOE', 'YOLO-NAS'])
@pytest.mark.parametrize('boxes_first', [True, False])
def test_boxes_and_scores_without_suppression(tmp_path, turned, boxes_first):
    scores = np.zeros((1, CELLS, 2), np.float32)
    scores[0, 0, 0] = 0.9
    parts = [('b', table(BOX, CELLS)), ('s', scores.transpose(0, 2, 1) if turned else scores)]
    path = write_constant(
        tmp_path / 'net.onnx', dict(parts if boxes_first else parts[::-1]), SHAPE, PERSON)
    with pytest.raises(ConfigError, match='may be ssd or ssd_pixels'):
        detect(path)
    _, found = detect(path, layout='ssd_pixels', pixels='unit')
    assert np.allclose(found.boxes, [BOX], atol=0.5)
    assert np.allclose(found.scores, [0.9])


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


def test_the_command_tells_what_a_file_is_taken_for(tmp_path, capsys):
    boxes, classes, scores = objects()
    outputs = {'dets': np.concatenate([boxes, scores[..., None]], axis=2), 'labels': classes}
    path = write_objects(tmp_path / 'net.onnx', outputs, SHAPE, PERSON)
    assert cli.main(['weights', 'show', path]) == 0
    told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()
                if not line.startswith('to be set'))
    assert told['layout'].startswith('yolov10')
    assert 'mmdeploy' in told['because']
    assert told['input'].startswith('160x128, float32, corner')
    assert told['classes'].startswith('2: person, car')
    # what it leaves open is asked for, and nothing is once it is there
    assert cli.main(['weights', 'show', path]) == 0
    assert 'set detector.pixels to' in capsys.readouterr().out
    path = write_constant(tmp_path / 'v8.onnx', {'output0': table(
        [60, 70, 40, 80, 0.9, 0], CELLS).transpose(0, 2, 1)}, SHAPE, PERSON)
    assert cli.main(['weights', 'show', path]) == 0
    assert 'to be set' not in capsys.readouterr().out


def test_the_command_lists_the_choices_for_an_ambiguous_file(tmp_path, capsys):
    path = write_constant(tmp_path / 'net.onnx', {'a': table(BOX), 'b': logits_of(80, 0)}, SHAPE)
    assert cli.main(['weights', 'show', path]) == 2
    assert 'may be ssd or ssd_pixels' in capsys.readouterr().err


def relative_forms():
    _, classes, scores = objects()
    near = table(np.float32(BOX) / 160)
    yield 'three', {'labels': classes, 'boxes': near, 'scores': scores}
    yield 'single', {'labels': classes[0], 'boxes': near[0], 'scores': scores[0]}
    yield 'scored', {'dets': np.concatenate([near, scores[..., None]], 2), 'labels': classes}
    yield 'flat', {'output': np.float32([[0, *near[0, 0], 0, 0.9]])}


@pytest.mark.parametrize(('form', 'outputs'), list(relative_forms()))
def test_relative_boxes_of_any_form_are_refused(tmp_path, form, outputs):
    path = write_objects(tmp_path / f'{form}.onnx', outputs, SHAPE, PERSON)
    with pytest.raises(ConfigError, match='they are relative'):
        detect(path, pixels='unit')
    detect(path, pixels='unit', layout='yolov10')
