# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What the presets after papers and codes do, on scenes whose outcome follows from the rule."""

import numpy as np
import pytest

from mot_ros.tracking.association.assignment import assign, assign_before_gate, Pairs
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.methods.smot.tracker import Smot
from mot_ros.tracking.types import Detections, Frame, TrackState
from test.tracking.methods.smot.test_smot import PlantedNetwork
from test.tracking.scenes import (
    BLANK,
    BLUE,
    detections,
    feed,
    painted,
    person,
    RED,
    ScriptedDetector,
    watch,
)

NOBODY = Detections.empty()
C, T, L = TrackState.CONFIRMED, TrackState.TENTATIVE, TrackState.LOST


def settings_of(method, preset, **changes):
    return build(Settings, {'method': method, 'preset': preset, **{
        name.replace('__', '.'): value for name, value in changes.items()}})


class TestDuplicatesOfSmiletrack:
    """
    Of a lost and an active track with an IoU above .85 the published code removes one.

    It compares how long each was observed, from the first to the last time, never asks
    appearance, and lets nobody take the detection of the one that goes.
    """

    @staticmethod
    def met(red_frames, preset='code'):
        """
        Let a blue one walk onto the place where a red one was last seen two frames before.

        He starts 15 px beside it and comes nearer by 1 px a frame. Boxes are 40 wide, so that the
        IoU passes .85 where they are 3 px apart (37 / 43), in his 13th frame: the two are
        too different to match (the veto), whatever their IoU.
        """
        def shot(place, colour):
            return painted([(person(place), colour)]), detections([person(place)])

        film = [shot(300, RED)] * red_frames + [(BLANK, NOBODY)] * 2 + [
            shot(315 - step, BLUE) for step in range(15)]
        settings, detector = settings_of('smiletrack', preset), ScriptedDetector()
        results = watch(make_tracker(settings, detector), detector, film)
        return results[red_frames + 2:]

    def test_the_active_one_goes_if_observed_over_a_shorter_time(self):
        """The red one was seen over 19 intervals, the blue one over 12 by then."""
        results = self.met(20)
        shown = [tracks.observed.ids.tolist() for tracks in results]
        # tentative, then shown; from his 13th frame or next to it the blue one is gone
        last = max(step for step, ids in enumerate(shown) if ids)
        assert shown == [[]] + [[2]] * last + [[]] * (len(shown) - 1 - last)
        assert last in (11, 12)
        # the red one takes nothing over: it stays lost, where it was
        for tracks in results[last + 1:]:
            assert (tracks.ids.tolist(), tracks.states.tolist()) == ([1], [L])
            assert tracks.boxes[0] == pytest.approx(person(300), abs=0.5)

    def test_the_lost_one_goes_if_observed_over_a_shorter_time(self):
        """The red one was seen over 4 intervals, the blue one over 12 by then."""
        results = self.met(5)
        assert [tracks.observed.ids.tolist() for tracks in results] == [[]] + [[2]] * 14
        assert 1 in results[10].ids
        assert results[-1].ids.tolist() == [2]

    def test_a_track_does_not_start_at_the_place_of_a_lost_one(self):
        """Both observed over no time: of equals the active one goes, in every frame anew."""
        film = [(painted([(person(300), RED)]), detections([person(300)]))] + [(BLANK, NOBODY)] + [
            (painted([(person(300), BLUE)]), detections([person(300)]))] * 3
        settings, detector = settings_of('smiletrack', 'code'), ScriptedDetector()
        results = watch(make_tracker(settings, detector), detector, film)
        assert [tracks.ids.tolist() for tracks in results] == [[1]] * 5
        assert [tracks.states.tolist() for tracks in results[1:]] == [[L]] * 4

    def test_the_article_keeps_those_apart_who_look_different(self):
        shown = [tracks.observed.ids.tolist() for tracks in self.met(20, 'paper')]
        assert shown == [[]] + [[2]] * 14


class TestHeightOfDeepsort:
    """DeepSORT's filter predicts a missed track as any other: its height goes on."""

    @staticmethod
    def heights(preset, **changes):
        """Return the heights of one who grew by 4 px a frame, in five frames without him."""
        film = [detections([person(300, 300, 40 + 1.6 * step, 100 + 4 * step)])
                for step in range(30)]
        settings = settings_of('deepsort', preset, appearance__type='none', **changes)
        detector = ScriptedDetector()
        results = feed(make_tracker(settings, detector), detector, film + [NOBODY] * 5)
        boxes = np.stack([tracks.boxes[0] for tracks in results[29:]])
        return boxes[:, 3] - boxes[:, 1]

    @pytest.mark.parametrize('preset', ['paper', 'code'])
    def test_it_grows_by_as_much_in_each_frame(self, preset):
        steps = np.diff(self.heights(preset))
        # constant velocity: what the filter learnt in 30 frames, near 4 px
        np.testing.assert_allclose(steps, steps[0], atol=1e-3)
        assert steps[0] == pytest.approx(4, abs=0.5)

    def test_by_default_it_stays_from_the_first_missed_frame_on(self):
        """The rule of ByteTrack: the frame after the last observation still moves it."""
        steps = np.diff(self.heights('accurate'))
        assert steps[0] > 1
        np.testing.assert_allclose(steps[1:], 0, atol=1e-3)
        assert (np.diff(self.heights('accurate', deepsort__hold_height=False)) > 1).all()


def chosen(table, minimum=0.3):
    """Return the pairs that the published order and ours choose."""
    table = np.asarray(table, np.float32)
    rows, cols = np.nonzero(table > 0)
    ours = assign(Pairs(rows, cols, table[rows, cols]), table.shape, minimum)
    theirs = assign_before_gate(table, minimum)
    for found in (ours, theirs):
        assert sorted([*found.rows, *found.free_rows]) == list(range(table.shape[0]))
        assert sorted([*found.cols, *found.free_cols]) == list(range(table.shape[1]))
    return ({*zip(theirs.rows.tolist(), theirs.cols.tolist(), strict=True)},
            {*zip(ours.rows.tolist(), ours.cols.tolist(), strict=True)})


class TestAssignmentOfSort:
    def test_pairs_without_rivals_match_at_once(self):
        """The sum of the others, .4, is larger, but nobody has two above .3."""
        assert chosen([[0.32, 0.2], [0.2, 0]]) == ({(0, 0)}, {(0, 0)})

    def test_elsewhere_a_rivalry_puts_the_whole_sum_first(self):
        """The same two, and a third with two to choose from: .2 + .2 + .5 beats .32 + .5."""
        table = [[0.32, 0.2, 0, 0], [0.2, 0, 0, 0], [0, 0, 0.5, 0.4]]
        assert chosen(table) == ({(2, 2)}, {(0, 0), (2, 2)})

    def test_two_fair_pairs_come_before_a_good_one(self):
        """.35 + .45 = .8 is more than .6 + .1; above the threshold .05 + .15 is less than .3."""
        assert chosen([[0.6, 0.35], [0.45, 0.1]]) == ({(0, 1), (1, 0)}, {(0, 0)})

    def test_nobody_is_no_trouble(self):
        for shape in ((0, 0), (0, 3), (3, 0)):
            found = assign_before_gate(np.zeros(shape, np.float32), 0.3)
            assert (len(found.rows), len(found.free_rows), len(found.free_cols)) == (0, *shape)

    @pytest.mark.parametrize('preset, expected', [
        ('paper', [[1, L], [2, L], [3, C]]), ('code', [[1, L], [2, L], [3, C]]),
        ('accurate', [[1, C], [2, L], [3, C]])])
    def test_presets_take_the_published_order(self, preset, expected):
        """
        Boxes 100 wide in a row: d px apart they have an IoU of (100 - d) / (100 + d).

        The first track and the first box are 50 apart (.333), the second track and that box,
        and the first track and the second box, 70 (.176), twice of which is more. The third track
        has two boxes, 20 and 30 apart (.667, .538), so that pairs are not taken at once.
        """
        def row(*places, y=150):
            return [person(x, y, 100, 100) for x in places]

        before = detections(row(300, 420) + row(300, y=450))
        after = detections(row(350, 230) + row(320, 270, y=450))
        settings, detector = settings_of('sort', preset, sort__min_hits=1), ScriptedDetector()
        last = feed(make_tracker(settings, detector), detector, [before] * 5 + [after])[-1]
        assert [[i, s] for i, s in zip(
            last.ids.tolist(), last.states.tolist(), strict=True)][:3] == expected


class TestLinkingOfSmot:
    """The article tracks people without appearance model and linker; faces are linked."""

    @staticmethod
    def shown(preset):
        """Return the ids of one who is not there for three frames and comes back to the place."""
        settings, detector = settings_of('smot', preset), PlantedNetwork()
        tracker = Smot(detector, settings)
        here = painted([(person(300), RED)]), detections([person(300)], 0.95)
        results = []
        for number, (image, seen) in enumerate([here] * 3 + [(BLANK, NOBODY)] * 3 + [here] * 2):
            detector.next = seen
            frame = Frame(image, number / 10, (1000, 600))
            results.append(tracker.update(frame).observed.ids.tolist())
        return results

    def test_people_are_not_linked(self):
        assert self.shown('paper') == [[1]] * 3 + [[]] * 3 + [[2]] * 2

    def test_the_linked_row_is_a_preset_of_its_own(self):
        assert self.shown('paper-linked') == [[1]] * 3 + [[]] * 3 + [[1]] * 2
        plain, linked = (settings_of('smot', name) for name in ('paper', 'paper-linked'))
        assert (linked.smot.link_distance, linked.smot.link_speed) == (0.97, 0)
        assert linked.detector == plain.detector
        assert (plain.smot.new_track_thresh, plain.smot.keep, plain.smot.search) == (0.9, 0.4, 0)
        assert linked.smot.keep == plain.smot.keep
