# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Detections from a file: exact playback, resuming, and refusing what does not fit."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mot_ros.tracking.detectors.wrappers.recorded import CachedDetector, RecordedDetections
from mot_ros.tracking.errors import FrameError, SourceError
from mot_ros.tracking.protocols import Detector
from mot_ros.tracking.types import Detections, Frame

KEY = {'source': 'a.avi', 'width': 64, 'classes': ('person', 'car'), 'iou': 0.6}


class StubDetector:
    """Sees as many boxes as the stamp says, the first with score .9, the next .8 and so on."""

    class_names = ('person', 'car')

    def __init__(self) -> None:
        self.seen: list[float] = []

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        self.seen += [frame.stamp for frame in frames]
        return [self._of(int(frame.stamp)) for frame in frames]

    def _of(self, count: int) -> Detections:
        rows = np.arange(count, dtype=np.float32)
        boxes = np.stack([rows, rows, rows + 1.1, rows + 2.3], axis=1)
        return Detections(boxes, 0.9 - rows / 10, np.arange(count) % 2)


def frame(stamp: float) -> Frame:
    return Frame(None, stamp, (64, 48))


def make(path: Path, detector: StubDetector, floor: float = 0.5, **changed: object,
         ) -> CachedDetector:
    return CachedDetector(path, {**KEY, **changed}, lambda: detector, floor, 0.3)


def equal(a: Detections, b: Detections) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(
        a.columns().values(), b.columns().values(), strict=True))


def never() -> Detector:
    raise AssertionError('the detector must not be needed')


def test_playback_is_exact_and_needs_no_detector(tmp_path: Path) -> None:
    path = tmp_path / 'd.npz'
    frames = [frame(stamp) for stamp in (3.0, 0.0, 1 / 7 + 4, 2.0)]
    first = make(path, StubDetector())
    seen = [first.detect([each])[0] for each in frames]
    first.save()
    assert (first.recorded, first.added) == (0, 4)
    second = CachedDetector(path, KEY, never, 0.5, 0.3)
    assert second.recorded == 4
    assert tuple(second.class_names) == ('person', 'car')
    assert all(equal(a, b) for a, b in zip(seen, second.detect(frames), strict=True))
    assert [len(each) for each in seen] == [3, 0, 4, 2]
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_missing_is_added(tmp_path: Path) -> None:
    path = tmp_path / 'd.npz'
    first = make(path, StubDetector())
    first.detect([frame(1.0), frame(2.0)])
    first.save()
    detector = StubDetector()
    second = make(path, detector)
    both = second.detect([frame(2.0), frame(4.0), frame(1.0)])
    second.save()
    assert [len(each) for each in both] == [2, 4, 1]
    assert detector.seen == [4.0]
    assert (second.recorded, second.added) == (2, 1)
    assert make(path, StubDetector()).recorded == 3


def test_nothing_new_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / 'd.npz'
    first = make(path, StubDetector())
    first.save()
    assert not path.exists()
    first.detect([frame(1.0)])
    first.save()
    before = path.stat().st_mtime_ns
    second = make(path, StubDetector())
    second.detect([frame(1.0)])
    second.save()
    assert path.stat().st_mtime_ns == before


def test_score_floor_is_applied_on_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / 'd.npz'
    first = make(path, StubDetector(), floor=0.7)
    assert len(first.detect([frame(6.0)])[0]) == 3
    first.save()
    assert len(make(path, StubDetector(), floor=0.35).detect([frame(6.0)])[0]) == 6


def test_score_exactly_at_the_floor_stays() -> None:
    one = Detections(
        np.array([[0, 0, 1, 1]]), np.array([0.1], np.float32), np.zeros(1, np.int64))
    assert len(RecordedDetections({1.0: one}, (), 0.1).detect([frame(1.0)])[0]) == 1


def test_other_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'd.npz'
    first = make(path, StubDetector())
    first.detect([frame(1.0)])
    first.save()
    with pytest.raises(SourceError, match=r'd\.npz holds .*width is 64 there and 128 now'):
        make(path, StubDetector(), width=128)
    with pytest.raises(SourceError, match='recorded_floor'):
        CachedDetector(path, KEY, never, 0.1, 0.1)
    with pytest.raises(SourceError, match='more is None there and 1 now'):
        make(path, StubDetector(), more=1)


@pytest.mark.parametrize('content', [b'', b'no zip', b'PK\x03\x04' + bytes(60)])
def test_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'd.npz'
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r'd\.npz is no file of cached detections'):
        make(path, StubDetector())


def test_pickled_or_inconsistent_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'd.npz'
    np.savez(path, header=np.array([{'a': 1}], object))
    with pytest.raises(SourceError, match='no file of cached detections'):
        make(path, StubDetector())
    first = make(tmp_path / 'e.npz', StubDetector())
    first.detect([frame(3.0)])
    first.save()
    with np.load(tmp_path / 'e.npz') as file:
        parts = dict(file)
    np.savez(path, **{**parts, 'counts': np.array([2])})
    with pytest.raises(SourceError, match='do not fit together'):
        make(path, StubDetector())


def test_unknown_stamp_costs_the_frame() -> None:
    detector = RecordedDetections({1.0: Detections.empty()}, ('person',))
    assert detector.detect([frame(1.0)])[0].boxes.shape == (0, 4)
    with pytest.raises(FrameError, match=r'1\.000001'):
        detector.detect([frame(1.000001)])
