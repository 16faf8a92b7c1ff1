# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""SMILEtrack's engine: what each of its parts is for, in scenes where it decides."""

import numpy as np
import pytest

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.errors import ConfigError, FrameError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.methods.smiletrack import SmileTrack
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

NOBODY = (BLANK, Detections.empty())
C, T, L = TrackState.CONFIRMED, TrackState.TENTATIVE, TrackState.LOST


def shot(*people, score=0.9):
    """Return an image of (box, colour) and the detections of them, in the same order."""
    return painted(people), detections([box for box, _ in people], score)


def result(film, preset='accurate', rate=30.0, **changes):
    values = {(name.replace('__', '.') if '__' in name else f'smiletrack.{name}'): value
              for name, value in changes.items()}
    if 'smiletrack.detect_every' in values:
        values['detect_every'] = values.pop('smiletrack.detect_every')
    settings = build(Settings, {'method': 'smiletrack', 'preset': preset, **values})
    detector = ScriptedDetector()
    return watch(make_tracker(settings, detector), detector, film, rate)


def ids(results):
    return [t.observed.ids.tolist() for t in results]


SWAPPED = [shot((person(300), RED), (person(360), BLUE))] * 10 + [NOBODY] * 10 + [
    shot((person(360), RED), (person(300), BLUE))] * 3
"""Two people change places where nobody sees them."""


def by_colour(results):
    """Return the ids of the red and the blue one, in the last frame of SWAPPED."""
    last = results[-1]
    return [int(last.ids[last.sources == source][0]) for source in (0, 1)]


def test_appearance_matches_people_who_changed_places():
    assert by_colour(result(SWAPPED)) == [1, 2]
    assert by_colour(result(SWAPPED, appearance__type='none')) == [2, 1]
    assert by_colour(result(SWAPPED, alpha=1.0, gate=0.0)) == [2, 1]


@pytest.mark.parametrize('preset', ['accurate', 'paper', 'code'])
def test_the_gate_rejects_another_appearance(preset):
    def seen_again(place, **changes):
        film = [shot((person(300), RED))] * 10 + [NOBODY] * 5 + [shot((person(place), BLUE))] * 4
        return ids(result(film, preset, **changes))

    # the published code removes a new track at the place of a lost one, so not quite there
    place = 310 if preset == 'code' else 300
    assert seen_again(place)[-2:] == [[2], [2]], 'though both are in one place'
    opened = {'veto': 1000.0} if preset == 'code' else {'gate': 0.0, 'match': 0.3}
    assert seen_again(place, **opened)[-1] == [1]
    # the looks are all that the veto knows here: a standing track is where it was
    if preset == 'code':
        assert seen_again(300, veto_weight=0.0)[-1] == [1]


def test_no_match_jumps_across_the_image():
    film = [shot((person(300), RED))] * 10 + [NOBODY] + [shot((person(700), RED))] * 3
    assert ids(result(film))[-1] == [2]
    assert ids(result(film, reach=0.0))[-1] == [1]


def test_the_reach_grows_with_the_time_unseen():
    def after(pause, **changes):
        film = [shot((person(300), RED))] * 10 + [NOBODY] * pause
        return result([*film, shot((person(370), RED))], **changes)[-1].states.tolist()

    # 0.7 heights away: 0.5 * (1 + t) is that much after 0.4 s
    assert after(10) == [L, T]
    assert after(12) == [C]
    assert after(12, reach_growth=0.0) == [L, T]


def changing():
    """Return the film of one who turns from red to blue, stripe by stripe, and stays so."""
    film = []
    for step in range(120):
        x1, y1, x2, y2 = person(300)
        middle = y1 + (y2 - y1) * min(step / 80, 1)
        film.append((painted([((x1, y1, x2, middle), BLUE), ((x1, middle, x2, y2), RED)]),
                     detections([person(300)])))
    return film


def test_only_several_templates_match_an_earlier_appearance_in_the_second_pass():
    film = [*changing(), shot((person(300), RED), score=0.2)]
    states = {second: result(film, second=second, bank=200)[-1].states.tolist()
              for second in ('iou', 'single', 'multi')}
    assert states == {'iou': [C], 'single': [L], 'multi': [C]}
    # the bank holds no more than it should
    assert result(film, second='multi', bank=20)[-1].states.tolist() == [L]


def test_appearance_counts_for_low_score_detections_only_if_set():
    film = [shot((person(300), RED))] * 10 + [shot((person(300), GREEN), score=0.2)]
    states = {second: result(film, second=second)[-1].states.tolist()
              for second in ('iou', 'single', 'multi')}
    assert states == {'iou': [C], 'single': [L], 'multi': [L]}


def test_doubtful_detections_teach_nothing():
    film = [shot((person(300), RED))] * 10 + [shot((person(300), GREEN), score=0.2)] * 30 + [
        shot((person(300), RED))]
    assert ids(result(film))[-1] == [1]


def test_an_adaptive_split_has_sure_ones_among_bad_detections():
    film = [shot((person(300), RED))] * 10 + [NOBODY] + [shot((person(300), RED), score=0.25)]
    assert result(film)[-1].states.tolist() == [L], 'a doubtful one revives nobody'
    assert result(film, split='adaptive')[-1].states.tolist() == [C]


def pan():
    """Return the film of one who stands in a textured place; the camera turns 60 px in between."""
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8 + 20, 3)).astype(np.uint8)
    ground = np.kron(ground, np.ones((8, 8, 1), np.uint8))
    film = []
    for number in range(12):
        shift = 64 if number >= 6 else 0
        box = person(500 - shift)
        film.append((painted([(box, RED)], ground[:, shift:shift + SIZE[0]]),
                     detections([box])))
    return film


def test_the_motion_of_the_camera_is_taken_out():
    assert ids(result(pan()))[-1] == [1]
    assert ids(result(pan(), camera=False))[-1] == [2]
    assert ids(result(pan(), camera_motion__mode='off'))[-1] == [2]
    blind = {'appearance__type': 'none'}
    assert ids(result(pan(), **blind))[-1] == [1]
    assert ids(result(pan(), **blind, camera=False))[-1] == [2]


def test_frames_without_detection_count_for_camera_motion():
    results = result(pan(), detect_every=4)
    # frames 0, 4 and 8 are looked into; in 6 the camera turns
    lefts = [t.boxes[0, 0] for t in results]
    assert lefts[5:8] == pytest.approx([480, 416, 416], abs=3)
    assert ids(results) == [[1]] * 12


class Counting:
    def __init__(self, embedder):
        self.embedder, self.boxes = embedder, 0
        self.dimension = embedder.dimension

    def embed(self, frame, boxes):
        self.boxes += len(boxes)
        return self.embedder.embed(frame, boxes)


def counted(film, **changes):
    settings = build(Settings, {
        'method': 'smiletrack', **{f'smiletrack.{name}': value
                                   for name, value in changes.items()}})
    detector = ScriptedDetector()
    method = SmileTrack(detector, settings)
    counting = method._tracks.embedder = Counting(method._tracks.embedder)
    return ids(watch(method, detector, film)), counting.boxes


def test_clear_pairs_are_embedded_only_every_few_frames():
    apart = [shot((person(300), RED), (person(700), BLUE))] * 20
    every, boxes = counted(apart)
    now_and_then, fewer = counted(apart, embed_every=5)
    assert (boxes, fewer) == (40, 8)
    assert every == now_and_then


def test_competing_and_new_detections_are_embedded_in_every_frame():
    # at their birth, and when either may be either
    assert counted(SWAPPED, embed_every=1000)[1] == 4
    film = [shot((person(300), RED))] + [shot((person(300), RED), (person(700), BLUE))] * 9
    # the first one once, the second at its birth; then both stand alone. A tentative track is
    # no candidate of the first pass, so that its second detection is looked at too.
    assert counted(film, embed_every=1000)[1] == 3


@pytest.mark.parametrize('preset', ['paper', 'code'])
def test_the_buffer_ends_exactly_when_more_than_30_frames_are_missing(preset):
    for missing, left in ((29, 1), (30, 1), (31, 0)):
        film = [shot((person(300), RED))] * 3 + [NOBODY] * missing
        assert len(result(film, preset)[-1]) == left


def test_a_pair_without_embedding_is_matched_by_iou():
    # outside the image: there is nothing to see of him
    outside = [1020.0, 250.0, 1060.0, 350.0]
    film = [(BLANK, detections([outside]))] * 10
    assert ids(result(film))[-1] == [1]


def test_a_frame_without_an_image_is_refused_before_anything_moves():
    settings = build(Settings, {'method': 'smiletrack'})
    detector = ScriptedDetector()
    tracker = make_tracker(settings, detector)
    assert tracker.needs_image
    image, detector.next = shot((person(300), RED))
    tracker.update(Frame.of(image, 0.0))
    with pytest.raises(FrameError, match='no image'):
        tracker.update(Frame(None, 0.1, SIZE))
    assert tracker.update(Frame.of(image, 0.2)).ids.tolist() == [1]


def test_without_appearance_no_image_is_needed():
    settings = build(Settings, {'method': 'smiletrack', 'appearance.type': 'none'})
    detector = ScriptedDetector()
    tracker = make_tracker(settings, detector)
    assert not tracker.needs_image
    detector.next = detections([person(300)])
    for number in range(3):
        tracks = tracker.update(Frame(None, number / 30, SIZE))
    assert tracks.observed.ids.tolist() == [1]


BLIND = {'appearance__type': 'none'}


def test_a_buffer_finds_those_who_moved_by_more_than_their_width():
    film = [shot((person(300), RED))] * 10 + [shot((person(343), RED))] * 3
    assert ids(result(film, **BLIND, match_iou=0.1))[-1] == [1]
    assert ids(result(film, **BLIND, match_iou=0.1, biou_buffer=0.0))[-1] == [2]


def test_heights_distinguish_people_at_one_place():
    far, near = [285.0, 220, 315, 280], [280.0, 220, 320, 340]
    film = [shot((near, RED), (person(700), BLUE))] * 10 + [
        # nearer to where the tall one was is a small one
        shot((far, GREEN), ([300.0, 220, 340, 340], RED), (person(700), BLUE))] * 3

    def owner(**changes):
        last = result(film, **BLIND, direction_weight=0.0, biou_buffer=0.0, **changes)[-1]
        return int(last.sources[last.ids == 1][0])

    assert owner(height_iou_power=0.0) == 0
    assert owner(height_iou_power=1.0) == 1


def test_who_goes_on_as_he_went_is_preferred_to_who_turned():
    # seen every tenth of a second, 4 px further each time; then one ahead and one behind are as
    # far from where he is expected
    walking = [(BLANK, detections([person(300 + 4 * step)])) for step in range(10)]

    def owner(**changes):
        film = [*walking, (BLANK, detections([person(324), person(356)]))]
        last = result(film, rate=10.0, **BLIND, **changes)[-1]
        return int(last.sources[last.ids == 1][0])

    assert owner(direction_weight=0.0) == 0, 'the better detection comes first'
    assert owner() == 1


@pytest.mark.parametrize('preset', ['paper', 'code'])
def test_the_cues_of_boxes_alone_are_not_published_ones(preset):
    s = build(Settings, {'preset': preset}).smiletrack
    assert (s.biou_buffer, s.height_iou_power, s.direction_weight) == (0, 0, 0)


def test_tracks_live_on_when_the_memory_changes():
    detector = ScriptedDetector()
    values = {'method': 'smiletrack', 'smiletrack.second': 'iou'}
    tracker = make_tracker(build(Settings, values), detector)
    watch(tracker, detector, [shot((person(300), RED))] * 5)
    values |= {'smiletrack.second': 'multi', 'smiletrack.bank': 10, 'appearance.momentum': 0.5}
    tracker.configure(build(Settings, values), detector)
    film = [shot((person(300), RED), score=0.2)] * 2
    assert ids(watch(tracker, detector, film, start=5 / 30)) == [[1], [1]]
    # still red to it
    green = [shot((person(300), GREEN), score=0.2)]
    assert ids(watch(tracker, detector, green, start=7 / 30)) == [[]]


def test_another_rate_drops_tracks_and_their_embeddings():
    detector = ScriptedDetector()
    tracker = make_tracker(build(Settings, {'method': 'smiletrack'}), detector)
    watch(tracker, detector, [shot((person(300), RED), (person(700), BLUE))] * 5)
    tracker.configure(
        build(Settings, {'method': 'smiletrack', 'smiletrack.nominal_rate': 30.0}), detector)
    film = [shot((person(700), RED), (person(300), BLUE))] * 3
    assert ids(watch(tracker, detector, film, start=5 / 30))[-1] == [3, 4]


def test_the_presets_state_what_was_published():
    paper, code = (build(Settings, {'preset': preset}) for preset in ('paper', 'code'))
    article = paper.smiletrack
    assert (article.split, article.track_low_thresh) == ('adaptive', 0.1)
    assert (article.alpha, article.gate) == (0.5, 0.7)
    assert (article.worth, article.second, article.bank, article.reach) == (
        'article', 'multi', 50, 0)
    assert (article.lost_buffer * article.nominal_rate, article.camera) == (30, False)
    ours = code.smiletrack
    assert (ours.track_high_thresh, ours.track_low_thresh) == (0.5, 0.1)
    assert ours.new_track_thresh == 0.6
    # the cost limits 0.8, 0.5 and 0.7
    assert (ours.match, ours.second_match, ours.tentative_iou) == (0.2, 0.5, 0.3)
    assert (ours.worth, ours.veto, ours.veto_weight, ours.second) == ('code', 0.3, 0.98, 'iou')
    assert (ours.lost_buffer * ours.nominal_rate, ours.camera) == (30, True)
    assert (code.camera_motion.mode, code.camera_motion.mix_sizes) == ('on', True)
    assert code.appearance.momentum == 0.9


def test_thresholds_must_be_in_order_where_they_are_used():
    with pytest.raises(ConfigError, match=r'smiletrack\.track_low_thresh, .* not decrease'):
        build(Settings, {'smiletrack.track_high_thresh': 0.9})
    build(Settings, {'smiletrack.track_high_thresh': 0.9, 'smiletrack.split': 'adaptive'})
