# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Runs what belongs on a GPU on a device that is only pretended, in a process of its own.

Tensors there have a shape, a type and a place, but no numbers. What mixes them with tensors of
the host, or must know a number, raises: the mistakes that go well on a CPU and fail, or wait, on
a GPU. PyTorch has one such device per process, hence this is none of the process of the tests:
python -m test.tracking.pretended_gpu PRECISION NAME...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import sys
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import nn, Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from mot_ros.tracking.appearance.slm import SlmEmbedder
from mot_ros.tracking.config import DetectorSettings, RcnnSettings
from mot_ros.tracking.config.compute import Compute
from mot_ros.tracking.config.methods.siammot import SiamMotSettings
from mot_ros.tracking.detectors.rcnn import detector as rcnn
from mot_ros.tracking.detectors.rcnn.detector import RcnnDetector
from mot_ros.tracking.detectors.rcnn.graphs import RcnnGraphs
from mot_ros.tracking.detectors.ssd import mobilenet as ssd
from mot_ros.tracking.detectors.ssd.mobilenet import SsdDetector
from mot_ros.tracking.methods.siammot.template_memory import emm_options, imm_options
from mot_ros.tracking.methods.smot.redetection import Redetector
from mot_ros.tracking.methods.smot.tracking_anchors import TrackingAnchors
from mot_ros.tracking.nets.ops.nms import fixed_nms
from mot_ros.tracking.nets.ops.precision import lower
from mot_ros.tracking.nets.rcnn.roi_align import levels_of, roi_align
from mot_ros.tracking.nets.siammot.emm import Emm
from mot_ros.tracking.nets.siammot.network import Architecture
from mot_ros.tracking.runtime import resize, smooth_resize
from mot_ros.tracking.runtime.upload import Uploads
from mot_ros.tracking.types import Frame

NAME = 'pretended'
DEVICE = f'{NAME}:0'


def moved(value: Any, seen: dict[int, Any] | None = None) -> Any:
    """Return a value with every tensor in it, and every device, on the pretended one."""
    seen = {} if seen is None else seen
    if isinstance(value, Tensor):
        if id(value) not in seen:
            there: Tensor = torch.empty_strided(
                value.shape, value.stride(), dtype=value.dtype, device=DEVICE)
            if isinstance(value, nn.Parameter):
                there = nn.Parameter(there, requires_grad=False)
            # the old one is kept, or another could get its number
            seen[id(value)] = there, value
        return seen[id(value)][0]
    if isinstance(value, torch.device):
        return torch.device(DEVICE)
    if isinstance(value, tuple):
        parts = [moved(part, seen) for part in value]
        return type(value)(*parts) if hasattr(value, '_fields') else tuple(parts)
    if isinstance(value, list):
        return [moved(part, seen) for part in value]
    if isinstance(value, dict):
        for key, part in list(value.items()):
            value[key] = moved(part, seen)
        return value
    if hasattr(value, '__self__') and not isinstance(value.__self__, type(sys)):
        moved(value.__self__, seen)
        return value
    own = type(value).__module__.partition('.')[0] in ('mot_ros', 'torch')
    if own and hasattr(value, '__dict__') and id(value) not in seen:
        seen[id(value)] = value
        for name, part in list(vars(value).items()):
            changed = moved(part, seen)
            if changed is not part:
                object.__setattr__(value, name, changed)
    return value


def made_on_the_host(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return torch.tensor for a device that cannot fill memory by itself."""
    def made(data: Any, **options: Any) -> Tensor:
        device = options.pop('device', None)
        there = make(data, **options)
        return there if device is None else there.to(device)
    return made


def ssd_detector(precision: str) -> None:
    """Look at two images of different sizes in one batch."""
    for way in ('stretch', 'letterbox'):
        detector = SsdDetector(
            DetectorSettings(width=320, height=256, resize=way, weights='ssd-coco'), 'cpu',
            Compute(precision),
            fixed=True)
        with pretended(detector):
            resident = detector._on_device
            seen = resident.run([frame(96, 64), frame(64, 80)], 'it is a test')
            there(*seen, resident.anchors([frame(96, 64)]))


def smot(precision: str) -> None:
    """Look for tracks at their anchors."""
    detector = SsdDetector(
        DetectorSettings(width=320, height=256, weights='ssd-coco'), 'cpu', Compute(precision),
        fixed=True)
    raw = detector.raw([frame(96, 64)])
    redetector = Redetector(TrackingAnchors(raw.anchors[0]), 10, fixed=True)
    with pretended(detector, redetector):
        seen = detector._on_device.run([frame(96, 64)], 'it is a test')
        there(*redetector._graph(
            seen.scores[0], seen.boxes[0], detector._labels, torch.empty(16, 5, device=DEVICE)))


def slm(precision: str) -> None:
    """Cut crops out of an image and embed them."""
    embedder = SlmEmbedder('slm-small', 'cpu', Compute(precision), fixed=True)
    with pretended(embedder):
        image = torch.empty(64, 96, 3, dtype=torch.uint8, device=DEVICE)
        crops = embedder._cut(image, torch.empty(16, 4, device=DEVICE))
        there(*crops, *embedder._graph(*crops))


def siammot(precision: str, weights: str = 'siammot-small') -> None:
    """Detect in an image, search tracks in it, extract their templates."""
    detector = RcnnDetector(
        RcnnSettings(weights=weights, short_side=192, long_side=320), 'cpu',
        compute=Compute(precision), fixed=True)
    detector.extract_features(frame(96, 64))
    in_graphs(detector.extract_features(frame(96, 64))._graphs, detector)


def imm(precision: str) -> None:
    """Do the same with the implicit motion model."""
    siammot(precision, 'siammot-small-imm')


def dla(precision: str) -> None:
    """Do the same with the published network, untrained."""
    network = Architecture('dla34').make().eval().requires_grad_(False)
    network.fuse()
    lower(network, Compute(precision).dtype)
    in_graphs(RcnnGraphs(
        network, network.body, (320, 192), (96, 64), [1], [0], RcnnSettings(),
        torch.device('cpu'), graphs=True))


def branches(precision: str) -> None:
    """Take the paths that a CPU never takes: maps pooled as one table, images of other devices."""
    dtype = getattr(torch, precision)
    with pretended():
        maps = [torch.empty(1, 8, side, side, dtype=dtype, device=DEVICE) for side in (8, 4, 2, 1)]
        boxes = torch.empty(3, 4, device=DEVICE)
        there(roi_align(
            maps, boxes, torch.zeros(3, dtype=torch.int64, device=DEVICE), levels_of(boxes), 7))
        there(*fixed_nms(boxes[None], torch.ones(1, 3, dtype=torch.bool, device=DEVICE), 0.5))
        uploads = Uploads(torch.device(NAME, 1))
        # page-locked memory is for images of the host: this one must not get there
        uploads._stream = object()
        image = torch.empty(64, 96, 3, dtype=torch.uint8, device=DEVICE)
        found = uploads.fetch(Frame.of(image, 0.0))
        assert str(found.device) == f'{NAME}:1', found.device


def in_graphs(graphs: RcnnGraphs, *parts: object) -> None:
    """Detect in an image of 96 x 64, search 16 tracks in it and extract their templates."""
    head = graphs.network.motion
    options = (emm_options if isinstance(head, Emm) else imm_options)(SiamMotSettings())
    with pretended(graphs, *parts):
        image = torch.empty(64, 96, 3, dtype=torch.uint8, device=DEVICE)
        rows = torch.empty(16, 6, device=DEVICE)
        templates, = graphs.extract_templates(head, options)(rows)
        there(
            *graphs.detect(image), *graphs.detect_at(rows[:, :5]), *graphs.refine(rows[:, :5]),
            templates, *graphs.search_tracks(head, options)(rows, templates), graphs.table.cells)


def frame(width: int, height: int) -> Frame:
    """Return a black image."""
    return Frame.of(np.zeros((height, width, 3), np.uint8), 0.0)


def there(*answers: Tensor) -> None:
    """Check that answers have not left the device."""
    places = {str(answer.device) for answer in answers}
    assert places == {DEVICE}, places


@contextlib.contextmanager
def pretended(*parts: object) -> Iterator[None]:
    """Have parts, which were made on the CPU, on the pretended device."""
    seen: dict[int, Any] = {}
    # what is kept there is of the last such device
    resize._taps.cache_clear()
    smooth_resize._taps.cache_clear()
    with FakeTensorMode(), torch.inference_mode(), mock.patch(
            'torch.tensor', made_on_the_host(torch.tensor)):
        for part in parts:
            moved(part, seen)
        yield


WORK = {work.__name__: work for work in (
    ssd_detector, smot, slm, siammot, imm, dla, branches)}


def main(precision: str, *names: str) -> None:
    """Do some of WORK, all if no names are given."""
    _setup_privateuseone_for_python_backend(NAME)
    getattr(torch, NAME).get_amp_supported_dtype = lambda: [torch.bfloat16]
    # what is packed for a CPU is nothing that a GPU runs
    for module in (ssd, rcnn):
        module.pack = lambda *_: False
    for name in names or WORK:
        WORK[name](precision)


if __name__ == '__main__':
    main(*sys.argv[1:])
