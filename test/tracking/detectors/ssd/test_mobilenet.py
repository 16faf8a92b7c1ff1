# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mot_ros.tracking.boxes import iou
from mot_ros.tracking.checkpoints import pinned as weights_import
from mot_ros.tracking.config import DetectorSettings
from mot_ros.tracking.detectors.classes import COCO_CATEGORY_IDS, COCO_NAMES
from mot_ros.tracking.detectors.preprocess import stretched
from mot_ros.tracking.detectors.ssd.mobilenet import SsdDetector
from mot_ros.tracking.detectors.ssd.raw_outputs import DenseDetector
from mot_ros.tracking.errors import ConfigError, FrameError, WeightsError
from mot_ros.tracking.nets.backbones import packed_conv as packed
from mot_ros.tracking.nets.backbones.mobilenet_v3 import ConvNormActivation
from mot_ros.tracking.nets.backbones.packed_conv import pack, PackedConv
from mot_ros.tracking.nets.ssd.anchors import decode, make_anchors
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.types import Frame
from mot_ros.tracking.weights import store as weights
from test.tracking.nets.ops.test_nms import greedy

CPU = torch.device('cpu')
SIZES = [(320, 320), (768, 576), (517, 333)]
SETUP = 'run scripts/setup, which puts it there'
ORIGINAL = 'ssd-mobilenetv3-coco'


def detector(size=(320, 320), device='cpu', **values):
    """Return a detector with the suppression that the graph itself asks for."""
    chosen = {'nms_iou': 0.6, 'box_voting': False, **values}
    # what OpenCV reads is in full precision
    wanted = {'weights': ORIGINAL, **chosen}
    return SsdDetector(DetectorSettings(width=size[0], height=size[1], **wanted), device)


@pytest.fixture(scope='module', autouse=True)
def imported():
    path = weights.cache_root() / weights.MANIFEST[ORIGINAL].file
    if not path.is_file():
        pytest.skip(f'{path} is not there: {SETUP}')


@pytest.fixture(scope='module')
def frames():
    """Return 20 frames spread over the first 40 s of PETS09-S2L1."""
    video = weights.cache_root().parent / 'videos' / 'vtest.avi'
    if not video.is_file():
        pytest.skip(f'{video} is not there: {SETUP}')
    capture, found = cv2.VideoCapture(str(video)), []
    for index in range(20 * 20):
        assert capture.grab()
        if index % 20 == 0:
            found.append(Frame.of(capture.retrieve()[1], float(index)))
    return found


@pytest.fixture(scope='module')
def graph():
    files = weights_import.graph_files()
    if not all(path.is_file() for path in files):
        pytest.skip(f'{files[0]} is not there: {SETUP}')
    return [str(path) for path in files]


@pytest.fixture(scope='module')
def network():
    made = SsdMobileNetV3()
    weights.fit(made, weights.load(ORIGINAL))
    return made.eval()


def blob_of(frame, size):
    return cv2.dnn.blobFromImage(frame.image, 1 / 127.5, size, (127.5,) * 3, swapRB=True)


# against cv2.dnn on the graph that the weights come from

@pytest.mark.parametrize('size', SIZES)
def test_detections_equal_those_of_opencv_on_the_same_graph(frames, graph, size):
    ours = detector(size, classes=(), score_floor=0.25)
    # a Net that has seen another size gives wrong output
    net = cv2.dnn.readNetFromTensorflow(*graph)
    compared = 0
    for frame in frames:
        net.setInput(blob_of(frame, size))
        theirs = net.forward()[0, 0]
        found = ours.detect([frame])[0]
        boxes = np.clip(theirs[:, 3:], 0, 1) * np.array([*frame.size, *frame.size], np.float32)
        labels = np.array([COCO_CATEGORY_IDS.index(int(number)) for number in theirs[:, 1]])
        overlap = iou(found.boxes, boxes) * (found.labels[:, None] == labels)
        apart = np.abs(found.scores[:, None] - theirs[:, 2])
        same = (overlap >= 0.99) & (apart <= 1e-3)
        # the graph looks at the best 100 boxes of each class, and keeps 100 over all classes:
        # what is above both limits and .3 has one counterpart each
        per_class = torch.topk(ours.raw([frame]).scores[0], 100, dim=0).values[-1].numpy()
        limit = np.maximum(max(0.3, theirs[:, 2].min()), per_class)
        assert limit[0] < 0.31
        assert (same.sum(axis=1)[found.scores > limit[found.labels]] == 1).all()
        assert (same.sum(axis=0)[theirs[:, 2] > 0.3] == 1).all()
        compared += int((theirs[:, 2] > 0.3).sum())
    assert compared > 60


@pytest.mark.parametrize('size', SIZES)
def test_every_anchor_equals_that_of_opencv(frames, graph, size):
    net = cv2.dnn.readNetFromTensorflow(*graph)
    ours = detector(size, classes=())
    frame = frames[0]
    scale = np.array([*frame.size, *frame.size], np.float32)
    raw = ours.raw([frame])

    def theirs(name):
        net.setInput(blob_of(frame, size))
        return net.forward(name)

    scores = theirs('ClassPredictor/concat/sigmoid').reshape(-1, 91)[:, list(COCO_CATEGORY_IDS)]
    assert np.abs(raw.scores[0].numpy() - scores).max() < 1e-4
    priors = theirs('PriorBox/concat').reshape(2, -1, 4)[0] * scale
    assert np.abs(raw.anchors[0].numpy() - priors).max() < 1e-2
    deltas = theirs('BoxEncodingPredictor/concat').reshape(-1, 4)
    centre, extent = (priors[:, :2] + priors[:, 2:]) / 2, priors[:, 2:] - priors[:, :2]
    centre = centre + deltas[:, :2] * 0.1 * extent
    extent = np.exp(deltas[:, 2:] * 0.2) * extent
    boxes = np.concatenate([centre - extent / 2, centre + extent / 2], axis=1)
    assert np.abs(raw.boxes[0].numpy() - boxes).max() < 0.1


@pytest.mark.parametrize('size', [(320, 320), (768, 576), (333, 517)])
def test_the_input_equals_blob_from_image(frames, size):
    batch = stretched(frames[:2], size, CPU)
    for image, frame in zip(batch, frames, strict=False):
        assert np.abs(image.numpy() - blob_of(frame, size)[0]).max() < 1e-6


# the network

@pytest.mark.parametrize('size', [(64, 64), (65, 127), (97, 320), (3, 5), (1, 1), (768, 576)])
def test_any_input_size_gives_one_row_per_anchor(network, size):
    with torch.inference_mode():
        logits, deltas = network(torch.zeros(2, 3, size[1], size[0]))
    anchors = make_anchors(network.shapes, network.cells(size), size)
    assert logits.shape == (2, len(anchors), 91) and deltas.shape == (2, len(anchors), 4)


def test_padding_is_that_of_tensorflow():
    # what SAME means, written out: the odd cell of padding goes to the bottom and right
    generator = torch.Generator().manual_seed(1)
    for kernel in (3, 5):
        conv = ConvNormActivation(2, 2, kernel, 2, groups=2)
        for height in range(1, 9):
            for width in range(1, 9):
                image = torch.rand(1, 2, height, width, generator=generator)
                pads = []
                for size in (width, height):
                    total = max((-(-size // 2) - 1) * 2 + kernel - size, 0)
                    pads += [total // 2, total - total // 2]
                expected = torch.nn.functional.conv2d(
                    torch.nn.functional.pad(image, pads), conv.weight, conv.bias, 2, groups=2)
                assert torch.allclose(conv(image), expected, atol=1e-6)


@pytest.mark.parametrize('size', [(320, 320), (131, 98)])
def test_packing_changes_rounding_only(network, size):
    images = torch.rand(2, 3, size[1], size[0]) * 2 - 1
    other = SsdMobileNetV3().eval()
    other.load_state_dict(network.state_dict())
    done = pack(other, size)
    assert done == torch.backends.mkldnn.is_available()
    count = sum(isinstance(module, PackedConv) for module in other.modules())
    assert count == (98 if done else 0)
    # the size it is packed for, and another one, which goes the plain way
    for batch in (images, images[:, :, :-3, :-2]):
        with torch.inference_mode():
            for ours, plain in zip(other(batch), network(batch), strict=True):
                assert torch.allclose(ours, plain, atol=1e-3)


def test_without_faithful_packed_convolutions_the_network_stays_as_it_is(network, monkeypatch):
    for broken in (lambda self, features: self.conv(features) + 0.01, None):
        monkeypatch.setattr(packed.PackedConv, 'forward', broken or _missing)
        assert not pack(network, (64, 64))
        assert not any(isinstance(module, PackedConv) for module in network.modules())


def _missing(self, features):
    raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute")


def test_the_network_can_be_trained(network):
    images = torch.rand(1, 3, 96, 96) * 2 - 1
    logits, deltas = network(images)
    (logits.square().mean() + deltas.square().mean()).backward()
    gradients = {name: weight.grad for name, weight in network.named_parameters()}
    # of the kernels of the widest levels only the middle meets a map of one cell
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())
    assert all(gradient.abs().sum() > 0 for gradient in gradients.values())
    # in-place activations at inference give what training saw
    with torch.inference_mode():
        again, _ = network(images)
    assert torch.equal(again, logits.detach())


def test_one_class_alone_scores_as_among_all(frames):
    person = detector(classes=('person',)).raw(frames[:2])
    every = detector(classes=()).raw(frames[:2])
    assert person.labels.tolist() == [0] and every.labels.tolist() == list(range(80))
    assert person.scores.shape == (*every.scores.shape[:2], 1)
    assert torch.allclose(person.scores, every.scores[:, :, :1], atol=1e-5)
    assert torch.allclose(person.boxes, every.boxes, atol=1e-2)


def test_anchors_have_the_sizes_of_the_zoo_at_every_input_size(network):
    for size in ((320, 320), (640, 480)):
        cells = network.cells(size)
        anchors = make_anchors(network.shapes, cells, size)
        rows, columns = cells[0]
        assert anchors[0].tolist() == [size[0] / columns / 2, size[1] / rows / 2, 32, 32]
        # the second level, as the graph's text has it
        second = anchors[rows * columns * 3:][:6, 2:].numpy()
        assert np.allclose(second, [
            (112, 112), (158.391918986, 79.1959594929), (79.1959594929, 158.391918986),
            (193.989690448, 64.6632301492), (64.6599969069, 193.99939066),
            (133.865604245, 133.865604245)], rtol=1e-6)


def test_deltas_move_by_a_tenth_and_grow_by_a_fifth():
    anchor = torch.tensor([[50.0, 60.0, 20.0, 40.0]])
    assert decode(torch.zeros(1, 4), anchor).tolist() == [[40, 40, 60, 80]]
    moved = decode(torch.tensor([[1.0, -2.0, 5 * float(np.log(2)), 0.0]]), anchor)
    assert torch.allclose(moved, torch.tensor([[32.0, 32.0, 72.0, 72.0]]))


# the detector

def test_people_of_pets_are_found(frames):
    found = detector((768, 576)).detect(frames)
    assert len(found) == 20
    assert 60 < sum(int((one.scores > 0.5).sum()) for one in found) < 160
    for one in found:
        assert (np.diff(one.scores) <= 0).all() and (one.labels == 0).all()


def test_a_batch_gives_what_a_loop_gives_also_with_images_of_several_sizes(frames):
    ours = detector(score_floor=0.2)
    mixed = [frames[0], Frame.of(cv2.resize(frames[1].image, (1280, 500)), 0.0), frames[2]]
    for batch in (frames[:4], mixed):
        for together, frame in zip(ours.detect(batch), batch, strict=True):
            alone = ours.detect([frame])[0]
            assert len(together) == len(alone) > 0
            assert np.allclose(together.boxes, alone.boxes, atol=0.05)
            assert np.allclose(together.scores, alone.scores, atol=1e-4)
    assert ours.detect([]) == []


def test_boxes_are_in_pixels_of_the_source_image(frames):
    ours = detector(score_floor=0.4)
    image = frames[0].image
    # nearest neighbours, three and two times as large: the network sees nearly the same
    large = Frame.of(np.repeat(np.repeat(image, 3, axis=1), 2, axis=0), 0.0)
    small, big = ours.detect([frames[0], large])
    best = iou(big.boxes / np.array([3, 2, 3, 2], np.float32), small.boxes).max(axis=1)
    assert len(best) >= 3 and np.median(best) > 0.85


def test_the_same_image_gives_the_same_bits(frames):
    ours, fresh = detector(), detector()
    first, again = ours.detect(frames[:2])[1], ours.detect(frames[:2])[1]
    for other in (again, fresh.detect(frames[:2])[1]):
        assert all(np.array_equal(column, other.columns()[name])
                   for name, column in first.columns().items())


@pytest.mark.parametrize('classes', [('person',), ()])
def test_detect_is_raw_with_threshold_suppression_and_clipping(frames, classes):
    ours = detector(classes=classes, score_floor=0.15, nms_iou=0.45, max_detections=25)
    for frame in frames[:3]:
        found, raw = ours.detect([frame])[0], ours.raw([frame])
        scores = raw.scores[0].numpy()
        anchor, column = np.nonzero(scores >= 0.15)
        boxes, scores = raw.boxes[0].numpy()[anchor], scores[anchor, column]
        labels = raw.labels.numpy()[column]
        kept = greedy(boxes, scores, labels, 0.45)[:25]
        assert len(found) == len(kept) == 25
        expected = boxes[kept].clip(0, [*frame.size, *frame.size])
        assert np.allclose(found.boxes, expected, atol=1e-3)
        assert np.array_equal(found.scores, scores[kept])
        assert np.array_equal(found.labels, labels[kept])


def test_raw_anchors_and_boxes_follow_the_size_of_each_image(frames):
    ours = detector()
    wide = Frame.of(cv2.resize(frames[0].image, (1536, 576)), 0.0)
    raw = ours.raw([frames[0], wide])
    count = raw.scores.shape[1]
    assert raw.scores.shape == (2, count, 1)
    assert raw.boxes.shape == raw.anchors.shape == (2, count, 4)
    assert torch.allclose(raw.anchors[0] * torch.tensor([2, 1, 2, 1]), raw.anchors[1])
    assert raw.scores.min() >= 0 and raw.scores.max() <= 1


def test_settings_bound_what_comes_out(frames):
    few = detector(max_detections=3, score_floor=0.3).detect(frames[:1])[0]
    many = detector(max_detections=100, score_floor=0.3).detect(frames[:1])[0]
    assert len(few) == 3 and np.array_equal(few.scores, many.scores[:3])
    assert many.scores.min() >= 0.3
    tight = detector(nms_iou=0.2, score_floor=0.1).detect(frames[:1])[0]
    overlap = iou(tight.boxes, tight.boxes)
    assert (overlap[~np.eye(len(tight), dtype=bool)] < 0.25).all()


def test_too_many_candidates_leave_the_best(frames, monkeypatch):
    whole = detector(score_floor=0.05).detect(frames[:1])[0]
    cut = detector(score_floor=0.01, max_detections=30).detect(frames[:1])[0]
    assert np.array_equal(cut.scores, whole.scores[:30])


def test_classes_are_chosen_by_name(frames):
    ours = detector(classes=('dog', 'person', 'dog'), score_floor=0.01)
    assert ours.raw(frames[:1]).labels.tolist() == [0, COCO_NAMES.index('dog')]
    assert set(ours.detect(frames[:1])[0].labels) <= {0, COCO_NAMES.index('dog')}
    assert ours.class_names == COCO_NAMES and len(COCO_NAMES) == len(COCO_CATEGORY_IDS) == 80


def test_labels_are_cocos(frames):
    # ids and names as COCO's annotation files pair them
    for number, name in ((1, 'person'), (13, 'stop sign'), (27, 'backpack'), (44, 'bottle'),
                         (67, 'dining table'), (84, 'book'), (90, 'toothbrush')):
        assert COCO_NAMES[COCO_CATEGORY_IDS.index(number)] == name


@pytest.mark.parametrize('name, hint', [
    ('persn', 'did you mean person'), ('qqqq', 'the names are person, bicycle')])
def test_an_unknown_class_is_refused(name, hint):
    with pytest.raises(ConfigError, match=f"detector.classes has '{name}'.*{hint}"):
        detector(classes=('person', name))


@pytest.mark.parametrize('shape', [(576, 768), (1, 1), (3, 1000), (2000, 2)])
@pytest.mark.parametrize('floor', [0.01, 0.5])
def test_black_white_and_noise_of_any_shape_give_valid_boxes(shape, floor):
    rng = np.random.default_rng(3)
    ours = detector((128, 96), score_floor=floor, classes=())
    images = [np.zeros((*shape, 3), np.uint8), np.full((*shape, 3), 255, np.uint8),
              rng.integers(0, 256, (*shape, 3)).astype(np.uint8)]
    for found in ours.detect([Frame.of(image, 0.0) for image in images]):
        assert (found.boxes >= 0).all()
        assert (found.boxes[:, 0::2] <= shape[1]).all()
        assert (found.boxes[:, 1::2] <= shape[0]).all()
    black = detector((128, 96)).detect([Frame.of(images[0], 0.0)])[0]
    assert not (black.scores > 0.5).any()


def test_a_network_that_gives_nan_gives_no_boxes(frames, tmp_path):
    state = {name: torch.full_like(tensor, torch.nan)
             for name, tensor in weights.load(ORIGINAL).items()}
    with pytest.raises(WeightsError, match='196 with numbers that are NaN'):
        detector(weights=str(_saved(state, tmp_path)))
    # such as one that overflows in half precision
    ours = detector()
    with torch.no_grad():
        for tensor in (*ours._network.parameters(), *ours._network.buffers()):
            if tensor.is_floating_point():
                tensor.fill_(torch.nan)
    assert len(ours.detect(frames[:1])[0]) == 0


def test_images_may_be_views_read_only_or_tensors(frames):
    ours = detector()
    image = frames[0].image
    wide = np.zeros((576, 1000, 3), np.uint8)
    wide[:, 100:868] = image
    frozen = image.copy()
    frozen.setflags(write=False)
    expected = ours.detect(frames[:1])[0]
    for same in (wide[:, 100:868], frozen, torch.from_numpy(image), image[::-1].copy()[::-1]):
        found = ours.detect([Frame(same, 0.0, (768, 576))])[0]
        assert np.array_equal(found.boxes, expected.boxes)


@pytest.mark.parametrize('image, complaint', [
    (None, 'has no image'),
    (np.zeros((4, 4, 3), np.float32), 'is of type float32; convert it to 8-bit'),
    (torch.zeros((4, 4, 3)), 'is of type float32'),
])
def test_a_frame_without_usable_image_is_refused(image, complaint):
    with pytest.raises(FrameError, match=complaint):
        detector().detect([Frame(image, 0.0, (4, 4))])


def test_weights_of_another_network_are_refused(tmp_path):
    state = weights.load(ORIGINAL)
    state['tail.weight'] = state['tail.weight'][:100]
    del state['stem.bias']
    with pytest.raises(
            WeightsError, match=r'do not fit SsdMobileNetV3 .*1 missing: stem\.bias.*'
                                r'tail\.weight is \(100, 80, 1, 1\), expected \(480, 80, 1, 1\)'):
        detector(weights=str(_saved(state, tmp_path)))


def test_weights_by_path_work_like_those_by_name(frames):
    path = weights.locate(ORIGINAL)
    by_path, by_name = detector(weights=str(path)), detector()
    assert np.array_equal(
        by_path.detect(frames[:1])[0].boxes, by_name.detect(frames[:1])[0].boxes)


def test_a_missing_gpu_is_refused():
    if torch.cuda.is_available():
        pytest.skip('there is a GPU here')
    with pytest.raises(ConfigError, match="device is 'cuda'"):
        detector(device='cuda')
    assert detector(device='auto').device == CPU


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU that CUDA can use')
def test_a_gpu_gives_what_the_cpu_gives(frames):
    here, there = detector(score_floor=0.3), detector(score_floor=0.3, device='cuda')
    there.warm_up()
    for frame in frames[:5]:
        on_device = Frame(torch.from_numpy(frame.image).cuda(), 0.0, frame.size)
        expected, found, near = (
            here.detect([frame])[0], there.detect([frame])[0], there.detect([on_device])[0])
        assert np.allclose(found.scores, expected.scores, atol=1e-3)
        assert np.allclose(found.boxes, expected.boxes, atol=0.2)
        assert abs(len(near) - len(expected)) <= 1


def _saved(state: dict[str, torch.Tensor], folder: Path) -> Path:
    path = folder / 'other.safetensors'
    path.write_bytes(weights_import.serialize(
        {name: tensor.numpy() for name, tensor in state.items()}, {}))
    return path


def test_voting_does_not_depend_on_the_score_floor(frames):
    low, high = (detector(size=(512, 384), box_voting=True, score_floor=floor)
                 for floor in (0.02, 0.4))
    for frame in frames[:3]:
        many, few = low.detect([frame])[0], high.detect([frame])[0]
        assert 0 < len(few) < len(many)
        np.testing.assert_allclose(many[many.scores >= 0.4].boxes, few.boxes, atol=1e-3)


# what methods that look at anchors need

def test_detections_and_raw_outputs_come_from_one_run(frames, monkeypatch):
    ours, runs = detector((320, 320)), []
    usual = SsdMobileNetV3.forward
    monkeypatch.setattr(
        SsdMobileNetV3, 'forward', lambda self, x: runs.append(len(x)) or usual(self, x))
    found, raw = ours.detect_densely(frames[:2])
    assert runs == [1, 1]
    for one, again in zip(found, ours.detect(frames[:2]), strict=True):
        assert (one.boxes == again.boxes).all() and (one.scores == again.scores).all()
    alone = ours.raw(frames[:2])
    assert (raw.scores == alone.scores).all() and (raw.boxes == alone.boxes).all()
    assert (raw.anchors == alone.anchors).all()
    assert isinstance(ours, DenseDetector)


def test_a_letterbox_keeps_proportions(frames):
    """In a square of grey the detector sees people as they are, and boxes come back right."""
    wide, square = detector((640, 480)), detector((640, 640), resize='letterbox')
    a, b = (one.detect_densely([frames[0]]) for one in (wide, square))
    sure = a[0][0][a[0][0].scores > 0.6]
    assert len(sure) >= 2
    assert (iou(sure.boxes, b[0][0].boxes).max(axis=1) > 0.7).all()
    # anchors are as wide as high again, in pixels of the image
    sides = (b[1].anchors[0, :, 2:] - b[1].anchors[0, :, :2])[0]
    assert sides[0] == pytest.approx(float(sides[1]), rel=1e-4)
