# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import pytest

from mot_ros.tracking.config import SequenceSettings
from mot_ros.tracking.sequence import FrameOutcome, SequenceGuard

SIZE = (640, 480)


def _ns(stamp):
    return round(stamp * 1_000_000_000)


def _guard_at(stamp, **settings):
    guard = SequenceGuard(SequenceSettings(**settings))
    verdict = guard.judge(_ns(stamp), SIZE, 'camera')
    assert verdict.outcome is FrameOutcome.ACCEPT
    guard.accept(verdict, SIZE, 'camera')
    return guard


@pytest.mark.parametrize('stamp, size, frame_id, outcome, reason', [
    (100.1, SIZE, 'camera', FrameOutcome.ACCEPT, ''),
    (105.0, SIZE, 'camera', FrameOutcome.ACCEPT, ''),
    (100.0, SIZE, 'camera', FrameOutcome.DROP, 'duplicate stamp'),
    (99.99, SIZE, 'camera', FrameOutcome.DROP, 'out of order'),
    (99.0, SIZE, 'camera', FrameOutcome.DROP, 'out of order'),
    (98.9, SIZE, 'camera', FrameOutcome.RESET, 'time jumped back'),
    (105.1, SIZE, 'camera', FrameOutcome.FLUSH, 'gap'),
    (3700.0, SIZE, 'camera', FrameOutcome.FLUSH, 'gap'),
    (100.1, (320, 240), 'camera', FrameOutcome.FLUSH, 'image size'),
    (100.1, SIZE, 'other', FrameOutcome.FLUSH, 'frame_id'),
    (3700.0, (320, 240), 'other', FrameOutcome.FLUSH, 'gap, image size, frame_id'),
    # a jump back wins over everything else
    (1.0, (320, 240), 'other', FrameOutcome.RESET, 'time jumped back'),
    # a repeated stamp is dropped whatever else it brings
    (100.0, (320, 240), 'camera', FrameOutcome.DROP, 'duplicate stamp'),
    (None, SIZE, 'camera', FrameOutcome.DROP, 'zero stamp'),
])
def test_every_case_after_a_frame_at_100_s(stamp, size, frame_id, outcome, reason):
    taken = None if stamp is None else _ns(stamp)
    verdict = _guard_at(100.0).judge(taken, size, frame_id)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)
    assert bool(verdict.message) == (outcome is not FrameOutcome.ACCEPT)


def test_a_first_frame_without_a_stamp_is_refused_with_the_remedy():
    verdict = SequenceGuard(SequenceSettings()).judge(None, SIZE, '')
    assert verdict.outcome is FrameOutcome.DROP
    assert 'zero_stamp' in verdict.message


def test_the_time_of_receipt_can_stand_in_for_a_missing_stamp():
    guard = SequenceGuard(SequenceSettings(zero_stamp='receive_time'))
    first = guard.judge(None, SIZE, '', received=_ns(50.0))
    assert (first.outcome, first.stamp) == (FrameOutcome.ACCEPT, 0.0)
    guard.accept(first, SIZE, '')
    second = guard.judge(None, SIZE, '', received=_ns(50.1))
    assert (second.outcome, second.stamp) == (FrameOutcome.ACCEPT, 0.1)


@pytest.mark.parametrize('start', [1, 1_795_000_000_123_456_789])
def test_time_counts_from_the_first_frame_to_the_nanosecond(start):
    guard = SequenceGuard(SequenceSettings())
    for step in (0, 142857143, 285714286):
        verdict = guard.judge(start + step, SIZE, 'camera')
        guard.accept(verdict, SIZE, 'camera')
        assert verdict.stamp == step / 1e9
    # a loop begins at 0 again
    back = guard.judge(start - 2_000_000_000, SIZE, 'camera')
    assert (back.outcome, back.stamp) == (FrameOutcome.RESET, 0.0)
    guard.accept(back, SIZE, 'camera')
    assert guard.judge(start - 1_900_000_000, SIZE, 'camera').stamp == 0.1
    # and after a request, with whatever comes
    guard.forget()
    again = guard.judge(start + 7, SIZE, 'camera')
    guard.accept(again, SIZE, 'camera')
    assert guard.judge(start + 1007, SIZE, 'camera').stamp == 1e-6


def test_judging_leaves_no_trace():
    guard = _guard_at(100.0)
    assert guard.judge(_ns(5.0), (1, 1), 'broken').outcome is FrameOutcome.RESET
    assert guard.judge(_ns(100.1), SIZE, 'camera').outcome is FrameOutcome.ACCEPT


def test_after_forgetting_any_stamp_is_a_first_one():
    guard = _guard_at(100.0)
    guard.forget()
    assert guard.judge(_ns(5.0), SIZE, 'camera').outcome is FrameOutcome.ACCEPT


def test_limits_come_from_the_settings():
    guard = _guard_at(100.0, jump_back=10.0, max_gap=0.5)
    assert guard.judge(_ns(95.0), SIZE, 'camera').outcome is FrameOutcome.DROP
    assert guard.judge(_ns(101.0), SIZE, 'camera').outcome is FrameOutcome.FLUSH
