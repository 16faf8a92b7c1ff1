# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SiamMOT's engine, end to end over networks that know the truth, defect by defect."""

import dataclasses
from unittest import mock

import numpy as np
import pytest
import torch

from mot_ros.tracking.boxes import iou
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.methods.siammot import SIAMMOT_CODE, SIAMMOT_PAPER, SIAMMOT_PRESETS
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.errors import ConfigError, FrameError, WeightsError
from mot_ros.tracking.methods.siammot.tracker import SiamMot
from mot_ros.tracking.types import Detections, Frame, TrackState, UNKNOWN_SIZE
from test.tracking.oracle import (
    follow,
    GivenDetector,
    Objects,
    oracle_beside,
    OracleDetector,
    RATE,
    SEEN,
    who,
)
from test.tracking.region_settings import CODE, settings_of
from test.tracking.scenes import BLANK, person, SIZE

C, L = TrackState.CONFIRMED, TrackState.LOST


def tracker_of(scene, first_id=1, **changes):
    return SiamMot(OracleDetector(scene), settings_of(**{**CODE, **changes}), first_id)


def moving(speed, start=100.0, **more):
    """Return a scene of one person that goes right by `speed` pixels per frame."""
    return lambda number: Objects([person(start + speed * number)], [7], **more)


def states(results):
    return [dict(zip(t.ids.tolist(), t.states.tolist(), strict=True)) for t in results]


def crossing(number):
    """Two people who go through each other, in frames 20 to 30, and come out again."""
    return Objects([person(200 + 8 * number), person(600 - 8 * number)], [7, 8])


def test_one_who_walks_is_one_track():
    results = follow(tracker_of(moving(5)), 30)
    assert states(results) == [{1: C}] * 30
    assert results[-1].boxes[0] == pytest.approx(person(100 + 5 * 29), abs=0.01)
    assert results[-1].velocities[0] == pytest.approx([5 * RATE, 0], abs=0.5)
    assert results[-1].scores[0] == pytest.approx((0.9 + SEEN) / 2), 'box head and visibility'
    assert results[-1].visibilities[0] == pytest.approx(SEEN)
    assert results[-1].sources.tolist() == [0], 'the detection that the track suppressed'


def test_people_who_cross_keep_their_ids_with_memory_and_lose_them_without():
    results = follow(tracker_of(crossing), 60)
    assert who(results[0], crossing(0)) == {7: 1, 8: 2}
    assert who(results[-1], crossing(59)) == {7: 1, 8: 2}
    assert L in results[25].states, 'in between one of two boxes in one place is suppressed'
    # it is gone at once, and comes out as somebody else
    forgetful = follow(tracker_of(crossing, tau=1), 60)
    assert 3 in who(forgetful[-1], crossing(59)).values()


@pytest.mark.parametrize('tau, hidden, expected', [
    (30, 29, 1), (30, 30, 2), (1, 1, 2), (3, 2, 1), (3, 3, 2)])
def test_one_who_is_hidden_is_looked_for_tau_frames(tau, hidden, expected):
    def scene(number):
        return Objects([person(300)], [7], visible=[not 5 <= number < 5 + hidden])

    results = follow(tracker_of(scene, tau=tau), 5 + hidden + 1)
    assert results[-1].observed.ids.tolist() == [expected]


def test_a_duration_takes_the_place_of_tau():
    def scene(number):
        return Objects([person(300)], [7], visible=[number < 5])

    results = follow(tracker_of(scene, tau=1, dormant_time=0.5), 30)
    # seen last in frame 4, so given up in frame 19, half a second later
    assert [len(t) for t in results] == [1] * 19 + [0] * 11


@pytest.mark.parametrize('reach, expected', [(0.0, 2), (1.0, 1)])
def test_one_who_comes_out_beside_where_he_should_is_the_same_if_he_may_be(reach, expected):
    def scene(number):
        return Objects(
            [person(300 if number < 10 else 390)], [7], visible=[not 5 <= number < 10])

    results = follow(tracker_of(scene, reactivation_distance=reach), 14)
    assert results[-1].observed.ids.tolist() == [expected]
    assert results[-1].observed.boxes[0] == pytest.approx(person(390), abs=0.01)
    assert results[10].observed.visibilities[0] == 1, 'the detector saw him, not the search'


def test_counters_advance_when_there_is_nothing_at_all():
    """Defect 4: the published solver returns early from an empty list."""
    def scene(number):
        gone = number >= 5
        return Objects([person(300)] * (not gone), [7] * (not gone))

    results = follow(tracker_of(scene, tau=10), 20)
    assert [len(t) for t in results] == [1] * 14 + [0] * 6


def test_visibility_goes_to_the_track_that_it_is_of():
    """Defect 1 and appendix A.4: the published box head groups its results by class."""
    def scene(number):
        return Objects(
            [person(200), person(400), person(600)], [7, 8, 9], labels=[1, 0, 1])

    tracker = tracker_of(scene)
    follow(tracker, 2)
    told = {1: 0.9, 2: 0.5, 3: 0.1}
    search = tracker._memory.search_tracks

    def spoken(*args, **more):
        return search(*args, **more)._replace(visibilities=np.array(
            [told[identity] for identity in sorted(told)], np.float32))

    tracker._memory.search_tracks = spoken
    result = follow(tracker, 3, 2)[0]
    assert result.labels.tolist() == [1, 0, 1]
    assert dict(zip(result.ids.tolist(), result.visibilities.tolist(), strict=True)) == (
        pytest.approx(told))
    for identity, score in zip(result.ids.tolist(), result.scores.tolist(), strict=True):
        assert score == pytest.approx((0.9 + told[identity]) / 2)


def test_visibility_stays_with_its_track_when_another_one_ends():
    def scene(number):
        return Objects([person(200), person(600)], [7, 8], visible=[number < 3, True])

    tracker = tracker_of(scene, tau=1)
    follow(tracker, 3)
    last = follow(tracker, 4, 3)[0]
    assert last.ids.tolist() == [2]
    assert last.visibilities.tolist() == pytest.approx([SEEN])


def test_a_class_need_not_suppress_another():
    """Defect 2: a rider at the place of a motorcycle."""
    def scene(number):
        return Objects([person(300), person(304)], [7, 8], labels=[0, 1])

    assert len(follow(tracker_of(scene), 3)[-1]) == 1
    both = follow(tracker_of(scene, class_aware=True), 3)[-1]
    assert both.labels.tolist() == [0, 1]


@pytest.mark.parametrize('amodal', [False, True])
def test_one_who_leaves_the_image_is_suspended(amodal):
    """Defect 3: the published code goes on with boxes without area on the border."""
    scene = moving(-10, 60)
    tracker = SiamMot(
        OracleDetector(scene, amodal=amodal),
        settings_of(**CODE, rcnn__amodal=amodal))
    results = follow(tracker, 12)
    # of a box that is 40 wide nothing is left from frame 8 on
    assert [t.states.tolist() for t in results] == [[C]] * 8 + [[L]] * 4
    left = results[7].boxes[0]
    assert left[0] == pytest.approx(-30 if amodal else 0, abs=0.01)
    # dormant, it is where it was seen last
    assert results[-1].boxes[0] == pytest.approx(left)
    assert all((t.boxes[:, 2] > t.boxes[:, 0]).all() for t in results)


def test_several_who_leave_at_one_place_do_not_become_one():
    def scene(number):
        return Objects(
            [person(60 - 10 * number, 200), person(60 - 10 * number, 400)], [7, 8])

    results = follow(tracker_of(scene), 12)
    assert results[-1].states.tolist() == [L, L]


def test_resume_below_alpha_is_refused():
    """Defect 5."""
    with pytest.raises(ConfigError, match=r'siammot\.resume is 0\.4 and siammot\.alpha 0\.5'):
        settings_of(alpha=0.5)
    assert settings_of(alpha=0.5, resume=0.5).siammot.resume == 0.5


def test_the_networks_proposals_are_not_asked_for_where_boxes_are_given():
    """Defect 6: the published code runs its proposal network for nothing."""
    detector = GivenDetector(moving(5))
    tracker = beside(detector)
    given = []
    extract = tracker._frontend.network.extract_features

    def spied(frame, *, detect):
        assert not detect
        heads = extract(frame)
        inner = heads.detections
        heads.detections = lambda boxes=None: given.append(boxes) or inner(boxes)
        return heads

    tracker._frontend.network.extract_features = spied
    follow(tracker, 3)
    assert len(given) == 3
    assert all(isinstance(boxes, Detections) and len(boxes) == 1 for boxes in given)


def beside(detector, scene=None, **changes):
    """Return a tracker around another detector, with an oracle as its network."""
    with oracle_beside(scene or detector.scene):
        return SiamMot(detector, settings_of(**{**CODE, **changes}))


def test_boxes_of_another_detector_are_judged_anew_or_kept():
    detector = GivenDetector(moving(5))
    judged = follow(beside(detector), 1)[0]
    assert judged.boxes[0] == pytest.approx(person(100), abs=0.01)
    assert judged.scores[0] == pytest.approx(0.9)
    kept = follow(beside(detector, detections='kept'), 1)[0]
    assert kept.boxes[0] == pytest.approx(np.array(person(100)) + 2, abs=0.01)
    assert kept.scores[0] == pytest.approx(0.7)
    blind = GivenDetector(lambda number: Objects([], []))
    assert len(follow(beside(blind, moving(5)), 3)[-1]) == 0
    own = follow(beside(blind, moving(5), detections='own'), 3)[-1]
    assert own.boxes[0] == pytest.approx(person(110), abs=0.01)
    # whatever began it, the motion model takes over
    then = follow(beside(detector, detections='kept'), 10)[-1]
    assert then.ids.tolist() == [1]
    assert then.boxes[0] == pytest.approx(person(145), abs=0.01)


@pytest.mark.parametrize('detection_source', ['given', 'kept', 'own'])
def test_labels_are_those_of_the_detector(detection_source):
    def scene(number):
        return Objects([person(300), person(500)], [7, 8], labels=[0, 1])

    class Coco(GivenDetector):
        """Counts cars, people and trees, which the network does not know."""

        def detect(self, frames):
            found = super().detect(frames)[0]
            tree = Detections([person(700)], [0.9], [2])
            there = Detections(found.boxes, found.scores, 1 - found.labels)
            return [Detections.concatenate(there, tree)]

    detector = Coco(scene, ('car', 'person', 'tree'))
    everything = beside(detector, detections=detection_source, detector__classes=[])
    result = follow(everything, 5)[-1]
    assert sorted(result.labels.tolist()) == [0, 1]
    at = dict(zip(result.labels.tolist(), result.boxes[:, 0].tolist(), strict=True))
    assert at == pytest.approx({1: 280, 0: 480}, abs=3)


def test_a_network_that_is_missing_is_told():
    with pytest.raises(WeightsError, match=r'rcnn\.weights'):
        SiamMot(GivenDetector(moving(5)), settings_of(**CODE, rcnn__weights=''))
    blind = OracleDetector(moving(5))
    blind.motion = None
    with pytest.raises(WeightsError, match='no motion model'):
        SiamMot(blind, settings_of(**CODE))


def test_a_frame_without_a_network_input_costs_nothing_but_that_frame():
    tracker = tracker_of(moving(5))
    before = follow(tracker, 3)[-1]
    detector = tracker._frontend.network
    extract, detector.extract_features = detector.extract_features, fail
    with pytest.raises(FrameError):
        tracker.update(Frame(None, 0.1, UNKNOWN_SIZE))
    detector.extract_features = extract
    after = follow(tracker, 4, 3)[-1]
    assert after.ids.tolist() == before.ids.tolist() == [1]


def fail(frame):
    raise FrameError('the frame has no image')


def templates(tracker):
    buffer = tracker._memory._buffer
    return buffer.templates[buffer.of_tracks].flatten().tolist()


def test_dormant_templates_stay_and_active_ones_are_renewed():
    def scene(number):
        return Objects(
            [person(200 + 2 * number), person(600 + 2 * number)], [7, 8],
            visible=[True, number < 3])

    tracker = tracker_of(scene)
    follow(tracker, 3)
    head, renewed = tracker._memory.head, []
    extract = head.extract_templates
    head.extract_templates = lambda features, boxes, *more: (
        renewed.append(boxes) or extract(features, boxes, *more))
    follow(tracker, 8, 3)
    assert templates(tracker) == [7, 8]
    # the first one only, where it is
    assert [boxes.shape for boxes in renewed] == [(1, 4)] * 5
    assert renewed[-1][0, 0] == pytest.approx((180 + 2 * 7) / 2)


def test_what_is_remembered_ends_with_the_track():
    def scene(number):
        return Objects(
            [person(200), person(600)], [7, 8], visible=[number < 3, True])

    tracker = tracker_of(scene, tau=5)
    sizes = []
    for number in range(12):
        tracks = follow(tracker, number + 1, number)[0]
        sizes.append(len(tracker._memory))
        assert len(tracks) == len(tracker._memory)
    assert sizes == [2] * 7 + [1] * 5
    assert templates(tracker) == [8]


@pytest.mark.parametrize('search, reach', [(2.0, 0.5), (3.0, 1.0)])
def test_how_fast_one_may_be(search, reach):
    """Geometry of the search (section 6.2): a template fits at shifts of (r - 1) / 2 sides."""
    def kept(share):
        results = follow(tracker_of(moving(40 * share), search=search), 12)
        return results[-1].observed.ids.tolist() == [1]

    assert kept(reach - 0.02)
    assert not kept(reach + 0.06)


def test_what_is_wide_for_its_height_is_found_farther_off():
    narrow = follow(tracker_of(moving(24)), 12)[-1]
    assert narrow.observed.ids.tolist() != [1]
    # a person is 40 wide and 100 high: 2 * 60 less 40, on both sides
    wide = follow(tracker_of(moving(24), widen=0.6), 12)[-1]
    assert wide.observed.ids.tolist() == [1]


def hidden_walk(number):
    """One who walks on behind something in frames 10 to 19."""
    return Objects([person(100 + 8 * number)], [7], visible=[not 10 <= number < 20])


def test_a_dormant_track_walks_on_if_it_may():
    """Defect 7: the published search window does not move while nobody is seen."""
    stays = follow(tracker_of(hidden_walk), 25)
    assert who(stays[-1], hidden_walk(24)) == {7: 2}
    assert stays[15].boxes[0, 0] == pytest.approx(80 + 72)
    walks = follow(tracker_of(hidden_walk, velocity=True), 25)
    assert who(walks[-1], hidden_walk(24)) == {7: 1}
    assert walks[15].states.tolist() == [L]
    assert walks[15].boxes[0, 0] == pytest.approx(80 + 120, abs=2)


def textured():
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8 + 60, 3)).astype(np.uint8)
    return np.kron(ground, np.ones((8, 8, 1), np.uint8))


def pan(speed):
    """Return images and a scene: two people who stand, seen by a camera that turns."""
    ground = textured()
    images = [np.ascontiguousarray(ground[:, shift:shift + SIZE[0]])
              for shift in range(0, 12 * speed, speed)]

    def scene(number):
        shift = speed * number
        return Objects([person(600 - shift), person(800 - shift)], [7, 8],
                       visible=[True, not 4 <= number < 7])

    return images, scene


def test_the_motion_of_the_camera_is_taken_out_of_the_search():
    images, scene = pan(30)
    lost = follow(tracker_of(scene), 12, images=images)[-1]
    assert 1 not in who(lost, scene(11)).values()
    found = follow(tracker_of(scene, camera=True), 12, images=images)
    assert who(found[-1], scene(11)) == {7: 1, 8: 2}
    # who is hidden meanwhile moves along too
    assert found[6].states.tolist() == [C, L]
    assert found[6].boxes[1, 0] == pytest.approx(780 - 180, abs=3)


def test_the_motion_of_the_camera_counts_in_frames_that_are_not_looked_into():
    images, scene = pan(30)
    tracker = tracker_of(scene, camera=True)
    follow(tracker, 1, images=images)
    camera = tracker._tracks.camera
    for number in (1, 2, 3):
        skipped = tracker.propagate(Frame(images[number], number / RATE, SIZE))
        assert skipped.boxes[0, 0] == pytest.approx(580 - 30 * number, abs=3)
        # the same settings once more do not make it forget the last image
        tracker.configure(settings_of(**{**CODE, 'camera': True}), tracker._frontend.network)
        assert tracker._tracks.camera is camera
    assert who(follow(tracker, 5, 4, images)[0], scene(4))[7] == 1


def test_the_region_grows_where_the_camera_moves():
    images, scene = pan(30)
    tracker = tracker_of(scene, camera=True, stretch=2.0)
    follow(tracker, 4, images=images)
    scales = [options.region.scale for options in tracker._memory.head.options_seen]
    # 30 pixels are three quarters of a width
    assert scales == [3.5, 3.5, 3.5]
    still = tracker_of(moving(0), camera=True, stretch=2.0)
    follow(still, 4)
    assert {options.region.scale for options in still._memory.head.options_seen} == {2.0}


def test_settings_reach_the_motion_model():
    tracker = tracker_of(
        moving(5), search=5.0, template_cells=7, window=0.1, centerness=False, penalty=0.05,
        ranking='paper', widen=0.6)
    follow(tracker, 2)
    options = tracker._memory.head.options_seen[-1]
    assert (options.search_cells, options.window_weight, options.centerness) == (35, 0.1, False)
    assert (options.penalty, options.ranking, options.region.widen) == (0.05, 'paper', 0.6)


def test_templates_that_cannot_be_taken_cost_tracks_and_one_frame():
    def scene(number):
        return Objects([person(200), person(600)][:1 + (number >= 3)], [7, 8][:1 + (number >= 3)])

    tracker = tracker_of(scene)
    follow(tracker, 3)
    head = tracker._memory.head
    full = mock.patch.object(head, 'extract_templates', side_effect=RuntimeError('out of memory'))
    with full, pytest.raises(RuntimeError):
        follow(tracker, 4, 3)
    assert [t.ids.tolist() for t in follow(tracker, 6, 4)] == [[3, 4]] * 2


def test_tracks_of_a_class_no_longer_looked_for_end():
    def scene(number):
        return Objects([person(200), person(600)], [7, 8], labels=[0, 1])

    tracker = tracker_of(scene, tau=1)
    assert follow(tracker, 3)[-1].labels.tolist() == [0, 1]
    people = settings_of(**{**CODE, 'tau': 1, 'detector__classes': ('person',)})
    tracker.configure(people, OracleDetector(scene))
    assert 2 not in follow(tracker, 4, 3)[0].ids


@pytest.mark.parametrize('decide, score', [('mean', 0.925), ('visibility', SEEN), ('box', 0.9)])
def test_what_counts_against_alpha(decide, score):
    result = follow(tracker_of(moving(5), decide=decide), 3)[-1]
    assert result.scores[0] == pytest.approx(score)


def test_in_the_paper_a_track_needs_visibility_alone():
    def scene(number):
        return Objects([person(300)], [7])

    # the box head believes in it, the motion model does not: its mean is .475
    film = {'tau': 5, 'alpha': 0.4}
    for suppress, decide, expected in (
            ('joint', 'mean', [C]), ('apart', 'visibility', [L, C])):
        tracker = tracker_of(scene, suppress=suppress, decide=decide, **film)
        follow(tracker, 2)
        search = tracker._memory.search_tracks
        tracker._memory.search_tracks = lambda *args, search=search, **more: (
            search(*args, **more)._replace(visibilities=np.full(1, 0.05, np.float32)))
        result = follow(tracker, 3, 2)[0]
        # in the paper's reading it also no longer keeps a detection from its place
        assert result.states.tolist() == expected


def test_the_same_frames_give_the_same_tracks_also_side_by_side():
    first, second = tracker_of(crossing), tracker_of(crossing)
    both = [(follow(first, n + 1, n)[0], follow(second, n + 1, n)[0]) for n in range(40)]
    for one, other in both:
        for name, column in one.columns().items():
            assert (column == other.columns()[name]).all(), name
    again = follow(first_reset(first), 40)
    for one, other in zip(again, both, strict=True):
        for name, column in one.columns().items():
            assert (column == other[0].columns()[name]).all(), name


def first_reset(tracker):
    tracker.reset()
    assert tracker.next_id == 1
    return tracker


def test_reset_may_keep_the_numbering():
    tracker = tracker_of(crossing)
    follow(tracker, 5)
    tracker.reset(keep_ids=True)
    assert len(tracker._memory) == 0
    assert follow(tracker, 1)[0].ids.tolist() == [3, 4]
    assert follow(tracker_of(crossing, first_id=11), 1)[0].ids.tolist() == [11, 12]


def test_frames_that_are_not_looked_into_count_nowhere():
    tracker = tracker_of(hidden_walk, tau=2, velocity=True)
    follow(tracker, 10)
    assert follow(tracker, 11, 10)[0].states.tolist() == [L]
    for number in range(11, 19):
        skipped = tracker.propagate(Frame(BLANK, number / RATE, SIZE))
        assert skipped.states.tolist() == [L]
        assert skipped.boxes[0, 0] == pytest.approx(80 + 8 * number, abs=2)
    assert who(follow(tracker, 21, 20)[0], hidden_walk(20)) == {7: 1}


def test_thresholds_change_at_work_and_what_templates_are_made_of_drops_tracks():
    tracker = tracker_of(moving(5))
    detector = tracker._frontend.network
    assert tracker.needs_image
    follow(tracker, 5)

    def configure(**changes):
        tracker.configure(settings_of(**{**CODE, **changes}), detector)

    configure(alpha=0.99, resume=0.99)
    assert follow(tracker, 6, 5)[0].states.tolist() == [L]
    configure(alpha=0.3, resume=0.3)
    assert follow(tracker, 7, 6)[0].states.tolist() == [C]
    configure(search=3.0, window=0.1)
    assert follow(tracker, 8, 7)[0].ids.tolist() == [1]
    for changes in ({'template_cells': 7}, {'template_cells': 7, 'velocity': True}):
        last = tracker.next_id - 1
        configure(**changes)
        assert follow(tracker, 9, 8)[0].ids.tolist() == [last + 1]
    last = tracker.next_id - 1
    again = OracleDetector(moving(5))
    changes = {'template_cells': 7, 'velocity': True}
    tracker.configure(settings_of(**{**CODE, **changes}), again)
    assert follow(tracker, 10, 9)[0].ids.tolist() == [last], 'the same weights, loaded anew'
    assert tracker._memory.head is again.motion
    tracker.configure(settings_of(**{**CODE, **changes}, rcnn__weights='others'), again)
    assert follow(tracker, 11, 10)[0].ids.tolist() == [last + 1]


def test_settings_that_raise_change_nothing():
    tracker = tracker_of(moving(5))
    follow(tracker, 5)
    blind = OracleDetector(moving(5))
    blind.motion = None
    with pytest.raises(WeightsError):
        tracker.configure(settings_of(**{**CODE, 'alpha': 0.99, 'resume': 0.99}), blind)
    assert follow(tracker, 6, 5)[0].observed.ids.tolist() == [1]


def test_a_damaged_network_costs_tracks_but_nothing_else():
    tracker = tracker_of(moving(5))
    follow(tracker, 3)
    head = tracker._memory.head
    search = head.search
    head.search = lambda *args, **more: (torch.full((1, 4), np.nan), torch.zeros(1))
    assert follow(tracker, 4, 3)[0].states.tolist() == [L, C], 'the detection is a new one'
    head.search = search
    assert follow(tracker, 5, 4)[0].states.tolist().count(C) == 1


def test_tracks_given_out_do_not_change_later():
    tracker = tracker_of(moving(5))
    results = follow(tracker, 2)
    before = dataclasses.replace(results[-1], boxes=results[-1].boxes.copy())
    follow(tracker, 6, 2)
    assert (results[-1].boxes == before.boxes).all()


@pytest.mark.parametrize('preset', [SIAMMOT_PAPER, SIAMMOT_CODE, *SIAMMOT_PRESETS.values()])
def test_published_configurations_are_free_of_our_additions(preset):
    settings = build(Settings, dict(preset))
    s = settings.siammot
    assert not (s.velocity or s.camera or s.class_aware or s.widen)
    assert not (s.dormant_time or s.reactivation_distance)
    assert s.stretch == 1
    assert (s.ranking == 'paper') == (s.suppress == 'apart') == (s.decide == 'visibility')
    assert settings.tracktor.tau == 1


def test_all_tracks_are_asked_about_in_one_go():
    """Defect 19: Tracktor's code asks one by one."""
    tracker = tracker_of(crossing)
    follow(tracker, 3)
    asked = tracker._frontend.network.seen[-1].asked
    assert [len(boxes) for boxes, _ in asked] == [2]


def turmoil(seed, most=8, frames=40):
    """Return a scene of people who come, walk anywhere, hide and go, some of them cars."""
    rng = np.random.default_rng(seed)
    start = rng.uniform([0, 0], SIZE, (most, 2))
    speed = rng.normal(0, 6, (most, 2))
    begin, end = np.sort(rng.integers(0, frames, (2, most)), axis=0)
    labels = rng.integers(0, 2, most)
    hidden = rng.random((frames, most)) < 0.2

    def scene(number):
        there = np.flatnonzero((begin <= number) & (number <= end))
        return Objects(
            [person(*(start[k] + number * speed[k])) for k in there], there.tolist(),
            labels[there].tolist(), (~hidden[number][there]).tolist())

    return scene


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('changes', [
    CODE, {'suppress': 'apart', 'decide': 'visibility', 'dormant_time': 0.2, 'camera': False},
    {'rcnn__amodal': True, 'velocity': True, 'tau': 3, 'dormant_time': 0.0, 'camera': False}])
def test_what_always_holds(seed, changes):
    scene = turmoil(seed)
    settings = settings_of(**changes)
    amodal = settings.rcnn.amodal
    tracker = SiamMot(OracleDetector(scene, amodal=amodal), settings)
    before, ended, last = set(), set(), 0
    for tracks in follow(tracker, 40):
        ids = tracks.ids.tolist()
        assert ids == sorted(set(ids)), 'in order of birth'
        assert not ended & set(ids), 'no id is given twice'
        new = set(ids) - before
        assert all(identity > last for identity in new)
        last, ended, before = max([last, *new]), ended | (before - set(ids)), set(ids)
        assert set(tracks.states.tolist()) <= {C, L}
        seen = tracks.observed
        overlap = iou(seen.boxes, seen.boxes)
        overlap[seen.labels[:, None] != seen.labels] = 0
        assert (overlap - np.eye(len(seen)) <= 0.5).all()
        assert ((seen.scores >= 0.4) & (seen.scores <= 1)).all()
        assert (seen.unseen == 0).all()
        if not amodal:
            assert (seen.boxes >= 0).all()
            assert (seen.boxes <= np.array(SIZE * 2)).all()
    assert last > 3
