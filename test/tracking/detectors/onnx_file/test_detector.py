# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import json
import sys

import numpy as np
import pytest
import torch

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')

from mot_ros.tracking.config import DetectorSettings, Settings
from mot_ros.tracking.config.schema import build, catalogue
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.detectors.classes import COCO_NAMES
from mot_ros.tracking.detectors.onnx_file.detector import OnnxDetector
from mot_ros.tracking.detectors.onnx_file.layouts import LAYOUTS
from mot_ros.tracking.detectors.onnx_file.session import OnnxSession
from mot_ros.tracking.detectors.wrappers.tiles import TiledDetector
from mot_ros.tracking.errors import ConfigError, FrameError, WeightsError
from mot_ros.tracking.types import Frame
from test.tracking.detectors.onnx_file.onnx_files import write_constant, write_probe

SIZE = (160, 128)
"""Of the networks' input, width and height."""
SHAPE = (1, 3, SIZE[1], SIZE[0])
CELLS = 20 * 16 + 10 * 8 + 5 * 4
FIVE = "{0: 'person', 1: 'bicycle', 2: 'car', 3: 'dog', 4: 'traffic light'}"
KNOWN = (((20, 30, 60, 110), 0.9, 0), ((70, 40, 150, 70), 0.6, 3), ((72, 41, 150, 71), 0.5, 3),
         ((21, 30, 61, 110), 0.3, 2), ((5, 5, 15, 25), 0.05, 0))
"""Boxes in pixels of the input, scores, classes; the third is suppressed, the last too weak."""
LEFT = ((20, 30, 60, 110), (70, 40, 150, 70), (21, 30, 61, 110))
"""The boxes that are left, best first."""


def table_of(rows, columns, classes, objectness):
    """Return a table (1, N, 4 + classes) of the known boxes, centre and size, at odd places."""
    table = np.zeros((1, rows, columns), np.float32)
    for number, (box, score, label) in enumerate(KNOWN):
        row = table[0, 7 + 31 * number]
        x1, y1, x2, y2 = box
        row[:4] = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
        if objectness:
            row[4] = 0.95
            score = score / 0.95
        row[columns - classes + label] = score
    return table


def yolov5():
    return {'output0': table_of(3 * CELLS, 10, 5, True)}


def yolov6():
    return {'outputs': table_of(CELLS, 10, 5, True)}


def yolov8():
    return {'output0': table_of(CELLS, 9, 5, False).transpose(0, 2, 1)}


def yolox():
    """Return the known boxes as offsets from cells of the grid of stride 16, wherever they are."""
    table = np.zeros((1, CELLS, 10), np.float32)
    for number, (box, score, label) in enumerate(KNOWN):
        column, row = 3 + number, 5
        x1, y1, x2, y2 = box
        table[0, 20 * 16 + row * 10 + column] = [
            (x1 + x2) / 2 / 16 - column, (y1 + y2) / 2 / 16 - row,
            np.log((x2 - x1) / 16), np.log((y2 - y1) / 16), 0.95,
            *[score / 0.95 * (label == other) for other in range(5)]]
    return {'output': table}


def yolov10():
    table = np.zeros((1, 40, 6), np.float32)
    for number, (box, score, label) in enumerate(KNOWN):
        table[0, 3 * number] = [*box, score, label]
    # the network has suppressed already: what overlaps stays, so the third box is taken out
    table[0, 6, 4] = 0
    return {'output0': table}


def ssd(scale=(*SIZE, *SIZE)):
    boxes, scores = np.zeros((1, 60, 4), np.float32), np.zeros((1, 60, 5), np.float32)
    for number, (box, score, label) in enumerate(KNOWN):
        boxes[0, 9 * number] = np.float32(box) / np.float32(scale)
        scores[0, 9 * number, label] = score
    return {'scores': scores, 'boxes': boxes}


def ssd_pixels():
    return ssd((1, 1, 1, 1))


def tensorflow(names=('detection_boxes', 'detection_classes', 'detection_scores',
                      'num_detections')):
    table = yolov10()['output0'][:, [0, 3, 9, 12]]
    boxes = table[:, :, [1, 0, 3, 2]] / np.float32([*SIZE[::-1], *SIZE[::-1]])
    # beyond the number of objects there is rubbish
    rubbish = np.ones((1, 3))
    return dict(zip(names, (
        np.concatenate([boxes, np.ones((1, 3, 4))], axis=1),
        np.concatenate([table[:, :, 5] + 1, rubbish], axis=1),
        np.concatenate([table[:, :, 4], rubbish], axis=1), np.array([4.0])), strict=True))


def tflite():
    return tensorflow(('out', 'out:1', 'out:2', 'out:3'))


def nameless():
    """Return TensorFlow's outputs with the scores before the classes, told apart by name."""
    found = tensorflow(('a', 'class_ids', 'best_scores', 'd'))
    return {name: found[name] for name in ('d', 'best_scores', 'class_ids', 'a')}


MADE = {
    'yolov5': yolov5, 'yolov8': yolov8, 'yolov10': yolov10, 'yolox': yolox, 'ssd': ssd,
    'ssd_pixels': ssd_pixels, 'tensorflow': tensorflow}


def detector(path, device='cpu', **values):
    chosen = {'classes': (), 'box_voting': False, **values}
    return OnnxDetector(DetectorSettings(type='onnx', weights=str(path), **chosen), device)


def image(width, height):
    return Frame.of(np.zeros((height, width, 3), np.uint8), 0.0)


def listed(names):
    return {'names': str(dict(enumerate(names)))}


# layouts

def test_the_setting_offers_every_layout():
    assert catalogue(Settings, 'accurate')['detector.layout'].choices == ('auto', *LAYOUTS)


@pytest.mark.parametrize('kind', MADE)
@pytest.mark.parametrize('chosen', [True, False])
def test_known_boxes_come_back_in_pixels_of_the_image(tmp_path, kind, chosen):
    metadata = {'names': "['person', 'bicycle', 'car', 'dog', 'traffic light']"}
    values = {'pixels': 'unit'}
    if kind.startswith('ssd') or chosen:
        values['layout'] = kind
    path = write_constant(tmp_path / 'net.onnx', MADE[kind](), SHAPE, metadata)
    ours = detector(path, **values)
    assert ours.layout == kind
    assert ours.class_names == ('person', 'bicycle', 'car', 'dog', 'traffic light')
    # as large as the input, twice as large, and wide: 200x100 is scaled by .8 to 160x80
    for width, height in (SIZE, (320, 256), (200, 100)):
        found = ours.detect([image(width, height)])[0]
        expected = np.float32(LEFT)
        if kind.startswith(('ssd', 'tensorflow')):
            expected *= np.float32([width / 160, height / 128] * 2)
        else:
            top = 24 if (width, height) == (200, 100) and kind != 'yolox' else 0
            scale = 0.8 if width == 200 else 160 / width
            expected = (expected - [0, top, 0, top]) / scale
        expected = np.clip(expected, 0, [width, height] * 2)
        assert np.allclose(found.boxes, expected, atol=0.01)
        assert np.allclose(found.scores, [0.9, 0.6, 0.3])
        assert found.labels.tolist() == [0, 3, 2]


def test_yolov6_and_a_decoding_yolox_are_distinguished_from_raw_offsets(tmp_path):
    path = write_constant(tmp_path / 'net.onnx', yolov6(), SHAPE, {'names': FIVE})
    ours = detector(path)
    assert ours.layout == 'yolov5'
    assert np.allclose(ours.detect([image(*SIZE)])[0].boxes, LEFT, atol=0.01)


@pytest.mark.parametrize('kind, made, columns', [
    ('yolov5', yolov5, slice(0, 6)), ('yolox', yolox, slice(0, 6)), ('yolov8', yolov8, None),
    ('yolov10', yolov10, slice(0, 6))])
def test_networks_of_one_class_are_recognised_too(tmp_path, kind, made, columns):
    # with one class all but YOLOv8 have six columns
    outputs = {name: array[:, :5] if columns is None else array[..., columns]
               for name, array in made().items()}
    if kind == 'yolov10':
        outputs['output0'] = outputs['output0'] * np.float32([1, 1, 1, 1, 1, 0])
    path = write_constant(tmp_path / 'net.onnx', outputs, SHAPE, {'names': "{0: 'person'}"})
    ours = detector(path)
    assert ours.layout == kind
    found = ours.detect([image(*SIZE)])[0]
    assert np.allclose(found.boxes[0], LEFT[0], atol=0.01) and found.labels[0] == 0


@pytest.mark.parametrize('made', [tflite, nameless])
def test_outputs_of_tensorflow_are_recognised_without_its_names(tmp_path, made):
    ours = detector(write_constant(tmp_path / 'net.onnx', made(), SHAPE, {
        'names': json.dumps(['person', 'bicycle', 'car', 'dog', 'x'])}), pixels='unit')
    assert ours.layout == 'tensorflow'
    found = ours.detect([image(*SIZE)])[0]
    assert np.allclose(found.boxes, LEFT, atol=0.01)
    assert found.labels.tolist() == [0, 3, 2]


def test_networks_that_suppress_themselves_keep_what_overlaps(tmp_path):
    table = yolov10()
    table['output0'][0, 6, 4] = 0.5
    ours = detector(write_constant(tmp_path / 'net.onnx', table, SHAPE, {'names': FIVE}))
    assert np.allclose(ours.detect([image(*SIZE)])[0].scores, [0.9, 0.6, 0.5, 0.3])


def test_layout_of_the_metadata_and_of_the_setting(tmp_path):
    metadata = {'names': FIVE, 'layout': 'ssd_pixels', 'pixels': 'signed', 'resize': 'letterbox'}
    path = write_constant(tmp_path / 'net.onnx', ssd_pixels(), SHAPE, metadata)
    found = detector(path).detect([image(200, 100)])[0]
    assert np.allclose(found.boxes[0], [25, 7.5, 75, 100], atol=0.01)
    found = detector(path, resize='stretch').detect([image(320, 256)])[0]
    assert np.allclose(found.boxes, np.float32(LEFT) * 2, atol=0.01)
    assert detector(path, layout='ssd').layout == 'ssd'


@pytest.mark.parametrize('task, count', [('pose', 51), ('segment', 32)])
@pytest.mark.parametrize('kind', ['yolov5', 'yolov8'])
def test_what_comes_after_the_classes_is_left_alone(tmp_path, kind, task, count):
    table = MADE[kind]()['output0']
    shape = (1, count, CELLS) if kind == 'yolov8' else (1, 3 * CELLS, count)
    axis = 1 if kind == 'yolov8' else 2
    outputs = {'output0': np.concatenate([table, np.full(shape, 300)], axis=axis),
               'output1': np.zeros((1, 32, 40, 32))}
    path = write_constant(
        tmp_path / 'net.onnx', outputs, SHAPE, {'names': FIVE, 'task': task})
    ours = detector(path)
    assert ours.layout == kind
    assert np.allclose(ours.detect([image(*SIZE)])[0].boxes, LEFT, atol=0.01)


@pytest.mark.parametrize('outputs, complaint', [
    ({'logits': np.zeros((1, 10))}, 'are of no layout that can be recognised: logits (1, 10)'),
    ({'output0': np.zeros((1, 10, 99))}, 'recognised: output0 (1, 10, 99) for an input of 160x'),
    (ssd_pixels(), 'may be ssd or ssd_pixels (the boxes of a grey image reached 150): scores'),
    ({'x': np.zeros((1, CELLS, CELLS))}, 'may be yolov5 or yolox or yolov8: x'),
])
def test_outputs_that_say_too_little_are_listed_with_the_layouts(tmp_path, outputs, complaint):
    path = write_constant(tmp_path / 'net.onnx', outputs, SHAPE)
    with pytest.raises(ConfigError) as caught:
        detector(path)
    assert complaint in str(caught.value)
    for layout in LAYOUTS:
        assert f'{layout} ' in str(caught.value).partition('Set detector.layout')[2]


def test_a_layout_that_does_not_fit_is_refused(tmp_path):
    path = write_constant(tmp_path / 'net.onnx', yolov8(), SHAPE)
    with pytest.raises(ConfigError, match=r'detector.layout is yolox, .*output0 \(1, 9, 420\)'):
        detector(path, layout='yolox')


def test_logits_are_not_taken_for_scores(tmp_path):
    outputs = yolov8()
    outputs['output0'][0, 5, 3] = -4.5
    path = write_constant(tmp_path / 'net.onnx', outputs, SHAPE, {'names': FIVE})
    with pytest.raises(ConfigError, match=r'scores from -4.5 to 0.9 instead of 0 to 1'):
        detector(path)


def test_boxes_that_are_none_are_left_out(tmp_path):
    outputs = yolov8()
    table = outputs['output0'][0]
    table[:, 200] = [np.nan, 30, 20, 20, 0.9, 0, 0, 0, 0]
    table[:, 201] = [30, 30, np.inf, 20, 0.9, 0, 0, 0, 0]
    table[:, 202] = [30, 30, -5, 20, 0.9, 0, 0, 0, 0]
    table[:, 203] = [30, 30, 20, 20, np.nan, 0, 0, 0, 0]
    table[:, 204] = [-90, 30, 20, 20, 0.9, 0, 0, 0, 0]
    path = write_constant(tmp_path / 'net.onnx', outputs, SHAPE, {'names': FIVE})
    for voting in (False, True):
        found = detector(path, box_voting=voting).detect([image(*SIZE)])[0]
        assert len(found) == 3 and found.labels.tolist() == [0, 3, 2]


def test_a_network_that_gives_only_nan_is_refused(tmp_path):
    outputs = {'output0': np.full((1, 9, CELLS), np.nan)}
    path = write_constant(tmp_path / 'net.onnx', outputs, SHAPE, {'names': FIVE})
    with pytest.raises(ConfigError, match='answers only NaN in output0') as caught:
        detector(path, box_voting=True)
    assert '\n' not in str(caught.value)


def test_cells_that_are_nan_give_no_boxes(tmp_path):
    output = np.full((1, 9, CELLS), np.nan)
    output[..., 0] = 0
    path = write_constant(tmp_path / 'net.onnx', {'output0': output}, SHAPE, {'names': FIVE})
    assert len(detector(path, box_voting=True).detect([image(*SIZE)])[0]) == 0


def test_settings_bound_what_comes_out(tmp_path):
    path = write_constant(tmp_path / 'net.onnx', yolov8(), SHAPE, {'names': FIVE})
    frames = [image(*SIZE)]
    assert detector(path, classes=('dog',)).detect(frames)[0].labels.tolist() == [3]
    assert np.allclose(detector(path, score_floor=0.55).detect(frames)[0].scores, [0.9, 0.6])
    assert np.allclose(detector(path, score_floor=0.04).detect(frames)[0].scores[-1], 0.05)
    assert len(detector(path, max_detections=1).detect(frames)[0]) == 1
    assert len(detector(path, nms_iou=0.99).detect(frames)[0]) == 4
    voted = detector(path, box_voting=True).detect(frames)[0]
    assert 70 < voted.boxes[1, 0] < 72
    with pytest.raises(
            ConfigError, match=r"has 'persn', which is no class of the detector; did you mean pe"):
        detector(path, classes=('persn',))


# names

@pytest.mark.parametrize('file, text', [
    ('names.txt', 'person\nbicycle\ncar\ndog\ntraffic light\n\n'),
    ('names.json', json.dumps(['person', 'bicycle', 'car', 'dog', 'traffic light'])),
    ('names.yaml', 'path: x\nnames:\n  0: person\n  1: bicycle\n  2: car\n  3: dog\n'
                   '  4: traffic light\n'),
    ('names.yml', '[person, bicycle, car, dog, traffic light]'),
])
def test_names_out_of_a_file_go_before_those_inside(tmp_path, file, text):
    (tmp_path / file).write_text(text)
    path = write_constant(tmp_path / 'net.onnx', yolov8(), SHAPE, listed('vwxyz'))
    ours = detector(path, names=str(tmp_path / file))
    assert ours.class_names == ('person', 'bicycle', 'car', 'dog', 'traffic light')
    assert detector(path).class_names == tuple('vwxyz')


@pytest.mark.parametrize('text, complaint', [
    (None, 'cannot be read'), ('{a: b}', 'holds no class names'), ('{', 'cannot be read'),
    ('[1, 2]', 'holds no class names'), ('[a, b]', 'there are 2 class names, but 5 columns'),
])
def test_names_that_are_none_are_refused(tmp_path, text, complaint):
    file = tmp_path / 'names.yaml'
    if text is not None:
        file.write_text(text)
    path = write_constant(tmp_path / 'net.onnx', yolov8(), SHAPE)
    with pytest.raises(ConfigError, match=complaint):
        detector(path, names=str(file))


def test_names_inside_are_data_and_never_run(tmp_path):
    text = f'__import__("pathlib").Path({str(tmp_path / "ran")!r}).touch()'
    path = write_constant(tmp_path / 'net.onnx', yolov8(), SHAPE, {'names': text})
    with pytest.raises(ConfigError, match='metadata holds no class names'):
        detector(path)
    assert not (tmp_path / 'ran').exists()


def scored(columns, column):
    """Return the outputs of an SSD that has seen one thing of one column."""
    scores = np.zeros((1, 60, columns), np.float32)
    scores[0, 20, column] = 0.7
    return {'boxes': np.full((1, 60, 4), [10, 10, 50, 50], np.float32), 'scores': scores}


@pytest.mark.parametrize('columns, column, name', [
    (80, 79, 'toothbrush'), (81, 1, 'person'), (91, 90, 'toothbrush'), (91, 13, 'stop sign'),
    (90, 89, 'toothbrush'), (90, 12, 'stop sign')])
def test_without_names_cocos_are_taken_where_they_fit(tmp_path, columns, column, name):
    path = write_constant(tmp_path / 'net.onnx', scored(columns, column), SHAPE)
    ours = detector(path, layout='ssd_pixels', pixels='unit')
    assert ours.class_names == COCO_NAMES
    found = ours.detect([image(*SIZE)])[0]
    assert [COCO_NAMES[label] for label in found.labels] == [name]


def test_the_background_is_no_class(tmp_path):
    for column, metadata, expected in (
            (0, listed('ab'), []), (1, listed('ab'), ['a']),
            (0, listed(['background', 'a', 'b']), []),
            (2, listed(['BACKGROUND', 'a', 'b']), ['b'])):
        path = write_constant(tmp_path / 'net.onnx', scored(3, column), SHAPE, metadata)
        ours = detector(path, layout='ssd_pixels', pixels='unit')
        assert ours.class_names == ('a', 'b')
        found = ours.detect([image(*SIZE)])[0]
        assert [ours.class_names[label] for label in found.labels] == expected


def test_without_any_names_there_are_numbers_and_a_warning(tmp_path):
    path = write_constant(tmp_path / 'net.onnx', yolov8(), SHAPE)
    with pytest.warns(UserWarning, match='does not name its 5 classes'):
        assert detector(path).class_names[3] == 'class_3'
    path = write_constant(tmp_path / 'net.onnx', yolov10(), SHAPE)
    with pytest.raises(ConfigError, match=r"set detector.names to a file .* or to 'coco'"):
        detector(path)
    found = detector(path, names='coco').detect([image(*SIZE)])[0]
    assert [COCO_NAMES[label] for label in found.labels] == ['person', 'motorcycle', 'car']


# input

def seen(ours, frame):
    """Return what the probe read at each point, (K, 3), if it read no zeros."""
    found = ours.detect([frame])[0]
    # the boxes of one point stand above each other, those of the next to the right
    _, point = np.unique(found.boxes[:, 0].round(), return_inverse=True)
    read = np.zeros((point.max() + 1, 3))
    read[point, found.labels] = found.scores * 1000
    return read


def coloured(width, height):
    """Return an image of one colour: blue 255, green 128, red 64."""
    return Frame.of(np.full((height, width, 3), (255, 128, 64), np.uint8), 0.0)


def probe(tmp_path, pixels, shape=SHAPE, points=((80, 64),), resize='stretch', **more):
    path = write_probe(tmp_path / 'probe.onnx', shape, np.array(points), **more)
    return detector(path, layout='yolov10', pixels=pixels, resize=resize, score_floor=1e-7)


@pytest.mark.parametrize('dtype', ['float32', 'float16'])
@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize('pixels, expected', [
    ('auto', (64 / 255, 128 / 255, 1)), ('unit', (64 / 255, 128 / 255, 1)),
    ('signed', (63.5 / 127.5, 0.5 / 127.5, 1)), ('byte', (64, 128, 255)),
    ('byte_bgr', (255, 128, 64)),
    ('imagenet', ((0.485 - 64 / 255) / 0.229, (128 / 255 - 0.456) / 0.224,
                  (1 - 0.406) / 0.225))])
def test_pixels_are_scaled_as_said(tmp_path, dtype, channels_last, pixels, expected):
    shape = (1, 128, 160, 3) if channels_last else SHAPE
    ours = probe(tmp_path, pixels, shape, channels_last=channels_last, dtype=dtype)
    read = seen(ours, coloured(200, 100))[0]
    assert np.allclose(read, expected, rtol=2e-3 if dtype == 'float16' else 1e-4, atol=1e-4)


def test_whole_numbers_are_given_as_they_are(tmp_path):
    for pixels, expected in (('auto', (64, 128, 255)), ('byte_bgr', (255, 128, 64))):
        ours = probe(tmp_path, pixels, (1, 128, 160, 3), channels_last=True, dtype='uint8')
        assert np.allclose(seen(ours, coloured(50, 70))[0], expected)
    with pytest.raises(ConfigError, match=r'detector.pixels is unit, but .* takes whole numbers'):
        probe(tmp_path, 'unit', dtype='uint8')


def test_an_ssd_that_does_not_say_how_its_input_is_scaled_is_asked_about(tmp_path):
    path = write_constant(tmp_path / 'net.onnx', ssd(), SHAPE, {'names': FIVE})
    with pytest.raises(ConfigError, match='does not say how its input is scaled'):
        detector(path, layout='ssd')


def test_an_image_lies_on_grey_where_it_should(tmp_path):
    # 200x100 becomes 160x80: rows 24 to 103 in the middle, 0 to 79 in the corner
    points = ((80, 10), (80, 50), (80, 90), (80, 120))
    grey, full = (114, 114, 114), (64, 128, 255)
    for resize, expected in (
            ('auto', (grey, full, full, grey)), ('letterbox', (grey, full, full, grey)),
            ('corner', (full, full, grey, grey)), ('stretch', (full,) * 4)):
        ours = probe(tmp_path, 'byte', points=points, resize=resize)
        assert np.allclose(seen(ours, coloured(200, 100)), expected)
    upright = probe(tmp_path, 'byte', points=((10, 60), (80, 60), (150, 60)), resize='letterbox')
    assert np.allclose(seen(upright, coloured(50, 100)), (grey, full, grey))


def test_a_tensor_is_an_image_too(tmp_path):
    ours = probe(tmp_path, 'byte')
    frame = coloured(200, 100)
    tensor = Frame(torch.from_numpy(frame.image), 0.0, frame.size)
    assert np.array_equal(seen(ours, tensor), seen(ours, frame))


def test_a_size_in_the_file_outranks_the_settings_which_fill_what_is_open(tmp_path):
    values = {'width': 64, 'height': 64}
    fixed = write_constant(tmp_path / 'fixed.onnx', yolov8(), SHAPE, {'names': FIVE})
    found = detector(fixed, **values).detect([image(320, 256)])[0]
    assert np.allclose(found.boxes, np.float32(LEFT) * 2, atol=0.01)
    # 150x121 goes up to 160x128, which the number of cells confirms
    shape = (1, 3, 'height', 'width')
    free = write_constant(tmp_path / 'free.onnx', yolov8(), shape, {'names': FIVE})
    found = detector(free, width=150, height=121).detect([image(320, 256)])[0]
    assert np.allclose(found.boxes, np.float32(LEFT) * 2, atol=0.01)
    with pytest.raises(ConfigError, match='for an input of 192x128'):
        detector(free, width=161, height=121)
    strided = write_constant(
        tmp_path / 'free.onnx', yolov8(), shape, {'names': FIVE, 'stride': '64'})
    with pytest.raises(ConfigError, match='for an input of 192x128'):
        detector(strided, width=150, height=121)


@pytest.fixture(params=['cpu', 'cuda'])
def sizes_run(request, monkeypatch):
    """Let the CPU pass for a GPU, where images go together, and note how many went at once."""
    opened, run, sizes = OnnxSession._opened, OnnxSession.run, []
    monkeypatch.setattr(OnnxSession, '_opened', lambda self, *args: (
        opened(self, *args)[0], torch.device(request.param)))

    def noted(self, images):
        sizes.append(len(images))
        return run(self, images)

    monkeypatch.setattr(OnnxSession, 'run', noted)
    sizes.append(request.param)
    return sizes


@pytest.mark.parametrize('batch', [1, 3, 'batch'])
def test_frames_of_several_sizes_in_batches_of_any_size(tmp_path, batch, sizes_run):
    path = write_constant(
        tmp_path / 'net.onnx', yolov8(), (batch, *SHAPE[1:]), {'names': FIVE})
    ours = detector(path)
    frames = [image(160, 128), image(320, 256), image(480, 384), image(160, 128), image(80, 64)]
    device = sizes_run[0]
    sizes_run.clear()
    found_in_all = ours.detect(frames)
    assert sizes_run == {1: [1] * 5, 3: [3, 3]}.get(batch, [5] if device == 'cuda' else [1] * 5)
    for frame, found in zip(frames, found_in_all, strict=True):
        scale = frame.size[0] / 160
        assert np.allclose(found.boxes, np.float32(LEFT) * scale, atol=0.01)
    assert ours.detect([]) == []
    ours.warm_up()


def test_a_file_that_only_pretends_to_take_batches_gets_one_at_a_time(tmp_path, sizes_run):
    points = np.array([(80, 64)])
    path = write_probe(tmp_path / 'net.onnx', ('batch', *SHAPE[1:]), points)
    ours = detector(path, pixels='byte', resize='stretch', score_floor=1e-7)
    first, second = ours.detect([coloured(50, 50), image(50, 50)])
    assert len(first) == 3 and len(second) == 0
    assert sizes_run[1:] == ([2, 1, 1, 1] if sizes_run[0] == 'cuda' else [1, 1, 1])


# the same as every detector

def test_frames_without_usable_image_are_refused(tmp_path):
    ours = detector(write_constant(tmp_path / 'net.onnx', yolov8(), SHAPE, {'names': FIVE}))
    with pytest.raises(FrameError, match='has no image'):
        ours.detect([Frame(None, 0.0, (4, 4))])
    with pytest.raises(FrameError, match='is of type float32'):
        ours.detect([Frame(np.zeros((4, 4, 3), np.float32), 0.0, (4, 4))])
    for shape in ((1, 1), (1, 700), (700, 1)):
        ours.detect([Frame.of(np.zeros((*shape, 3), np.uint8), 0.0)])


def test_settings_make_it_and_put_it_in_tiles(tmp_path):
    path = write_constant(tmp_path / 'net.onnx', yolov8(), SHAPE, {'names': FIVE})
    values = {'detector.type': 'onnx', 'detector.weights': path, 'device': 'cpu'}
    assert isinstance(make_detector(build(Settings, values)), OnnxDetector)
    ours = make_detector(build(Settings, {**values, 'detector.tile_columns': 2}))
    assert isinstance(ours, TiledDetector)
    assert ours.device == torch.device('cpu') and ours.class_names[0] == 'person'
    assert len(ours.detect([image(300, 200)])[0]) > 0


def test_an_onnx_file_for_the_wrong_type_is_explained(tmp_path):
    path = write_constant(tmp_path / 'net.onnx', yolov8(), SHAPE, {'names': FIVE})
    with pytest.raises(ConfigError, match=r'set detector\.type to onnx'):
        make_detector(build(Settings, {'detector.weights': path}))


# files

def damaged(tmp_path):
    whole = write_constant(tmp_path / 'whole.onnx', yolov8(), SHAPE, {'names': FIVE})
    data = (tmp_path / 'whole.onnx').read_bytes()
    (tmp_path / 'cut.onnx').write_bytes(data[:len(data) // 2])
    (tmp_path / 'text.onnx').write_text('no network')
    (tmp_path / 'empty.onnx').write_bytes(b'')
    (tmp_path / 'net.pt').write_bytes(data)
    return whole


@pytest.mark.parametrize('name, complaint', [
    ('cut.onnx', 'is no ONNX file that onnxruntime'), ('text.onnx', 'is no ONNX file that'),
    ('empty.onnx', r'empty.onnx \(0 bytes\) is no ONNX file that'),
    ('net.pt', "ends in '.pt'; detector.type onnx takes .onnx files"),
    ('none.onnx', 'but there is no such file'), ('.', 'but there is no such file')])
def test_a_wrong_file_is_named(tmp_path, name, complaint, capfd):
    damaged(tmp_path)
    with pytest.raises(WeightsError, match=complaint) as caught:
        detector(tmp_path / name)
    assert '\n' not in str(caught.value)
    assert capfd.readouterr().err == ''


def test_weights_of_the_manifest_are_no_onnx_file():
    with pytest.raises(ConfigError, match=r'ssd-mobilenetv3-coco.*name an .onnx file'):
        detector('ssd-mobilenetv3-coco')


@pytest.mark.parametrize('shape', [(1, 3, 64), (1, 4, 128, 160)])
def test_an_input_that_is_no_image_is_described(tmp_path, shape):
    path = write_constant(tmp_path / 'net.onnx', yolov8(), shape)
    with pytest.raises(ConfigError, match=r'takes images \(1, '):
        detector(path)


@pytest.mark.parametrize('device, complaint', [
    ('cuda', "device is 'cuda', but (this )?onnxruntime"), ('cuda:7', "device is 'cuda:7', but"),
    ('gpu', "device is 'gpu'; choose")])
def test_a_device_that_is_not_there_is_refused(tmp_path, device, complaint):
    import onnxruntime

    if 'CUDAExecutionProvider' in onnxruntime.get_available_providers() and device == 'cuda':
        pytest.skip('this onnxruntime has CUDA')
    path = write_constant(tmp_path / 'net.onnx', yolov8(), SHAPE, {'names': FIVE})
    with pytest.raises(ConfigError, match=complaint):
        detector(path, device)


def test_without_onnxruntime_one_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    path = write_constant(tmp_path / 'net.onnx', yolov8(), SHAPE, {'names': FIVE})
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ConfigError, match='pip install onnxruntime, or onnxruntime-gpu'):
        detector(path)


@pytest.mark.parametrize(('shape', 'metadata'), [
    ((1, 3, 100000, 64), {}), ((100000, 3, 64, 64), {}), (('n', 3, 'h', 'w'), {
        'stride': '9' * 5000}), (('n', 3, 'h', 'w'), {'stride': '4000000000'})])
def test_a_file_cannot_ask_for_all_memory(tmp_path, shape, metadata):
    path = write_constant(
        tmp_path / 'a.onnx', {'output0': np.zeros((1, 2, 6), np.float32)}, shape, metadata)
    if metadata:
        # the stride of others is used
        assert OnnxSession(path, 'cpu').size_for((60, 40)) == (64, 64)
    else:
        with pytest.raises(ConfigError, match='at most 256 images of 8192 pixels'):
            OnnxSession(path, 'cpu')
