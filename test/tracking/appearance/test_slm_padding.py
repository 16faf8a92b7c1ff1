# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SLM with crops cut out on the device and in buckets, against SLM in batches of any size."""

import numpy as np
import pytest
import torch

from mot_ros.tracking.appearance import slm as slm_embedder
from mot_ros.tracking.appearance.slm import SlmEmbedder
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.nets.slm.variants import make_slm, VARIANTS
from mot_ros.tracking.runtime import padding as buckets
from mot_ros.tracking.types import Frame
from test.tracking.appearance.test_embedder import noise, random_boxes
from test.tracking.methods.replays import downloads, Replayed
from test.tracking.waiting import no_waiting


def saved(variant, folder):
    """Write an SLM with random numbers to a file."""
    torch.manual_seed(3)
    network = make_slm(variant)
    if hasattr(network, 'fc'):
        # let every unit of the embedding fire for some crop
        torch.nn.init.constant_(network.fc[1].bias, 1.0)
    path = folder / f'{variant}.pt'
    torch.save(network.state_dict(), path)
    return str(path)


def smooth(size=(320, 240)):
    """Make an image as smooth as photographs are: windows of noise are a matter of rounding."""
    coarse = noise(size=(-(-size[0] // 4), -(-size[1] // 4)))
    return np.kron(coarse, np.ones((4, 4, 1), np.uint8))[:size[1], :size[0]]


@pytest.fixture(scope='module')
def file(tmp_path_factory):
    return saved('small', tmp_path_factory.mktemp('weights'))


@pytest.fixture(scope='module')
def expected(file):
    """Return the embedder of open shapes."""
    return SlmEmbedder(file, 'cpu', fixed=False)


@pytest.fixture
def ours(file):
    return SlmEmbedder(file, 'cpu', fixed=True)


@pytest.fixture
def small_buckets(monkeypatch):
    for module in (buckets, slm_embedder):
        monkeypatch.setattr(module, 'BUCKETS', (2, 4, 8))


@pytest.mark.parametrize('variant', VARIANTS)
def test_embeddings_are_those_of_open_shapes(variant, tmp_path):
    path = saved(variant, tmp_path)
    frame, boxes = Frame.of(smooth(), 0.0), random_boxes(5)
    a, b = (SlmEmbedder(path, 'cpu', fixed=fixed).embed(frame, boxes) for fixed in (True, False))
    assert np.ptp(b, axis=0).max() > 0.01
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_large_image_gives_the_same(ours, expected):
    size = (1919, 1079)
    frame, boxes = Frame.of(smooth(size), 0.0), random_boxes(40, size=size)
    boxes[0], boxes[1] = [10, 10, 12, 12], [0, 0, *size]
    np.testing.assert_allclose(
        ours.embed(frame, boxes), expected.embed(frame, boxes), atol=1e-4)


@pytest.mark.parametrize('count', [1, 16, 17, 40])
def test_what_fills_a_bucket_changes_nothing(ours, expected, count):
    frame, boxes = Frame.of(smooth(), 0.0), random_boxes(count)
    alone = np.concatenate([expected.embed(frame, box[None]) for box in boxes])
    np.testing.assert_allclose(ours.embed(frame, boxes), alone, atol=1e-5)


@pytest.mark.parametrize('count', [8, 9, 16, 19])
def test_more_than_the_largest_bucket_go_in_parts(
        ours, expected, count, small_buckets, monkeypatch):
    frame, boxes = Frame.of(smooth(), 0.0), random_boxes(count)
    for name in ('_cut', '_graph'):
        monkeypatch.setattr(ours, name, Replayed(getattr(ours, name), None))
    with downloads() as counted:
        found = ours.embed(frame, boxes)
    assert counted.count == 1
    np.testing.assert_allclose(found, expected.embed(frame, boxes), atol=1e-5)


def test_boxes_without_visible_pixels_have_a_zero_embedding(ours, expected):
    boxes = random_boxes(6)
    boxes[1], boxes[4] = [400, 10, 500, 90], np.nan
    frame = Frame.of(smooth(), 0.0)
    found = ours.embed(frame, boxes)
    assert found.any(axis=1).tolist() == [True, False, True, True, False, True]
    np.testing.assert_allclose(found, expected.embed(frame, boxes), atol=1e-5)
    with downloads() as counted:
        assert not ours.embed(frame, boxes[[1, 4]]).any()
        assert ours.embed(frame, boxes[:0]).shape == (0, 128)
    assert counted.count == 0


def test_frames_without_a_usable_image_are_refused(ours):
    for boxes in (random_boxes(1), random_boxes(0)):
        with pytest.raises(FrameError, match='no image'):
            ours.embed(Frame(None, 0.0, (320, 240)), boxes)


def test_images_may_be_views_and_tensors(ours):
    image, boxes = noise(), random_boxes(5)
    known = ours.embed(Frame.of(image, 0.0), boxes)
    turned = image[:, ::-1].copy()[:, ::-1]
    for same in (turned, torch.from_numpy(image)):
        np.testing.assert_array_equal(
            ours.embed(Frame(same, 0.0, (320, 240)), boxes), known)


def test_nothing_synchronises_before_the_download(ours):
    image = torch.from_numpy(noise())
    windows = buckets.to_device_padded(random_boxes(5).round().clip(0), 16, ours.device)
    with torch.inference_mode(), no_waiting():
        crops, = ours._cut(image, windows)
        ours._graph(crops)


def test_warming_up_meets_the_usual_buckets(ours, monkeypatch):
    seen = Replayed(lambda crops: (ours._embed_fp32(crops),), None)
    monkeypatch.setattr(ours, '_graph', seen)
    ours.warm_up()
    assert seen.recorded == 2
    ours.embed(Frame.of(smooth(), 0.0), random_boxes(30))
    assert seen.recorded == 2


# on a GPU

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU that CUDA can use')


@gpu
@pytest.mark.parametrize('count', [5, 30, 300])
def test_a_gpu_gives_what_the_cpu_gives(file, expected, count):
    there = SlmEmbedder(file, 'cuda')
    there.warm_up()
    frame, boxes = Frame.of(smooth(), 0.0), random_boxes(count)
    for _ in range(3):
        np.testing.assert_allclose(
            there.embed(frame, boxes), expected.embed(frame, boxes), atol=1e-3)


@gpu
def test_a_gpu_is_not_waited_for(file):
    there = SlmEmbedder(file, 'cuda')
    boxes = random_boxes(5).round().clip(0)
    there.embed(Frame.of(smooth(), 0.0), boxes)
    frame, mode = Frame.of(noise(1), 0.0), torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode('error')
    try:
        with torch.inference_mode():
            crops, = there._cut(
                there._uploads.fetch(frame), buckets.to_device_padded(boxes, 16, there.device))
            there._graph(crops)
    finally:
        torch.cuda.set_sync_debug_mode(mode)
