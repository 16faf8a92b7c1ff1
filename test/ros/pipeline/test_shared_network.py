# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What trackers of one process have in common, and how they take turns."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import numpy as np
import pytest

from mot_ros.ros.pipeline.engine import Engine
from mot_ros.ros.pipeline.shared_network import FairLock, SharedNetwork
from mot_ros.tracking.config import NodeSettings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.types import Detections, Frame
from test.tracking.scenes import detections, person

PATIENCE = 30.0


class Detector:
    """Finds a person where the frame says, and can be made to take its time."""

    class_names = ('person', 'car')

    def __init__(self):
        self.batches = []
        self.entered = threading.Semaphore(0)
        self.may_go = threading.Event()
        self.may_go.set()

    def detect(self, frames):
        self.batches.append(len(frames))
        self.entered.release()
        assert self.may_go.wait(PATIENCE)
        return [self._find(frame) for frame in frames]

    @staticmethod
    def _find(frame):
        if frame.image[0, 0, 0] == 255:
            raise RuntimeError('a blue corner')
        return detections([person(float(frame.image[0, 0, 1]), w=30, h=40, cy=30)])


class Maker:
    def __init__(self):
        self.made = []

    def __call__(self, settings):
        self.made.append(Detector())
        return self.made[-1]


def of(**values):
    return build(NodeSettings, {
        'method': 'sort', **{name.replace('__', '.'): value for name, value in values.items()}})


def engines(make, count, **values):
    sharing = SharedNetwork(make, make_tracker)
    return [Engine(of(**values), sharing.detector, sharing.tracker) for _ in range(count)]


def frame(place, stamp, broken=False):
    image = np.zeros((60, 200, 3), np.uint8)
    image[0, 0] = 255 if broken else 0, place, 0
    return Frame.of(image, stamp)


class Camera(threading.Thread):
    """Has an engine track one frame, and keeps what came of it."""

    def __init__(self, engine, given):
        super().__init__(daemon=True)
        self._engine, self._given = engine, given
        self.tracks = self.error = None
        self.start()

    def run(self):
        try:
            self.tracks = self._engine.tracker.update(self._given)
        except Exception as error:
            self.error = error


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def waiting(engine, count):
    until(lambda: len(engine.detector._shared.waiting) == count)


def ended(*cameras):
    for camera in cameras:
        camera.join(PATIENCE)
        assert not camera.is_alive()


def test_what_waits_while_the_network_is_busy_is_one_batch():
    make = Maker()
    a, b, c = engines(make, 3)
    detector, = make.made
    detector.may_go.clear()
    first = Camera(a, frame(30, 0.0))
    assert detector.entered.acquire(timeout=PATIENCE)
    others = [Camera(b, frame(60, 0.0)), Camera(c, frame(90, 0.0))]
    waiting(a, 3)
    detector.may_go.set()
    ended(first, *others)
    assert detector.batches == [1, 2], 'who was first waited for nobody'
    for camera, place in zip((first, *others), (30, 60, 90), strict=True):
        assert camera.error is None
        assert camera.tracks.boxes[0, 0] == place - 15
        assert camera.tracks.ids.tolist() == [1]
    waiting(a, 0)

    alone = Camera(b, frame(61, 0.1))
    ended(alone)
    assert detector.batches == [1, 2, 1]
    assert alone.tracks.ids.tolist() == [1]


def test_a_frame_that_fails_costs_nobody_else_anything():
    make = Maker()
    a, b, c = engines(make, 3)
    detector, = make.made
    detector.may_go.clear()
    first = Camera(a, frame(30, 0.0))
    assert detector.entered.acquire(timeout=PATIENCE)
    broken = Camera(b, frame(60, 0.0, broken=True))
    waiting(a, 2)
    third = Camera(c, frame(90, 0.0))
    waiting(a, 3)
    detector.may_go.set()
    ended(first, broken, third)
    assert detector.batches == [1, 2, 1, 1]
    assert str(broken.error) == 'a blue corner'
    assert first.tracks.ids.tolist() == third.tracks.ids.tolist() == [1]
    waiting(a, 0)


def test_frames_that_are_not_looked_into_are_in_no_batch():
    make = Maker()
    a, b = engines(make, 2, detect_every=2)
    detector, = make.made
    ended(Camera(b, frame(60, 0.0)))
    detector.may_go.clear()
    assert detector.entered.acquire(timeout=PATIENCE)
    first = Camera(a, frame(30, 0.0))
    assert detector.entered.acquire(timeout=PATIENCE)
    skipping = Camera(b, frame(61, 0.1))
    until(lambda: len(a.tracker._lock._queue) == 2)
    detector.may_go.set()
    ended(first, skipping)
    assert detector.batches == [1, 1]
    assert skipping.tracks.ids.tolist() == [1]


def test_turns_are_taken_in_the_order_of_coming():
    turns, order, threads = FairLock(), [], []

    def work(number):
        with turns.turn():
            order.append(number)

    with turns.turn():
        for number in range(20):
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            until(lambda: len(turns._queue) == number + 2)  # noqa: B023
        assert not order
    for thread in threads:
        thread.join(PATIENCE)
    assert order == list(range(20))


def test_a_turn_that_fails_ends():
    turns = FairLock()
    with pytest.raises(ZeroDivisionError), turns.turn():
        raise ZeroDivisionError
    with turns.turn():
        pass


def test_one_who_hangs_does_not_keep_others_from_being_refused(monkeypatch):
    monkeypatch.setattr('mot_ros.ros.pipeline.shared_network.PATIENCE', 0.1)
    make = Maker()
    sharing = SharedNetwork(make, make_tracker)
    first = Engine(of(), sharing.detector, sharing.tracker)
    make.made[0].may_go.clear()
    hanging = Camera(first, frame(30, 0.0))
    assert make.made[0].entered.acquire(timeout=PATIENCE)
    with pytest.raises(ConfigError, match='one of them may hang'):
        Engine(of(), sharing.detector, sharing.tracker)
    make.made[0].may_go.set()
    ended(hanging)
    second = Engine(of(), sharing.detector, sharing.tracker)
    ended(Camera(second, frame(60, 0.0)))
    assert make.made[0].batches == [1, 1]


def test_one_network_as_long_as_trackers_look_alike(tmp_path):
    import cv2

    mask = tmp_path / 'mask.png'
    cv2.imwrite(str(mask), np.full((6, 8), 255, np.uint8))
    make = Maker()
    sharing = SharedNetwork(make, make_tracker)
    made = [Engine(of(**values), sharing.detector, sharing.tracker) for values in (
        {}, {'id_prefix': 'left_'}, {'method': 'bytetrack'}, {'mask': str(mask)},
        {'roi__x': 20}, {'detector__class_scores': 'car=0.5'})]
    assert len(make.made) == 1
    shared = [engine.detector._shared for engine in made]
    assert shared[0] is shared[1] is shared[2]
    assert len(set(map(id, shared))) == 4

    for engine in made:
        assert engine.tracker.update(frame(10, 0.0)).ids.tolist() == [1]
    assert make.made[0].batches == [1] * len(made)

    other = Engine(of(detector__score_floor=0.3), sharing.detector, sharing.tracker)
    assert len(make.made) == 2
    assert other.detector._shared.detector is make.made[1]


def test_a_live_change_of_the_detector_is_of_one_tracker_only():
    make = Maker()
    a, b = engines(make, 2)
    b.configure(of(detector__nms_iou=0.4))
    assert len(make.made) == 2
    ended(Camera(a, frame(30, 0.0)), Camera(b, frame(60, 0.0)))
    assert make.made[0].batches == make.made[1].batches == [1]
    b.configure(of())
    assert len(make.made) == 2
    assert b.detector._shared is a.detector._shared


def test_a_network_that_nobody_uses_goes():
    make = Maker()
    sharing = SharedNetwork(make, make_tracker)
    engine = Engine(of(), sharing.detector, sharing.tracker)
    network = weakref.ref(make.made.pop())
    assert network() is not None
    del engine
    gc.collect()
    assert network() is None
    Engine(of(), sharing.detector, sharing.tracker)
    assert len(make.made) == 1


def test_nothing_found_is_an_answer_too():
    class Blind(Detector):
        def _find(self, frame):
            return Detections.empty()

    blind = Blind()
    sharing = SharedNetwork(lambda settings: blind, make_tracker)
    engine = Engine(of(), sharing.detector, sharing.tracker)
    assert len(engine.tracker.update(frame(30, 0.0))) == 0
    assert blind.batches == [1]
