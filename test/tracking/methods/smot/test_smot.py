# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SMOT on planted scenes: a network that sees what lies under each of its anchors."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors.ssd.raw_outputs import dense, RawDetections
from mot_ros.tracking.errors import ConfigError, FrameError
from mot_ros.tracking.methods.smot.tracker import Smot
from mot_ros.tracking.types import Detections, Frame, TrackState
from test.tracking.scenes import (
    BLANK,
    BLUE,
    detections,
    GREEN,
    painted,
    person,
    RED,
    ScriptedDetector,
    SIZE,
    watch,
)

HERE = person(300)
C, L = TrackState.CONFIRMED, TrackState.LOST
PLAIN = {'motion': 'none', 'link': False, 'search': 0.0, 'anchors': 3}
NOBODY = Detections.empty()


def anchor_grid(step=10, shapes=((40, 100), (60, 60))):
    y, x = np.mgrid[step / 2:SIZE[1]:step, step / 2:SIZE[0]:step]
    centre = np.stack([x.ravel(), y.ravel()], axis=1)
    return np.concatenate([
        np.concatenate([centre - np.array(shape) / 2, centre + np.array(shape) / 2], axis=1)
        for shape in shapes]).astype(np.float32)


class PlantedNetwork:
    """
    Sees the objects in `next` with each anchor that covers half of one, or nearly.

    Anchors give the box of the object that they overlap most, with its score times how much
    (1 from an IoU of .5 on). What is above `floor` is also detected.
    """

    class_names = ('person', 'car')

    def __init__(self, floor=0.5):
        self.anchors = anchor_grid()
        self.next, self.floor, self.runs = NOBODY, floor, 0

    def detect(self, frames):
        raise AssertionError('the network must run once')

    def detect_densely(self, frames):
        self.runs += 1
        seen = self.next
        scores = np.zeros((len(self.anchors), 2), np.float32)
        boxes = self.anchors.copy()
        if len(seen):
            table = iou(self.anchors, seen.boxes)
            boxes = np.where(
                (table.max(axis=1) > 0.2)[:, None], seen.boxes[table.argmax(axis=1)], boxes)
            for label in (0, 1):
                of_class = (seen.labels == label) * seen.scores
                scores[:, label] = (np.minimum(2 * table, 1) * of_class).max(axis=1)
        return [seen[seen.scores >= self.floor]], RawDetections(
            torch.from_numpy(scores)[None], torch.arange(2), torch.from_numpy(boxes)[None],
            torch.from_numpy(self.anchors)[None])


def settings_of(**values):
    return build(Settings, {
        'method': 'smot', **{f'smot.{name}': value for name, value in {
            **PLAIN, 'new_track_thresh': 0.7, 'keep': 0.3, 'resume': 0.3, **values}.items()}})


def run(script, rate=10.0, tracker=None, detector=None, start=0.0, **values):
    """Track a script of Detections; return the list of Tracks."""
    detector = detector or PlantedNetwork()
    tracker = tracker or Smot(detector, settings_of(**values))
    results = []
    for number, seen in enumerate(script):
        detector.next = seen
        results.append(tracker.update(Frame(BLANK, start + number / rate, SIZE)))
    return results


def states(results):
    return [tracks.states.tolist() for tracks in results]


def test_a_track_goes_on_where_nothing_is_detected_any_more():
    """Scores of .35 are no detections, and enough for a track."""
    results = run([detections([HERE])] + [detections([HERE], 0.35)] * 5)
    assert [tracks.ids.tolist() for tracks in results] == [[1]] * 6
    assert results[-1].scores[0] == pytest.approx(0.35, abs=0.02)
    np.testing.assert_allclose(results[-1].boxes[0], HERE, atol=0.5)
    assert [tracks.sources[0] for tracks in results] == [0] + [-1] * 5


def test_the_network_runs_once_per_frame():
    detector = PlantedNetwork()
    run([detections([HERE])] * 4, detector=detector)
    assert detector.runs == 4


@pytest.mark.parametrize('score, born', [(0.7, True), (0.6999, False)])
def test_the_birth_threshold_counts_itself_in(score, born):
    assert len(run([detections([HERE], score)])[0]) == born


@pytest.mark.parametrize('score, kept', [(0.31, True), (0.29, False)])
def test_the_keep_threshold_ends_a_track(score, kept):
    assert len(run([detections([HERE]), detections([HERE], score)])[-1]) == kept


def test_a_detection_on_a_track_starts_none_and_one_beside_it_does():
    # IoU of boxes 40 wide that are x apart: (40 - x) / (40 + x); .3 is at 21.5
    for gap, count in ((20, 1), (23, 2)):
        seen = detections([HERE, person(300 + gap)])
        first = detections([HERE])
        results = run([first, seen], anchors=1, nms_iou=1.0)
        assert len(results[-1]) == count, gap


def test_a_lost_track_suppresses_no_birth():
    results = run([detections([HERE]), NOBODY, detections([HERE])], search=0.0)
    assert [tracks.ids.tolist() for tracks in results] == [[1], [], [2]]


def test_classes_do_not_see_each_other():
    here = detections([HERE, HERE], labels=[0, 1])
    results = run([here] * 3)
    assert [tracks.ids.tolist() for tracks in results] == [[1, 2]] * 3
    assert results[-1].labels.tolist() == [0, 1]
    # the car goes: it is not kept alive by the person in its place
    gone = run([here, detections([HERE], labels=[0])])
    assert gone[-1].labels.tolist() == [0]
    # without regard to classes one stands for both
    assert len(run([here] * 2, class_aware=False)[-1]) == 1


def test_of_two_tracks_in_one_place_the_weaker_goes():
    apart = detections([HERE, person(340)], [0.9, 0.8])
    together = detections([person(320)], 0.9)
    results = run([apart, together], keep=0.1, resume=0.1, anchors=1)
    assert len(results[-1]) == 1


@pytest.mark.parametrize('pause, back', [(3, True), (5, True), (6, False)])
def test_a_missing_track_is_searched_in_its_place_for_so_long(pause, back):
    script = [detections([HERE])] * 3 + [NOBODY] * pause + [detections([HERE], 0.4)] * 2
    results = run(script, search=0.6)
    shown = [tracks.observed.ids.tolist() for tracks in results]
    assert shown[-1] == ([1] if back else [])
    assert states(results)[3] == [L]
    assert len(results[3 + pause]) == back


def test_the_papers_missing_tracks_are_never_searched_again():
    script = [detections([HERE]), NOBODY, detections([HERE], 0.5)]
    assert [len(tracks) for tracks in run(script, search=0.0)] == [1, 0, 0]


def test_a_missing_track_needs_more_to_come_back_if_resume_says_so():
    script = [detections([HERE]), NOBODY, detections([HERE], 0.4), detections([HERE], 0.6)]
    results = run(script, search=1.0, resume=0.5)
    assert states(results) == [[C], [L], [L], [C]]


def test_a_track_that_is_there_comes_before_one_that_was_missing():
    """B walks onto the place where A vanished: A does not come back out of B."""
    script = [detections([HERE, person(420)]), detections([person(420)])]
    script += [detections([person(420 - 10 * step)]) for step in range(1, 13)]
    results = run(script, search=3.0, motion='velocity')
    assert [tracks.observed.ids.tolist() for tracks in results[1:]] == [[2]] * 13


@pytest.mark.parametrize('motion, held', [('none', False), ('velocity', True)])
def test_at_the_speed_they_had_tracks_hold_shifts_that_anchors_alone_do_not(motion, held):
    """A person 40 px wide starts to walk, up to 30 px per frame."""
    places = np.cumsum([0, 5, 10, 15, 20, 25, *[30] * 8]) + 200
    results = run(
        [detections([person(x)]) for x in places], motion=motion, keep=0.8, resume=0.8)
    assert (results[-1].ids.tolist() == [1]) == held


def test_flow_holds_such_shifts_from_the_first_frame_on():
    """The camera pans by 24 px a frame, more than half of the width of a person."""
    random = np.random.default_rng(0)
    ground = cv2.resize(random.integers(0, 256, (30, 50, 3), np.uint8), SIZE)
    film = [
        (np.roll(ground, 24 * step, axis=1), detections([person(200 + 24 * step)]))
        for step in range(6)]
    ids = {}
    for motion in ('none', 'farneback'):
        detector = PlantedNetwork()
        tracker = Smot(
            detector, settings_of(motion=motion, flow_size=512, keep=0.7, resume=0.7))
        assert tracker.needs_image == (motion == 'farneback')
        ids[motion] = [tracks.ids.tolist() for tracks in watch(tracker, detector, film)]
    assert ids['farneback'] == [[1]] * 6
    assert ids['none'][-1] != [1]


class PlantedFlow:
    """A learned flow as a user may bring it: everything moves by a tenth of the width."""

    def prepare(self, frame):
        return frame

    def between(self, last, now):
        return np.full((5, 10, 2), (1, 0), np.float32)


def test_a_flow_of_ones_own_takes_the_place_of_that_of_the_settings():
    detector = PlantedNetwork()
    tracker = Smot(detector, settings_of(motion='none'), 7, PlantedFlow())
    script = [detections([person(200 + 100 * step)]) for step in range(4)]
    results = run(script, tracker=tracker, detector=detector)
    assert tracker.needs_image
    assert [tracks.ids.tolist() for tracks in results] == [[7]] * 4


# linking

def story(second, colour, pause=10):
    """Show a person in red for 5 frames, nobody for a while, then somebody elsewhere."""
    first = [(painted([(HERE, RED)]), detections([HERE]))] * 5
    away = [(BLANK, NOBODY)] * pause
    return first + away + [(painted([(second, colour)]), detections([second]))] * 3


def linked(film_, rate=10.0, **values):
    detector = PlantedNetwork()
    tracker = Smot(detector, settings_of(**{
        'link': True, 'link_distance': 0.75, 'link_speed': 2.0, **values}))
    results = watch(tracker, detector, film_, rate)
    return [tracks.observed.ids.tolist() for tracks in results], tracker, results


def test_a_new_tracklet_of_similar_embedding_takes_the_ended_id():
    shown, tracker, results = linked(story(person(450), RED))
    assert shown[-3:] == [[1]] * 3
    assert tracker.next_id == 2
    # an ended track is remembered, and not given out
    assert [len(tracks) for tracks in results[5:15]] == [0] * 10
    np.testing.assert_allclose(results[-1].boxes[0], person(450), atol=0.5)


@pytest.mark.parametrize('what, changes', [
    ('another colour', {'colour': BLUE}), ('too far', {'second': person(620)}),
    ('forgotten', {'link_memory': 0.5}), ('not asked for', {'link': False})])
def test_otherwise_it_gets_an_id_of_its_own(what, changes):
    scene = {'second': person(450), 'colour': RED}
    scene |= {name: changes.pop(name) for name in list(changes) if name in scene}
    shown, _, _ = linked(story(**scene), **changes)
    assert shown[-3:] == [[2]] * 3, what


def test_with_any_speed_allowed_it_may_be_anywhere():
    assert linked(story(person(900), RED), link_speed=0.0)[0][-1] == [1]


def test_active_identities_are_not_linked():
    twins = [person(300), person(500)]
    film_ = [(painted([(box, RED) for box in twins[:n]]), detections(twins[:n]))
             for n in (1, 1, 2, 2)]
    assert linked(film_)[0] == [[1], [1], [1, 2], [1, 2]]


def test_classes_are_not_linked():
    film_ = story(person(450), RED)
    film_ = [(image, Detections(seen.boxes, seen.scores, seen.labels + (number > 10)))
             for number, (image, seen) in enumerate(film_)]
    assert linked(film_)[0][-1] == [2]


def test_embeddings_are_computed_at_the_start_and_seldom_after(monkeypatch):
    asked = []
    detector = PlantedNetwork()
    tracker = Smot(detector, settings_of(link=True, embed_every=4))
    whole = tracker._embedder.embed
    monkeypatch.setattr(
        type(tracker._embedder), 'embed',
        lambda self, frame, boxes: asked.append(len(boxes)) or whole(frame, boxes))
    people = [person(100 * n) for n in range(1, 9)]
    watch(tracker, detector, [
        (painted([(box, GREEN) for box in people]), detections(people))] * 9)
    assert asked[0] == 8
    # two of eight in each frame
    assert asked[1:] == [2] * 8


def test_memory_is_bounded():
    """People who appear for one frame each, in places and colours of their own."""
    random = np.random.default_rng(0)
    detector = PlantedNetwork()
    tracker = Smot(detector, settings_of(link=True, link_most=20, link_distance=0.0))
    for number in range(150):
        box = person(*random.uniform((50, 80), (950, 520)))
        detector.next = detections([box])
        colour = tuple(random.integers(0, 256, 3).tolist())
        tracker.update(Frame(painted([(box, colour)]), number / 10, SIZE))
    assert tracker.next_id > 100
    assert len(tracker._tracks) <= 21 and len(tracker._linker) == len(tracker._tracks)
    tracker.reset()
    assert len(tracker._linker) == 0


# lives in general

def test_a_reset_gives_the_same_again_and_can_keep_ids():
    script = [detections([person(200 + 4 * n), person(600 - 4 * n)]) for n in range(6)]
    detector = PlantedNetwork()
    tracker = Smot(detector, settings_of(motion='velocity', link=True, search=1.0))
    first = run(script, tracker=tracker, detector=detector)
    tracker.reset()
    again = run(script, tracker=tracker, detector=detector)
    for a, b in zip(first, again, strict=True):
        assert all((x == y).all() for x, y in zip(
            a.columns().values(), b.columns().values(), strict=True))
    tracker.reset(keep_ids=True)
    assert run(script, tracker=tracker, detector=detector)[0].ids.tolist() == [3, 4]


def test_two_trackers_do_not_know_each_other():
    script = [detections([HERE])] * 3
    assert run(script)[-1].ids.tolist() == run(script)[-1].ids.tolist() == [1]


def test_between_detections_tracks_move_and_keep_their_states():
    detector = PlantedNetwork()
    tracker = Smot(detector, settings_of(motion='velocity'))
    run([detections([person(200 + 10 * n)]) for n in range(4)], tracker=tracker,
        detector=detector)
    moved = tracker.propagate(Frame(BLANK, 0.4, SIZE))
    assert moved.states.tolist() == [C]
    assert moved.boxes[0, 0] == pytest.approx(person(240)[0], abs=3)
    assert moved.unseen[0] == pytest.approx(0.1) and moved.sources.tolist() == [-1]


def test_a_frame_that_the_detector_refuses_changes_nothing():
    detector = PlantedNetwork()
    tracker = Smot(detector, settings_of())
    run([detections([HERE])], tracker=tracker, detector=detector)
    usual = detector.detect_densely
    detector.detect_densely = lambda frames: (_ for _ in ()).throw(FrameError('no image'))
    with pytest.raises(FrameError):
        tracker.update(Frame(BLANK, 0.1, SIZE))
    detector.detect_densely = usual
    after = tracker.update(Frame(BLANK, 0.2, SIZE))
    assert after.ids.tolist() == [1] and after.ages[0] == pytest.approx(0.2)


def test_an_image_of_another_size_has_its_own_anchors():
    detector = PlantedNetwork()
    tracker = Smot(detector, settings_of())
    run([detections([HERE])] * 2, tracker=tracker, detector=detector)
    detector.anchors = detector.anchors / 2
    detector.next = detections([np.array(HERE) / 2])
    tracker.reset(keep_ids=True)
    small = Frame(BLANK[:300, :500], 1.0, (500, 300))
    tracker.update(small)
    assert tracker.update(Frame(BLANK[:300, :500], 1.1, (500, 300))).ids.tolist() == [2]


def test_settings_change_while_tracks_live_on():
    detector = PlantedNetwork()
    tracker = Smot(detector, settings_of())
    run([detections([HERE])], tracker=tracker, detector=detector)
    tracker.configure(settings_of(motion='dis', link=True, new_track_thresh=0.95), detector)
    assert tracker.needs_image
    # the looks of the old track are learnt from now on
    results = run([detections([HERE, person(600)])] * 5, tracker=tracker, detector=detector,
                  start=0.1)
    assert results[-1].ids.tolist() == [1]
    tracker.configure(settings_of(motion='velocity'), detector)
    assert run([detections([HERE])], tracker=tracker, detector=detector, start=1.0)[
        -1].ids.tolist() == [2]


def test_a_detector_that_cannot_be_asked_is_refused_and_nothing_changes():
    with pytest.raises(ConfigError, match='method smot needs the raw outputs'):
        Smot(ScriptedDetector(), settings_of())
    detector = PlantedNetwork()
    tracker = Smot(detector, settings_of())
    with pytest.raises(ConfigError):
        tracker.configure(settings_of(link=True), ScriptedDetector())
    assert not tracker.needs_image
    assert dense(detector, 'a test') is detector


def test_thresholds_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigError, match=r'smot\.resume is 0\.2 and smot\.keep 0\.3'):
        settings_of(resume=0.2)


@pytest.mark.parametrize('preset, values', [
    ('SMOT_PAPER', {'new_track_thresh': 0.9, 'keep': 0.4, 'search': 0.0}),
    ('SMOT_CODE', {'new_track_thresh': 0.5, 'keep': 0.1, 'link': False})])
def test_presets_are_valid_settings(preset, values):
    from mot_ros.tracking.config.methods import smot

    made = build(Settings, dict(getattr(smot, preset))).smot
    made.check('smot')
    assert {name: getattr(made, name) for name in values} == values
