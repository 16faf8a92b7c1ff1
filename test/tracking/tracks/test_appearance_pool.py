# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What tracks look like, kept in step with the tracks themselves."""

from unittest import mock

import numpy as np
import pytest

from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.motion.kalman_filter import KalmanConfig
from mot_ros.tracking.motion.state_models import MODELS
from mot_ros.tracking.tracks.appearance_pool import AppearanceTrackPool
from mot_ros.tracking.types import Frame, TrackState
from test.tracking.scenes import (
    BLUE,
    detections,
    GREEN,
    painted,
    person,
    RED,
    ScriptedDetector,
    watch,
)

PEOPLE = [(person(100), RED), (person(300), GREEN), (person(500), BLUE)]
SEEN = detections([box for box, _ in PEOPLE])


def pool_of(**changes):
    settings = build(Settings, {name.replace('__', '.'): value for name, value in changes.items()})
    pool = AppearanceTrackPool(KalmanConfig(MODELS['xywh'], 30.0), settings, 5, camera=True)
    pool.propagate(Frame.of(painted(PEOPLE), 0.0))
    pool.set_detections(Frame.of(painted(PEOPLE), 0.0), SEEN)
    pool.add(SEEN, np.arange(3), TrackState.CONFIRMED)
    return pool


def test_embeddings_stay_with_their_tracks():
    pool = pool_of()
    rows = np.arange(3)
    alike = pool.cosines(rows, rows, 'mean')
    assert alike == pytest.approx(np.eye(3), abs=0.3)
    pool.keep(np.array([True, False, True]))
    np.testing.assert_array_equal(pool.cosines(np.arange(2), rows, 'mean'), alike[[0, 2]])
    assert pool.cosine_of_tracks(0, 1) == pytest.approx(float(alike[0, 2]), abs=1e-6)
    pool.reset(keep_ids=True)
    assert (len(pool), pool.next_id) == (0, 4)


def test_what_cannot_be_embedded_starts_no_track():
    pool = pool_of()
    pool.set_detections(Frame.of(painted(PEOPLE), 0.1), SEEN)
    full = mock.patch.object(pool.embedder, 'embed', side_effect=RuntimeError('out of memory'))
    with full, pytest.raises(RuntimeError):
        pool.add(SEEN, np.arange(3), TrackState.CONFIRMED)
    assert len(pool) == len(pool.cosines(np.arange(3), np.arange(3), 'mean')) == 3
    assert len(pool._bank.counts) == 3


def test_every_detection_is_embedded_once_and_only_when_asked_for():
    pool = pool_of()
    asked = []
    embed = pool.embedder.embed
    pool.embedder.embed = lambda frame, boxes: (asked.append(len(boxes)), embed(frame, boxes))[1]
    pool.set_detections(Frame.of(painted(PEOPLE), 0.1), SEEN)
    assert asked == []
    pool.embed(np.array([1]))
    pool.embed(np.array([0, 1, 2]))
    pool.embed(np.array([2, 0]))
    assert asked == [1, 2]
    # what was not embedded teaches nothing, and is not embedded for that
    pool.set_detections(Frame.of(painted(PEOPLE), 0.2), SEEN)
    pool.update_embeddings(np.arange(3), np.arange(3))
    assert asked == [1, 2]


def test_without_appearance_there_is_nothing_to_embed():
    pool = pool_of(appearance__type='none')
    assert pool.embedder is None
    assert not pool.needs_image
    assert pool.cosine_of_tracks(0, 1) == 1.0
    assert pool_of(appearance__type='none', camera_motion__mode='on').needs_image


def test_slm_without_weights_is_refused():
    with pytest.raises(WeightsError, match='SLM has no weights'):
        pool_of(appearance__type='slm', appearance__weights='')


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    torch = pytest.importorskip('torch')
    from safetensors.torch import save_file

    from mot_ros.tracking.nets.slm.network import Slm

    torch.manual_seed(0)
    file = tmp_path_factory.mktemp('slm') / 'slm.safetensors'
    save_file(Slm('article').state_dict(), file)
    return str(file)


@pytest.mark.parametrize('method', ['smiletrack', 'deepsort', 'botsort'])
def test_a_network_replaces_colours_and_drops_tracks_with_the_old_embeddings(method, weights):
    detector = ScriptedDetector()
    tracker = make_tracker(build(Settings, {'method': method}), detector)
    film = [(painted(PEOPLE), SEEN)] * 4
    assert watch(tracker, detector, film)[-1].observed.ids.tolist() == [1, 2, 3]
    slm = build(Settings, {
        'method': method, 'appearance.type': 'slm', 'appearance.weights': weights,
        'device': 'cpu'})
    tracker.configure(slm, detector)
    assert watch(tracker, detector, film, start=1.0)[-1].observed.ids.tolist() == [4, 5, 6]
    both = build(Settings, {
        'method': method, 'appearance.type': 'both', 'appearance.weights': weights,
        'device': 'cpu'})
    tracker.configure(both, detector)
    assert watch(tracker, detector, film, start=2.0)[-1].observed.ids.tolist() == [7, 8, 9]
    # what cannot be had changes nothing
    missing = build(Settings, {
        'method': method, 'appearance.type': 'slm', 'appearance.weights': '/none.pt'})
    with pytest.raises(WeightsError):
        tracker.configure(missing, detector)
    assert watch(tracker, detector, film, start=2.2)[-1].observed.ids.tolist() == [7, 8, 9]
