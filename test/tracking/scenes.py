# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Planted scenes for the tests of the methods: boxes with known ids, and a detector for them."""

from collections.abc import Sequence

import numpy as np

from mot_ros.tracking.types import Detections, Frame

SIZE = (1000, 600)
BLANK = np.full((SIZE[1], SIZE[0], 3), 127, np.uint8)


class ScriptedDetector:
    """Gives out what was planted, frame by frame, whatever the image."""

    class_names = ('person', 'car')

    def __init__(self):
        self.next = Detections.empty()

    def detect(self, frames: Sequence[Frame]):
        return [self.next for _ in frames]


def detections(boxes, scores=0.9, labels=0):
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    return Detections(
        boxes, np.broadcast_to(np.float32(scores), len(boxes)).copy(),
        np.broadcast_to(np.int64(labels), len(boxes)).copy())


def run(make, script, rate=30.0, start=0.0):
    """Update a new tracker with each Detections of a script; return the list of Tracks."""
    detector = ScriptedDetector()
    tracker = make(detector)
    return feed(tracker, detector, script, rate, start)


def feed(tracker, detector, script, rate=30.0, start=0.0):
    results = []
    for number, seen in enumerate(script):
        detector.next = seen
        results.append(tracker.update(Frame(BLANK, start + number / rate, SIZE)))
    return results


def person(cx, cy=300.0, w=40.0, h=100.0):
    return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]


def random_script(rng, frames=40, most=6, classes=2, least_score=0.05):
    """Objects that come, move, vanish for a while, and false alarms between them."""
    centres = rng.uniform([50, 50], [950, 550], (most, 2))
    speeds = rng.normal(0, 4, (most, 2))
    script = []
    for _ in range(frames):
        centres = centres + speeds
        shown = rng.random(most) < 0.8
        boxes = [person(*c) for c in centres[shown]]
        boxes += [person(*rng.uniform([0, 0], SIZE)) for _ in range(rng.integers(0, 3))]
        scores = rng.uniform(least_score, 1.0, len(boxes))
        script.append(detections(np.array(boxes).reshape(-1, 4), scores,
                                 rng.integers(0, classes, len(boxes))))
    return script


RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)


def painted(people, ground=BLANK):
    """Return an image with each box (x1, y1, x2, y2) filled with its colour, the last in front."""
    image = ground.copy()
    for box, colour in people:
        x1, y1, x2, y2 = (max(round(value), 0) for value in box)
        image[y1:y2, x1:x2] = colour
    return image


def watch(tracker, detector, film, rate=30.0, start=0.0):
    """Update a tracker with each (image, Detections) of a film; return the list of Tracks."""
    results = []
    for number, (image, seen) in enumerate(film):
        detector.next = seen
        results.append(tracker.update(Frame.of(image, start + number / rate)))
    return results
