# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What every method promises, whatever its way of matching."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from mot_ros.tracking.config import BOX_METHODS, Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.types import Detections, Frame, TrackState
from test.tracking.scenes import (
    BLANK,
    detections,
    feed,
    person,
    random_script,
    run,
    ScriptedDetector,
)

every_method = pytest.mark.parametrize('method', BOX_METHODS)


def maker(method, **values):
    named = {f'{method}.{name}': value for name, value in values.items()}
    chosen = build(Settings, {'method': method, **named})
    return lambda detector: make_tracker(chosen, detector)


def as_bytes(results):
    return b''.join(
        column.tobytes() for tracks in results for column in tracks.columns().values())


def assert_sound(tracks, known):
    """Check what must hold of the output of every frame, whatever came in."""
    n = len(tracks)
    for name, column in tracks.columns().items():
        assert len(column) == n, name
        assert np.isfinite(column).all(), name
    assert (tracks.boxes[:, 2:] > tracks.boxes[:, :2]).all()
    assert ((tracks.scores >= 0) & (tracks.scores <= 1)).all()
    assert len(set(tracks.ids.tolist())) == n
    assert (tracks.ids >= 1).all()
    assert (tracks.unseen >= 0).all()
    assert (tracks.ages >= tracks.unseen).all()
    matched = tracks.sources[tracks.sources >= 0]
    assert len(set(matched.tolist())) == len(matched)
    assert ((tracks.sources >= 0) == (tracks.states != TrackState.LOST)).all()
    # an id that was away from the list never comes back to it
    gone, before = known
    now = set(tracks.ids.tolist())
    assert not now & gone
    gone |= before - now
    assert all(i > max(before | gone, default=0) for i in now - before)
    before.clear()
    before.update(now)


@every_method
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10 ** 6), rate=st.sampled_from([3.0, 10.0, 30.0]))
def test_output_is_sound_on_random_scenes(method, seed, rate):
    known = (set(), set())
    script = random_script(np.random.default_rng(seed))
    for tracks in run(maker(method), script, rate):
        assert_sound(tracks, known)


@every_method
def test_a_walking_person_keeps_one_id_at_any_frame_rate(method):
    for rate in (30.0, 10.0, 5.0):
        frames = int(5 * rate)
        script = [detections([person(100 + 100 * i / rate)]) for i in range(frames)]
        results = run(maker(method), script, rate)
        ids = [t.observed.ids.tolist() for t in results]
        # 100 pixels/s at 5 Hz is half a body per frame: still one id
        assert {i for row in ids for i in row} == {1}
        assert ids[-1] == [1]
        assert results[-1].velocities[0] == pytest.approx([100, 0], abs=8)
        assert results[-1].ages[0] == pytest.approx((frames - 1) / rate, abs=1e-4)


@every_method
def test_boxes_follow_the_detections_and_name_their_source(method):
    script = [detections([person(700), person(200 + 3 * i)], [0.8, 0.9]) for i in range(20)]
    last = run(maker(method), script)[-1]
    assert last.boxes == pytest.approx(np.array([person(700), person(257)]), abs=3)
    assert last.sources.tolist() == [0, 1]
    assert last.scores == pytest.approx([0.8, 0.9])


@every_method
def test_tracks_age_on_empty_frames_and_die(method):
    script = [detections([person(300)])] * 5 + [Detections.empty()] * 200
    results = run(maker(method), script)
    assert len(results[5]) == 1
    assert results[5].states.tolist() == [TrackState.LOST]
    assert results[5].unseen[0] == pytest.approx(1 / 30, abs=1e-6)
    assert len(results[-1]) == 0
    assert all(len(t.observed) == 0 for t in results[5:])


@every_method
def test_ids_restart_only_at_a_full_reset(method):
    detector = ScriptedDetector()
    tracker = maker(method)(detector)
    script = [detections([person(300), person(600)])] * 6
    first = feed(tracker, detector, script)
    assert first[-1].ids.tolist() == [1, 2]
    tracker.reset(keep_ids=True)
    assert feed(tracker, detector, script, start=50.0)[-1].ids.tolist() == [3, 4]
    tracker.reset()
    assert feed(tracker, detector, script, start=10.0)[-1].ids.tolist() == [1, 2]


@every_method
def test_after_a_reset_the_same_input_gives_the_same_bytes(method):
    script = random_script(np.random.default_rng(3), frames=80)
    detector = ScriptedDetector()
    tracker = maker(method)(detector)
    first = as_bytes(feed(tracker, detector, script))
    tracker.reset()
    assert as_bytes(feed(tracker, detector, script)) == first
    assert as_bytes(run(maker(method), script)) == first


@every_method
def test_two_trackers_do_not_know_of_each_other(method):
    script = random_script(np.random.default_rng(4), frames=30)
    alone = as_bytes(run(maker(method), script))
    one, other = ScriptedDetector(), ScriptedDetector()
    mine, theirs = maker(method)(one), maker(method)(other)
    results = []
    for number, seen in enumerate(script):
        one.next, other.next = seen, detections([person(10 * number), person(800)])
        results += feed(mine, one, [seen], start=number / 30)
        feed(theirs, other, [other.next], start=number / 30)
    assert as_bytes(results) == alone


@every_method
def test_a_result_stays_as_it_was_when_the_tracker_goes_on(method):
    detector = ScriptedDetector()
    tracker = maker(method)(detector)
    script = [detections([person(300 + 5 * i), person(700)]) for i in range(10)]
    early = feed(tracker, detector, script[:5])[-1]
    before = as_bytes([early])
    feed(tracker, detector, script[5:], start=5 / 30)
    assert as_bytes([early]) == before


@every_method
def test_classes_do_not_mix_unless_asked_to(method):
    script = [detections([person(300), person(305)], 0.9, [0, 1])] * 10
    assert run(maker(method), script)[-1].labels.tolist() == [0, 1]
    flipping = [detections([person(300)], 0.9, int(i % 4 == 3)) for i in range(20)]
    mixed = run(maker(method, class_aware=False), flipping)
    assert {i for t in mixed for i in t.ids.tolist()} == {1}
    # one frame in four says otherwise: the majority holds
    assert {label for t in mixed for label in t.labels.tolist()} == {0}
    apart = run(maker(method, class_aware=True), flipping)
    assert len({i for t in apart for i in t.ids.tolist()}) > 1


@every_method
def test_a_class_changes_when_the_evidence_for_another_outweighs_it(method):
    script = [detections([person(300)], 0.9, 0)] * 3 + [detections([person(300)], 0.9, 1)] * 6
    labels = [t.labels[0] for t in run(maker(method, class_aware=False), script)]
    assert labels[:5] == [0] * 5
    assert labels[-1] == 1


@every_method
def test_memory_is_that_of_the_living(method):
    """A thousand objects come and go; nothing of the dead remains."""
    rng = np.random.default_rng(5)
    script = [detections([person(*rng.uniform([0, 0], [1000, 600]))]) for _ in range(1000)]
    results = run(maker(method), script)
    assert max(len(t) for t in results) < 60
    assert results[-1].ids.max() > 300


@every_method
def test_the_id_counter_passes_two_to_the_thirty_first(method):
    detector = ScriptedDetector()
    tracker = maker(method)(detector)
    tracker._method._tracks._next_id = 2 ** 31 - 1
    script = [detections([person(300), person(600)])] * 5
    assert feed(tracker, detector, script)[-1].ids.tolist() == [2 ** 31 - 1, 2 ** 31]


@every_method
def test_unix_stamps_are_exact_enough(method):
    """Seconds since 1970 leave 0.2 microseconds of a float: speed must not suffer."""
    script = [detections([person(100 + 3 * i)]) for i in range(60)]
    early, late = (run(maker(method), script, start=start)[-1] for start in (0.0, 1.8e9))
    assert late.ids.tolist() == early.ids.tolist() == [1]
    assert late.velocities[0] == pytest.approx(early.velocities[0], abs=0.01)
    assert late.boxes[0] == pytest.approx(early.boxes[0], abs=0.01)


@every_method
def test_a_frame_of_another_size_is_no_concern_of_the_tracker(method):
    detector = ScriptedDetector()
    tracker = maker(method)(detector)
    detector.next = detections([person(300)])
    tracker.update(Frame.of(BLANK, 0.0))
    assert len(tracker.update(Frame.of(BLANK[:300, :500], 0.1))) == 1
