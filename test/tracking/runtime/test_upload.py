# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import dataclasses

import numpy as np
import pytest
import torch

from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.runtime.upload import Uploads
from mot_ros.tracking.types import Frame

CPU = torch.device('cpu')
IMAGE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


@pytest.mark.parametrize('image', [
    IMAGE, IMAGE[::-1], IMAGE[:, 1:5], np.frombuffer(IMAGE.tobytes(), np.uint8).reshape(4, 6, 3)])
def test_an_image_comes_as_it_is_whatever_its_memory(image):
    frame = Frame.of(image, 0.0)
    assert np.array_equal(Uploads(CPU).fetch(frame).numpy(), image)


def test_a_frame_is_uploaded_once_for_all_users():
    frame = Frame.of(IMAGE[::-1], 0.0)
    first = Uploads(CPU)
    first.prefetch(frame)
    assert first.fetch(frame) is Uploads(CPU).fetch(frame)
    assert list(frame.copies) == ['cpu']


def test_another_image_of_the_same_frame_is_brought_anew():
    frame = Frame.of(IMAGE, 0.0)
    Uploads(CPU).prefetch(frame)
    cut = dataclasses.replace(frame, image=IMAGE[:2, :3], size=(3, 2))
    assert np.array_equal(Uploads(CPU).fetch(cut).numpy(), IMAGE[:2, :3])


def test_copies_are_no_part_of_what_a_frame_is():
    frame = Frame(torch.from_numpy(IMAGE), 1.5, (6, 4))
    Uploads(CPU).prefetch(frame)
    assert 'copies' not in repr(frame)
    with pytest.raises(TypeError):
        Frame(IMAGE, 0.0, (6, 4), None, {})


def test_what_is_no_image_is_refused_and_nothing_noted():
    for frame in (Frame(None, 0.0, (6, 4)), Frame(IMAGE.astype(np.float32), 0.0, (6, 4))):
        with pytest.raises(FrameError, match='image'):
            Uploads(CPU).fetch(frame)
        assert not frame.copies


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU that CUDA can use')
def test_an_upload_does_not_synchronise():
    device = torch.device('cuda', 0)
    uploads = Uploads(device)
    frames = [Frame.of(np.full((720, 1280, 3), shade, np.uint8), 0.0) for shade in range(8)]
    torch.cuda.set_sync_debug_mode('error')
    try:
        sums = []
        for frame in frames:
            uploads.prefetch(frame)
        for frame in frames:
            sums.append(uploads.fetch(frame).sum(dtype=torch.int64))
    finally:
        torch.cuda.set_sync_debug_mode('default')
    assert [int(number) for number in sums] == [720 * 1280 * 3 * shade for shade in range(8)]
