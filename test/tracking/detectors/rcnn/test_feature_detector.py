# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The methods that look at images, with the weights that they come with, on drawn people."""

import numpy as np
import pytest

from mot_ros.data.synthetic.figures import draw_figures
from mot_ros.data.synthetic.scene import Crowd, CrowdScene, frames
from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import IMAGE_METHODS, Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.errors import FrameError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.types import Frame
from test.tracking.methods.test_methods import as_bytes, assert_sound

every_method = pytest.mark.parametrize('method', IMAGE_METHODS)


@pytest.fixture(scope='module')
def walk():
    """Images of drawn people who walk about, with the truth."""
    crowd = Crowd(size=(480, 360), people=4, obstacles=0, heights=(.3, .45))
    return list(frames(CrowdScene(draw_figures(8), (), crowd, seed=3), fps=10, count=14))


@pytest.fixture(scope='module')
def detectors():
    """Return the detector of each method, loaded once."""
    return {}


def tracker_of(method, detectors, **more):
    settings = build(Settings, {
        'method': method, 'device': 'cpu', 'rcnn.short_side': 360, 'rcnn.long_side': 480,
        'detector.width': 480, 'detector.height': 352, 'smot.new_track_thresh': 0.5, **more})
    kind = settings.detector_type
    if kind not in detectors:
        detectors[kind] = make_detector(settings)
    return make_tracker(settings, detectors[kind])


@every_method
def test_people_are_found_and_keep_their_ids(method, walk, detectors):
    tracker = tracker_of(method, detectors)
    known, pairs, seen = (set(), set()), [], 0
    for frame, truth in walk:
        tracks = tracker.update(frame)
        assert_sound(tracks, known)
        clear = truth.seen(0.7)
        overlaps = iou(tracks.observed.boxes, clear.boxes.astype(np.float32))
        rows, columns = np.nonzero(overlaps > 0.5)
        pairs += list(zip(clear.ids[columns].tolist(), tracks.observed.ids[rows].tolist(),
                          strict=True))
        seen += len(clear)
    assert len(pairs) > 0.6 * seen, 'people are found'
    # whoever is found most of the time has one id for most of it
    for person in {person for person, _ in pairs}:
        ids = [name for who, name in pairs if who == person]
        if len(ids) >= 10:
            assert max(ids.count(name) for name in set(ids)) > 0.7 * len(ids)


@every_method
def test_the_same_images_give_the_same_tracks(method, walk, detectors):
    one, other = tracker_of(method, detectors), tracker_of(method, detectors)
    images = [frame for frame, _ in walk[:6]]
    first = []
    for frame in images:
        first.append(one.update(frame))
        # two trackers in one process leave each other alone
        other.update(Frame.of(frame.image[:, ::-1].copy(), frame.stamp))
    one.reset()
    assert as_bytes([one.update(frame) for frame in images]) == as_bytes(first)
    one.reset(keep_ids=True)
    highest = max(int(tracks.ids.max(initial=0)) for tracks in first)
    assert one.update(images[0]).ids.min() > highest, 'ids go on'


@every_method
def test_between_two_looks_nothing_is_lost(method, walk, detectors):
    tracker = tracker_of(method, detectors, detect_every=3)
    results = [tracker.update(frame) for frame, _ in walk[:9]]
    for number, tracks in enumerate(results):
        assert tracks.ids.tolist() == results[number // 3 * 3].ids.tolist()


@every_method
@pytest.mark.parametrize('every', [1, 3])
def test_a_frame_that_cannot_be_used_changes_nothing(method, every, walk, detectors):
    one, other = (tracker_of(method, detectors, detect_every=every) for _ in range(2))
    images = [frame for frame, _ in walk[:5]]
    disturbed = []
    for frame in images:
        disturbed.append(one.update(frame))
        with pytest.raises(FrameError, match='8-bit'):
            one.update(Frame.of(frame.image.astype(np.float32), frame.stamp + 0.05))
    assert as_bytes(disturbed) == as_bytes([other.update(frame) for frame in images])


@every_method
def test_nothing_to_see_and_no_image(method, detectors):
    tracker = tracker_of(method, detectors)
    assert tracker.needs_image
    blank = np.zeros((360, 480, 3), np.uint8)
    for number in range(3):
        assert len(tracker.update(Frame.of(blank, number / 10)).observed) == 0
    with pytest.raises(FrameError, match='no image'):
        tracker.update(Frame(None, 0.5, (480, 360)))
    assert len(tracker.update(Frame.of(blank, 0.6))) == 0
