# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
import torch

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')

from onnx import helper, numpy_helper, save, TensorProto

from mot_ros.evaluation.runner import timed
from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors.onnx_file.cells import cell_squares
from mot_ros.tracking.detectors.onnx_file.layouts import cells_of, Layout
from mot_ros.tracking.detectors.onnx_file.session import OnnxSession
from mot_ros.tracking.detectors.ssd.raw_outputs import dense, DenseDetector
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.methods.smot.tracker import Smot
from mot_ros.tracking.methods.smot.tracking_anchors import grids_of
from mot_ros.tracking.types import Frame, TrackState
from test.tracking.detectors.onnx_file.onnx_files import IR_VERSION, OPSET, write_constant
from test.tracking.detectors.onnx_file.test_detector import (
    CELLS,
    detector,
    FIVE,
    image,
    MADE,
    SHAPE,
    SIZE,
    yolov5,
    yolov6,
    yolov8,
    yolox,
)

YOLOS = {'yolov5': yolov5, 'yolov6': yolov6, 'yolov8': yolov8, 'yolox': yolox}


def made(tmp_path, outputs, batch=1, **values):
    path = write_constant(
        tmp_path / 'net.onnx', outputs, (batch, *SHAPE[1:]), {'names': FIVE})
    return detector(path, pixels='unit', **values)


def squares(kind, count, size=SIZE):
    shape = (1, 9, count) if kind == 'yolov8' else (1, count, 10)
    return cell_squares(Layout(kind, (0,), 5), [np.zeros(shape, np.float32)], size)


def one_by_one(size, strides, sides):
    """Return the squares as nested loops give them; `sides` in pixels by stride."""
    found = []
    for stride in strides:
        for side in sides[stride]:
            for row in range(-(-size[1] // stride)):
                for column in range(-(-size[0] // stride)):
                    x, y = (column + 0.5) * stride, (row + 0.5) * stride
                    found.append([x - side / 2, y - side / 2, x + side / 2, y + side / 2])
    return np.float32(found)


# squares

@pytest.mark.parametrize('kind', ['yolov5', 'yolov8', 'yolox'])
@pytest.mark.parametrize('size', [SIZE, (150, 121)])
def test_cells_have_squares_around_them(kind, size):
    found = squares(kind, cells_of(size, (8, 16, 32)), size)
    assert np.array_equal(found, one_by_one(
        size, (8, 16, 32), {8: [32], 16: [64], 32: [256]}))


def test_anchors_have_squares_of_three_sizes_and_form_grids():
    found = squares('yolov5', 3 * CELLS)
    assert np.array_equal(found, one_by_one(
        SIZE, (8, 16, 32), {8: [16, 24, 40], 16: [32, 48, 80], 32: [128, 192, 320]}))
    # looked up without comparing one and all
    assert sum(numbers.size for _, _, numbers in grids_of(torch.from_numpy(found))) == 3 * CELLS


@pytest.mark.parametrize('strides, sides', [
    ((8, 16, 32, 64), {8: [32], 16: [64], 32: [128], 64: [512]}),
    ((4, 8, 16, 32), {4: [16], 8: [32], 16: [64], 32: [256]}),
    ((16, 32), {16: [64], 32: [256]})])
def test_other_grids_follow_from_the_number_of_cells(strides, sides):
    size = (320, 256)
    found = squares('yolov8', cells_of(size, strides), size)
    assert np.array_equal(found, one_by_one(size, strides, sides))


@pytest.mark.parametrize('side, level', [(20, 0), (44, 0), (46, 1), (127, 1), (129, 2), (300, 2)])
def test_the_squares_most_like_a_box_are_of_the_level_of_its_size(side, level):
    size = (640, 640)
    box = np.float32([[320 - side / 2, 320 - side / 2, 320 + side / 2, 320 + side / 2]])
    best = iou(box, squares('yolov8', cells_of(size, (8, 16, 32)), size)).argmax()
    assert np.searchsorted([80 ** 2, 80 ** 2 + 40 ** 2], best, side='right') == level


# raw outputs

@pytest.mark.parametrize('kind', YOLOS)
@pytest.mark.parametrize('size', [SIZE, (320, 256), (200, 100)])
def test_detections_are_found_among_the_raw_outputs(tmp_path, kind, size):
    ours = made(tmp_path, YOLOS[kind]())
    (found,), raw = ours.detect_densely([image(*size)])
    again = ours.detect([image(*size)])[0]
    assert len(found) == 3 and np.array_equal(found.boxes, again.boxes)
    assert raw.labels.tolist() == [0, 1, 2, 3, 4]
    count = 3 * CELLS if kind == 'yolov5' else CELLS
    assert raw.scores.shape == (1, count, 5)
    assert raw.boxes.shape == raw.anchors.shape == (1, count, 4)
    # all known boxes but that below the floor, and the one suppressed, stand in both
    place, column = torch.nonzero(raw.scores[0] >= 0.2, as_tuple=True)
    assert len(place) == 4
    boxes = raw.boxes[0][place].clamp(min=0).minimum(torch.tensor([*size, *size])).numpy()
    for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
        same = np.isclose(boxes, box, atol=0.01).all(axis=1) & (column.numpy() == label)
        assert same.sum() == 1
        assert np.allclose(raw.scores[0][place, column][same], score)
    assert np.isclose(raw.scores[0].max(dim=1).values.numpy(), 0.05).sum() == 1


def test_anchors_are_in_pixels_of_the_image(tmp_path):
    ours = made(tmp_path, yolov8())
    raw = ours.detect_densely([image(200, 100)])[1]
    # .8 as large and 24 lower on the input
    expected = (squares('yolov8', CELLS) - [0, 24, 0, 24]) / 0.8
    assert np.allclose(raw.anchors[0], expected, atol=1e-3)


@pytest.mark.parametrize('batch', [1, 2])
def test_frames_of_several_sizes_in_one_run_each(tmp_path, batch, monkeypatch):
    ours = made(tmp_path, yolov8(), batch)
    runs, usual = [], OnnxSession.run
    monkeypatch.setattr(
        OnnxSession, 'run', lambda self, x: runs.append(len(x)) or usual(self, x))
    frames = [image(160, 128), image(320, 256), image(200, 100)]
    found, raw = ours.detect_densely(frames)
    assert runs == [batch] * {1: 3, 2: 2}[batch]
    assert len(found) == 3
    for row, frame in enumerate(frames):
        alone = ours.detect_densely([frame])
        assert np.array_equal(found[row].boxes, alone[0][0].boxes)
        for name in ('scores', 'boxes', 'anchors'):
            assert torch.equal(getattr(raw, name)[row], getattr(alone[1], name)[0])


def test_chosen_classes_are_the_columns(tmp_path):
    ours = made(tmp_path, yolox(), classes=('dog', 'car'))
    raw = ours.detect_densely([image(*SIZE)])[1]
    assert sorted(raw.labels.tolist()) == [2, 3]
    best = raw.scores[0].max(dim=0).values[raw.labels.argsort()]
    assert np.allclose(best, [0.3, 0.6])


# SMOT

def write_watcher(path, kind):
    """
    Write a network that sees what is not black in the red channel, an object of 30x50.

    Every place says that it stands in the middle of what is red; the score is the mean of the
    cell.
    """
    width, height = SIZE
    x = np.broadcast_to(np.arange(width) + 0.5, (1, 1, height, width))
    y = np.broadcast_to((np.arange(height) + 0.5)[:, None], (1, 1, height, width))
    repeats, ones = (3, 1) if kind == 'yolov5' else (1, 0)
    count = repeats * CELLS
    constants = {
        'red': np.int64([0]), 'x': np.float32(x), 'y': np.float32(y), 'row': np.int64([1, 1, -1]),
        'wide': np.full((1, 1, count), 30, np.float32),
        'high': np.full((1, 1, count), 50, np.float32),
        'sure': np.ones((1, ones, count), np.float32), 'all': np.int64([1, 1, count]),
        'one': np.int64([1, 1, 1])}
    nodes = [helper.make_node('Gather', ['images', 'red'], ['seen'], axis=1),
             helper.make_node('ReduceSum', ['seen'], ['total'])]
    for axis in 'xy':
        nodes += [
            helper.make_node('Mul', ['seen', axis], [f'{axis}_seen']),
            helper.make_node('ReduceSum', [f'{axis}_seen'], [f'{axis}_sum']),
            helper.make_node('Div', [f'{axis}_sum', 'total'], [f'{axis}_mean']),
            helper.make_node('Reshape', [f'{axis}_mean', 'one'], [f'{axis}_one']),
            helper.make_node('Expand', [f'{axis}_one', 'all'], [f'{axis}_all'])]
    for stride in (8, 16, 32):
        nodes += [
            helper.make_node('AveragePool', ['seen'], [f'mean{stride}'],
                             kernel_shape=[stride] * 2, strides=[stride] * 2),
            helper.make_node('Reshape', [f'mean{stride}', 'row'], [f'cells{stride}'])]
    cells = [f'cells{stride}' for stride in (8, 16, 32) for _ in range(repeats)]
    nodes += [
        helper.make_node('Concat', cells, ['scores'], axis=2),
        helper.make_node('Concat', ['x_all', 'y_all', 'wide', 'high', 'sure', 'scores'],
                         ['table'], axis=1),
        helper.make_node('Transpose', ['table'], ['output0'],
                         perm=[0, 2, 1] if kind == 'yolov5' else [0, 1, 2])]
    shape = [1, count, 6] if kind == 'yolov5' else [1, 5, count]
    graph = helper.make_graph(
        nodes, 'watcher', [helper.make_tensor_value_info('images', TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info('output0', TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()])
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=IR_VERSION)
    helper.set_model_props(model, {'names': "{0: 'person'}"})
    save(model, path)
    return str(path)


@pytest.mark.parametrize('kind', ['yolov5', 'yolov8'])
def test_smot_follows_a_box_that_moves(tmp_path, kind):
    ours = detector(write_watcher(tmp_path / 'net.onnx', kind))
    assert ours.layout == kind
    tracker = Smot(timed(ours), build(Settings, {
        'method': 'smot', 'smot.motion': 'none', 'smot.link': False, 'smot.new_track_thresh': 0.7,
        'smot.keep': 0.3, 'smot.resume': 0.3, 'smot.anchors': 3}))
    for step in range(12):
        # weak from the second frame on: no detection is sure enough to start a track
        brightness = 230 if step == 0 else 128
        left, top = 40 + 10 * step, 80
        pixels = np.zeros((256, 320, 3), np.uint8)
        pixels[top:top + 100, left:left + 60] = brightness
        tracks = tracker.update(Frame.of(pixels, step / 10))
        assert tracks.ids.tolist() == [1] and tracks.labels.tolist() == [0]
        assert np.allclose(tracks.boxes, [[left, top, left + 60, top + 100]], atol=0.1)
        assert 0.3 <= tracks.scores[0] <= brightness / 255 + 1e-3
    # where it is dark nobody is followed
    pixels[:, :left + 60] = 0
    pixels[200:, 300:] = 30
    assert TrackState.CONFIRMED not in tracker.update(Frame.of(pixels, 1.2)).states.tolist()


# refused

@pytest.mark.parametrize('kind, reason', [
    ('yolov10', 'is of layout yolov10, of which only objects come out'),
    ('tensorflow', 'is of layout tensorflow, of which only objects come out'),
    ('ssd', 'is of layout ssd, which does not contain its anchors'),
    ('ssd_pixels', 'is of layout ssd_pixels, which does not contain its anchors')])
def test_layouts_without_places_are_refused(tmp_path, kind, reason):
    ours = made(tmp_path, MADE[kind](), layout=kind)
    for asked in (ours, timed(ours)):
        with pytest.raises(ConfigError, match=f'method smot needs .* cannot return: .*{reason}'):
            Smot(asked, build(Settings, {'method': 'smot'}))
    with pytest.raises(ConfigError, match=reason):
        ours.detect_densely([image(*SIZE)])
    assert len(ours.detect([image(*SIZE)])[0])


@pytest.mark.parametrize('kind, places', [
    ('yolov5', 'one or 3 places per cell'), ('yolov8', 'one place per cell')])
def test_places_that_do_not_add_up_are_refused(tmp_path, kind, places):
    outputs = {'output0': YOLOS[kind]()['output0'].copy()}
    cut = slice(0, 400)
    outputs['output0'] = (
        outputs['output0'][:, :, cut] if kind == 'yolov8' else outputs['output0'][:, cut])
    ours = made(tmp_path, outputs, layout=kind)
    with pytest.raises(ConfigError, match=f'has 400 places, which is not {places} .* 160x128'):
        dense(ours, 'a test')
    assert len(ours.detect([image(*SIZE)])[0])


@pytest.mark.parametrize('kind', YOLOS)
def test_the_others_are_what_smot_needs(tmp_path, kind):
    ours = made(tmp_path, YOLOS[kind]())
    assert ours.why_not_dense is None and isinstance(ours, DenseDetector)
    assert dense(ours, 'a test') is ours
