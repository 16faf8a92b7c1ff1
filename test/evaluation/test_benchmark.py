# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""Evaluations: by hand, equal to TrackEval through its folders, the same however shared out."""

from collections.abc import Sequence
import contextlib
import dataclasses
import io
import os
from pathlib import Path
import shutil
import time
from typing import Any

import cv2
import numpy as np
import pytest

from mot_ros.data.annotated import even_stamps
from mot_ros.data.datasets.mot import MotRows, read_tracks
from mot_ros.data.datasets.mot_folder import MotFolder, read_sequence, sequence_folders
from mot_ros.evaluation import benchmark
from mot_ros.evaluation.benchmark import Job, Outcome, run_all, run_job
from mot_ros.evaluation.frame_selection import Footage, kept_frames
from mot_ros.evaluation.options import Options
from mot_ros.evaluation.processes import map_in_processes
from mot_ros.evaluation.scores.ignore_regions import considered, without_ignored
from mot_ros.evaluation.scores.scoring import combine, curve, figures, measure
from mot_ros.evaluation.scores.track_events import Change, match_events, Span
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
import mot_ros.tracking.detectors
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.types import Detections, Frame

SHARED = Path(__file__).resolve().parents[3] / 'shared' / 'data'
A, B, C = (0, 0, 10, 20), (100, 0, 110, 20), (200, 0, 210, 20)
BYTETRACK, SORT = {'method': 'bytetrack'}, {'method': 'sort', 'sort.min_hits': 1}
THEIRS = {
    'HOTA': ('HOTA', 'HOTA'), 'DetA': ('HOTA', 'DetA'), 'AssA': ('HOTA', 'AssA'),
    'LocA': ('HOTA', 'LocA'), 'MOTA': ('CLEAR', 'MOTA'), 'MOTP': ('CLEAR', 'MOTP'),
    'IDF1': ('Identity', 'IDF1'), 'IDP': ('Identity', 'IDP'), 'IDR': ('Identity', 'IDR'),
    'switches': ('CLEAR', 'IDSW'), 'fragments': ('CLEAR', 'Frag'), 'FP': ('CLEAR', 'CLR_FP'),
    'FN': ('CLEAR', 'CLR_FN'), 'mostly tracked': ('CLEAR', 'MT'),
    'partly tracked': ('CLEAR', 'PT'), 'mostly lost': ('CLEAR', 'ML')}


def rows(*each: tuple[int, int, tuple[float, ...]]) -> MotRows:
    """Make rows of (frame, id, box)."""
    return MotRows(
        np.array([frame for frame, _, _ in each], np.int64),
        np.array([identity for _, identity, _ in each], np.int64),
        np.array([box for _, _, box in each], np.float64).reshape(-1, 4), np.ones(len(each)))


def write_sequence(
        folder: Path, seed: int = 0, length: int = 30, people: int = 5, rate: float = 10,
        classes: bool = False, images: bool = False) -> Path:
    """Write people who walk across each other, with noisy detections of them."""
    generator = np.random.default_rng(seed)
    truth, detections = [], []
    for frame in range(1, length + 1):
        if images:
            picture = np.zeros((240, 320, 3), np.uint8)
        for person in range(people):
            x = 20 + 55 * person + (frame - length / 2) * 3 * (-1) ** person
            y = 40 + 20 * person
            tail = f'{(1, 1, 7, 12, 3)[person % 5]},0.9' if classes else '-1,-1,-1'
            considered_ = int(person != 3)
            truth.append(f'{frame},{person + 1},{x:.2f},{y},24,60,{considered_},{tail}')
            if images:
                cv2.rectangle(
                    picture, (round(x), y), (round(x) + 24, y + 60), (255, 255, 255), -1)
            if generator.random() < 0.85:
                dx, dy = generator.normal(0, 3, 2)
                detections.append(
                    f'{frame},-1,{x + dx:.2f},{y + dy:.2f},24,60,'
                    f'{generator.uniform(0.4, 1):.3f},-1,-1,-1')
        if images:
            (folder / 'img1').mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / 'img1' / f'{frame:06d}.png'), picture)
    for name, lines in (('gt', truth), ('det', detections)):
        (folder / name).mkdir(parents=True)
        (folder / name / f'{name}.txt').write_text('\n'.join(lines) + '\n')
    (folder / 'seqinfo.ini').write_text(
        f'[Sequence]\nframeRate={rate:g}\nseqLength={length}\nimWidth=320\nimHeight=240\n')
    return folder


def place(folder: Path) -> MotFolder:
    return MotFolder(folder.name, folder)


def by_trackeval(truth: Path, tracks: Path, benchmark: str) -> dict[str, Any]:
    """Score tracks/SEQUENCE.txt through TrackEval's own folders; also COMBINED_SEQ."""
    trackeval = pytest.importorskip('trackeval')
    trackers = tracks.parent / 'trackers'
    shutil.copytree(tracks, trackers / 'x' / 'data')
    names = [path.stem for path in tracks.glob('*.txt')]
    quiet = {'PRINT_CONFIG': False}
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = trackeval.Evaluator({
            'PRINT_RESULTS': False, 'OUTPUT_SUMMARY': False, 'OUTPUT_DETAILED': False,
            'PLOT_CURVES': False, 'TIME_PROGRESS': False, 'BREAK_ON_ERROR': True, **quiet})
        folders = trackeval.datasets.MotChallenge2DBox({
            'GT_FOLDER': str(truth), 'TRACKERS_FOLDER': str(trackers), 'BENCHMARK': benchmark,
            'SKIP_SPLIT_FOL': True, 'SEQ_INFO': dict.fromkeys(names), **quiet})
        result, _ = evaluator.evaluate([folders], [
            trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(dict(quiet)),
            trackeval.metrics.Identity(dict(quiet))])
    return {name: {ours: float(np.mean(found['pedestrian'][metric][theirs]))
                   for ours, (metric, theirs) in THEIRS.items()}
            for name, found in result['MotChallenge2DBox']['x'].items()}


def check_against_trackeval(
        outcomes: Sequence[Outcome], truth: Path, tracks: Path, benchmark: str) -> None:
    theirs = by_trackeval(truth, tracks, benchmark)
    ours = {outcome.sequence: figures(outcome.raw) for outcome in outcomes}
    ours['COMBINED_SEQ'] = figures(combine([outcome.raw for outcome in outcomes]))
    assert set(ours) == set(theirs)
    assert ours['COMBINED_SEQ']['switches'] > 0
    for name, expected in theirs.items():
        for key, value in expected.items():
            assert ours[name][key] == pytest.approx(value, abs=1e-6), (name, key)
    for outcome in outcomes:
        assert len(outcome.switches) == theirs[outcome.sequence]['switches']


def comparable(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return everything but times, with arrays as text."""
    return [
        {name: repr(value) for name, value in vars(outcome).items() if not name.endswith('_ms')}
        for outcome in outcomes]


def test_story_by_hand() -> None:
    truth = rows(*((frame, person, box) for frame in range(1, 7)
                   for person, box in ((1, A), (2, B))))
    # track 5 follows person 1, is gone in frame 3 and goes over to person 2, whom 6 had
    tracks = rows((1, 5, A), (2, 5, A), (1, 6, B), (2, 6, B), (4, 5, B), (5, 5, B), (6, 5, B),
                  (5, 7, A), (6, 7, A), (3, 8, C), (6, 8, C))
    events = match_events(truth, tracks)
    assert events.switches() == [Change(4, 2, 6, 5, 2), Change(5, 1, 5, 7, 2)]
    assert events.transfers() == [Change(4, 5, 1, 2, 2)]
    assert events.spans() == [
        Span(1, 1, 2, 5), Span(1, 3, 4, -1), Span(1, 5, 6, 7),
        Span(2, 1, 2, 6), Span(2, 3, 3, -1), Span(2, 4, 6, 5)]
    assert [(track, len(which)) for track, which in events.false_tracks()] == [(8, 2)]
    found = figures(measure(truth, tracks, len(events.transfers())))
    # each person is lost once and found again once
    assert (found['switches'], found['transfers'], found['fragments']) == (2, 1, 2)
    assert (found['FP'], found['FN'], found['people'], found['track ids']) == (2, 3, 2, 4)
    assert found['MOTA'] == pytest.approx((9 - 2 - 2) / 12, abs=1e-9)


def test_a_fragment_without_a_switch_and_a_transfer_without_one() -> None:
    truth = rows(*((frame, 1, A) for frame in (1, 2, 3)), *((frame, 2, B) for frame in (4, 5)))
    tracks = rows((1, 9, A), (3, 9, A), (4, 9, B), (5, 9, B))
    events = match_events(truth, tracks)
    found = figures(measure(truth, tracks, len(events.transfers())))
    assert (found['switches'], found['transfers'], found['fragments']) == (0, 1, 0)
    # TrackEval's frames without any track keep a person followed; with another track they do not
    truth, tracks = rows(*((f, 1, A) for f in (1, 2, 3))), rows((1, 9, A), (2, 8, B), (3, 9, A))
    events = match_events(truth, tracks)
    found = figures(measure(truth, tracks, len(events.transfers())))
    assert (found['switches'], found['transfers'], found['fragments']) == (0, 0, 1)


def test_nothing_tracked_and_nobody_there() -> None:
    truth = rows((1, 1, A), (2, 1, A))
    for first, second in ((truth, rows()), (rows(), truth)):
        events = match_events(first, second)
        assert events.switches() == events.transfers() == []
    assert match_events(truth, rows()).spans() == [Span(1, 1, 2, -1)]


def test_pairs_stay_together_while_they_overlap() -> None:
    near = (3, 0, 13, 20)
    truth = rows((1, 1, A), (2, 1, A))
    # in frame 2 track 6 lies exactly on the person, track 5 still overlaps by .54
    tracks = rows((1, 5, A), (2, 5, near), (2, 6, A))
    assert match_events(truth, tracks).switches() == []
    assert match_events(truth, tracks, iou=0.6).switches() == [Change(2, 1, 5, 6, 1)]


@pytest.mark.parametrize('benchmark, classes', [('MOT15', False), ('MOT17', True),
                                                ('MOT20', True)])
def test_equals_trackeval_with_several_sequences(
        tmp_path: Path, benchmark: str, classes: bool) -> None:
    names = [f'{benchmark}-0{number}' for number in range(3)]
    for number, name in enumerate(names):
        write_sequence(tmp_path / 'gt' / name, number, 20 + 10 * number, classes=classes)
    outcomes = run_all([
        Job(place(tmp_path / 'gt' / name), Options('public'), {'s': SORT}, output=tmp_path / 'out')
        for name in names], 1)
    assert [outcome.error for outcome in outcomes] == ['', '', '']
    check_against_trackeval(outcomes, tmp_path / 'gt', tmp_path / 'out' / 's', benchmark)


def test_distractors_take_tracks_out(tmp_path: Path) -> None:
    sequence = read_sequence(write_sequence(tmp_path / 'MOT17-01', classes=True))
    every = dataclasses.replace(sequence.truth)
    left = without_ignored(sequence, every)
    # the third is a static person, the fourth a reflection, the fifth a car: no distractor
    assert sorted(set(left.ids.tolist())) == [1, 2, 5]
    got = figures(measure(considered(sequence), left, 0))
    assert (got['FP'], got['FN']) == (30, 0)


def test_regions_swallow_tracks_that_are_on_nobody(tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / 's', length=1, people=1)
    (folder / 'gt' / 'gt.txt').write_text(
        '1,1,10,10,20,40,1,-1,-1,-1\n1,2,200,10,20,40,0,-1,-1,-1\n'
        '1,-1,0,0,100,100,0,-1,-1,-1\n')
    sequence = read_sequence(folder)
    tracks = rows(
        (1, 1, (10, 10, 30, 50)),     # on the person, inside the region: stays
        (1, 2, (60, 60, 80, 90)),     # on nobody, inside: out
        (1, 3, (90, 0, 110, 20)),     # on nobody, exactly half inside: stays
        (1, 4, (89, 40, 109, 60)),    # on nobody, more than half inside: out
        (1, 5, (200, 10, 220, 50)))   # on somebody who is not considered: out
    assert without_ignored(sequence, tracks).ids.tolist() == [1, 3]


def test_frames_by_time(tmp_path: Path) -> None:
    sequence = read_sequence(write_sequence(tmp_path / 's', length=12, rate=30))
    assert kept_frames(sequence, Options(fps=10)).tolist() == [1, 4, 7, 10]
    assert kept_frames(sequence, Options(fps=20)).tolist() == [1, 3, 4, 6, 7, 9, 10, 12]
    assert kept_frames(sequence, Options(fps=100)).tolist() == list(range(1, 13))
    assert kept_frames(sequence, Options(frames=5)).tolist() == [1, 2, 3, 4, 5]
    for rate in (7, 14, 25, 29.97):
        other = dataclasses.replace(
            sequence, rate=rate, stamps=even_stamps(1000, rate))
        # every second frame exactly, whatever the rounding
        assert kept_frames(other, Options(fps=rate / 2)).tolist() == list(range(1, 1001, 2))


def test_drops_depend_on_seed_and_name_only(tmp_path: Path) -> None:
    sequence = dataclasses.replace(
        read_sequence(write_sequence(tmp_path / 's', length=12)), stamps=even_stamps(10000, 10))
    first = kept_frames(sequence, Options(drop=0.3))
    assert 6800 < len(first) < 7200
    assert kept_frames(sequence, Options(drop=0.3)).tolist() == first.tolist()
    assert kept_frames(sequence, Options(drop=0.3, seed=1)).tolist() != first.tolist()
    other = dataclasses.replace(sequence, name='other')
    assert kept_frames(other, Options(drop=0.3)).tolist() != first.tolist()
    thinned = kept_frames(sequence, Options(drop=0.3, fps=5))
    assert set(thinned.tolist()) == set(first.tolist()) & set(range(1, 10001, 2))
    with pytest.raises(ConfigError, match='no frame is left'):
        kept_frames(
            dataclasses.replace(sequence, stamps=even_stamps(1, 10)), Options(drop=0.999999))


def test_only_kept_frames_are_processed_and_scored(tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / 's', length=20)
    outcome, = run_job(Job(
        place(folder), Options('public', fps=5), {'s': SORT}, output=tmp_path / 'out'))
    assert outcome.frames == 10
    assert len(outcome.stages_ms['tracker']) == 10
    assert figures(outcome.raw)['truth boxes'] == 10 * 4
    assert set(read_tracks(tmp_path / 'out/s/s.txt').frames.tolist()) <= set(range(1, 21, 2))
    # a ready result is thinned in the same way, so that both have the same score
    ready, = run_job(Job(
        place(folder), Options(fps=5), results={'s': tmp_path / 'out' / 's'}))
    assert figures(ready.raw) == figures(outcome.raw)


@pytest.mark.parametrize('values, said', [
    ({'fps': 0.0}, 'fps is 0'), ({'fps': float('nan')}, 'fps is nan'), ({'drop': 1.0}, 'drop is'),
    ({'frames': 0}, 'frames is 0'), ({'iou': 0.0}, 'iou is 0')])
def test_bad_options(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Options(**values)


def test_one_failure_costs_nothing_else(tmp_path: Path) -> None:
    folders = [write_sequence(tmp_path / name) for name in ('a', 'b', 'c')]
    (folders[1] / 'gt' / 'gt.txt').write_text('1,1,10,10,5,9,1\n1,1,10,10,5,9,1\n')
    (folders[2] / 'det' / 'det.txt').unlink()
    jobs = [Job(place(folder), Options('public'), {'b': BYTETRACK, 's': SORT})
            for folder in folders]
    outcomes = run_all(jobs, 1)
    assert [(outcome.run, outcome.sequence) for outcome in outcomes] == [
        (run, name) for name in 'abc' for run in 'bs']
    assert [bool(outcome.error) for outcome in outcomes] == [False] * 2 + [True] * 4
    assert 'gt.txt, line 2: id 1 comes a second time' in outcomes[2].error
    assert 'c comes without detections; give --detections FILE' in outcomes[4].error


def test_a_broken_method_costs_only_itself(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    working = benchmark.make_tracker

    def make(settings: Any, detector: Any) -> Any:
        if settings.method == 'sort':
            raise RuntimeError('out of order')
        return working(settings, detector)

    monkeypatch.setattr(benchmark, 'make_tracker', make)
    job = Job(
        place(write_sequence(tmp_path / 'a')), Options('public'), {'s': SORT, 'b': BYTETRACK})
    broken, sound = run_job(job)
    assert broken.error == 'RuntimeError: out of order'
    assert broken.raw is None
    assert sound.error == ''
    assert figures(sound.raw)['HOTA'] > 0


def test_the_same_in_any_arrangement(tmp_path: Path) -> None:
    folders = [write_sequence(tmp_path / f's{number}', number) for number in range(3)]
    jobs = [Job(place(folder), Options('public', drop=0.1), {'b': BYTETRACK, 's': SORT})
            for folder in folders]
    alone = comparable(run_all(jobs, 1))
    assert comparable(run_all(jobs, 2)) == alone
    assert comparable(run_all(jobs[::-1], 1)) == [
        alone[2 * number + run] for number in (2, 1, 0) for run in (0, 1)]
    one_by_one = [
        outcome for job in jobs for run in ('b', 's') for outcome in run_all(
            [dataclasses.replace(job, methods={run: job.methods[run]})], 1)]
    assert comparable(one_by_one) == alone


def _square(number: int) -> int:
    if number == 3:
        # long enough for the others to be under way
        time.sleep(0.2)
        os._exit(1)
    return number ** 2


def test_a_process_that_dies_takes_nobody_along() -> None:
    done: list[int] = []
    results = map_in_processes(
        _square, [1, 2, 3, 4, 5], 2, lambda number, reason: -number,
        lambda index, result: done.append(index))
    assert results == [1, 4, -3, 16, 25]
    assert sorted(done) == [0, 1, 2, 3, 4]


class CountingDetector:
    """Finds the white boxes of `write_sequence` and counts its calls."""

    class_names = ('person',)
    calls = 0

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        type(self).calls += len(frames)
        return [self._find(np.asarray(frame.image)) for frame in frames]

    def _find(self, image: np.ndarray) -> Detections:
        outlines, _ = cv2.findContours(
            (image[:, :, 0] > 128).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes = [[x, y, x + w, y + h] for x, y, w, h in map(cv2.boundingRect, outlines)]
        return Detections(
            np.array(boxes, np.float32), np.full(len(boxes), 0.9, np.float32),
            np.zeros(len(boxes), np.int64))


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> type[CountingDetector]:
    monkeypatch.setattr(CountingDetector, 'calls', 0)
    monkeypatch.setattr(
        mot_ros.tracking.detectors, 'make_detector', lambda settings: CountingDetector())
    return CountingDetector


def test_own_detector_sees_each_kept_frame_once(
        tmp_path: Path, stub: type[CountingDetector]) -> None:
    folder = write_sequence(tmp_path / 's', length=20, people=2, images=True)
    # the truth has one who is not in the images: the worst moment that there is to see
    with (folder / 'gt' / 'gt.txt').open('a') as file:
        file.writelines(f'{frame},9,200,100,24,60,1,-1,-1,-1\n' for frame in range(1, 21))
    outcomes = run_job(Job(place(folder), Options(fps=5), {'b': BYTETRACK, 's': SORT}))
    assert [outcome.error for outcome in outcomes] == ['', '']
    assert stub.calls == 10
    assert len(outcomes[0].stages_ms['detector']) == len(outcomes[0].stages_ms['tracker']) == 10
    assert len(outcomes[0].stages_ms['decode']) >= 19
    sort = figures(outcomes[1].raw)
    assert sort['FN'] >= 10
    moment = next(moment for moment in outcomes[1].worst_frames if moment.kind == 'miss')
    assert moment.text == 'person 9 has no track in frames 1 to 19'
    assert moment.frame in range(1, 20, 2)
    picture = cv2.imdecode(np.frombuffer(moment.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (190, 230, 3)
    # the missing person is framed in green in the middle of the crop
    blue, green, red = (picture[:, :, channel].astype(int) for channel in range(3))
    ys, xs = np.nonzero((green > 140) & (red < 110) & (blue < 130))
    assert abs(xs.mean() - 115) < 12
    assert abs(ys.mean() - 95) < 12


def test_images_that_are_missing_or_end_early_are_told(
        tmp_path: Path, stub: type[CountingDetector]) -> None:
    without, = run_job(Job(place(write_sequence(tmp_path / 'a')), Options(), {'s': SORT}))
    assert '--images a=FILE' in without.error
    folder = write_sequence(tmp_path / 'b', length=8, images=True)
    for number in (7, 8):
        (folder / 'img1' / f'{number:06d}.png').unlink()
    short, = run_job(Job(place(folder), Options(), {'s': SORT}))
    assert short.error == ''
    assert len(short.stages_ms['tracker']) == 6
    assert 'ends before frame 8' in ' '.join(short.warnings)


def test_detections_from_elsewhere(tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / 's')
    public, = run_job(Job(place(folder), Options('public'), {'s': SORT}))
    shutil.copy(folder / 'det' / 'det.txt', tmp_path / 's.txt')
    for which in (tmp_path / 's.txt', tmp_path):
        given, = run_job(Job(place(folder), Options(str(which)), {'s': SORT}))
        assert figures(given.raw) == figures(public.raw)
    # scores of another scale keep their order
    rows_ = [line.split(',') for line in (folder / 'det' / 'det.txt').read_text().splitlines()]
    (tmp_path / 's.txt').write_text(''.join(
        ','.join([*line[:6], str(float(line[6]) * 100 - 20), *line[7:]]) + '\n'
        for line in rows_))
    scaled, = run_job(Job(place(folder), Options(str(tmp_path)), {'s': SORT}))
    assert scaled.error == ''
    assert 'were scaled to 0..1' in scaled.warnings[0]


def test_a_method_that_looks_at_images_gets_them_beside_given_detections(tmp_path: Path) -> None:
    smile, blind = {'method': 'smiletrack'}, {'method': 'smiletrack', 'appearance.type': 'none'}
    with_images = write_sequence(tmp_path / 'a', images=True)
    first, second, third = run_job(Job(
        place(with_images), Options('public'), {'smile': smile, 'sort': SORT, 'again': smile}))
    assert [first.error, second.error, third.error] == ['', '', '']
    assert figures(first.raw)['HOTA'] > 0.3
    assert first.tracks == third.tracks
    assert len(first.stages_ms['decode']) >= 30
    assert 'decode' not in second.stages_ms
    without, sound = run_job(Job(
        place(write_sequence(tmp_path / 'b')), Options('public'), {'s': smile, 'b': blind}))
    assert without.error.startswith('smiletrack looks at images, and b has none')
    assert '--images b=FILE' in without.error
    assert sound.error == ''


def test_detections_come_best_first_by_frame(tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / 's', length=4)
    (folder / 'det' / 'det.txt').write_text(
        '2,-1,0,0,10,20,0.3\n2,-1,100,0,10,20,0.8\n4,-1,200,0,10,20,0.5\n')
    sequence = read_sequence(folder)
    # stamps may come twice, as in a bag that loops: frames do not
    sequence.stamps[2:] -= sequence.stamps[2]
    footage = Footage(sequence, np.array([1, 2, 3, 4]), 'public')
    detector = footage.detector_for(
        build(Settings, {}), lambda: pytest.fail('no other detector is needed'))
    found = [detector.detect([frame])[0].boxes.tolist() for frame in footage]
    assert found == [[], [list(B), list(A)], [], [list(C)]]


def test_ready_results_are_checked(tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / 's', length=10)
    results = tmp_path / 'results'
    results.mkdir()

    def judge(text: str) -> Outcome:
        (results / 's.txt').write_text(text)
        outcome, = run_job(Job(place(folder), Options(), results={'r': results}))
        return outcome

    assert judge('11,1,10,10,5,9,1\n').error.endswith('is it the result of another sequence?')
    assert 'line 2: id 1' in judge('1,1,1,1,5,9,1\n1,1,10,10,5,9,1\n').error
    large = judge('1,1,1000,700,50,90,1\n')
    assert large.error == ''
    assert '3.3 times the size of the image (320x240)' in large.warnings[0]
    empty = judge('')
    assert (empty.error, empty.warnings) == ('', [])
    assert figures(empty.raw)['FN'] == 40
    (results / 's.txt').unlink()
    missing, = run_job(Job(place(folder), Options(), results={'r': results}))
    assert 's.txt cannot be read' in missing.error
    # TrackEval's layout has a folder more
    (results / 'data').mkdir()
    (results / 'data' / 's.txt').write_text('1,1,10,10,5,9,1\n')
    inner, = run_job(Job(place(folder), Options(), results={'r': results}))
    assert figures(inner.raw)['FP'] == 1


def test_combining_pools_counts() -> None:
    truth = rows(*((frame, 1, A) for frame in range(1, 5)))
    good, none = measure(truth, truth, 0), measure(truth, rows(), 0)
    both = combine([good, none])
    found = figures(both)
    assert (found['MOTA'], found['DetA'], found['AssA']) == pytest.approx((0.5, 0.5, 1))
    assert found['HOTA'] == pytest.approx(0.5 ** 0.5)
    assert found['IDF1'] == pytest.approx(2 / 3)
    assert (found['FN'], found['people'], found['truth boxes']) == (4, 2, 8)
    assert curve(both) == pytest.approx([0.5 ** 0.5] * 19)


@pytest.mark.skipif(not (SHARED / 'mot15').is_dir(), reason='no shared data')
def test_real_sequences_equal_trackeval(tmp_path: Path) -> None:
    jobs = [Job(place(folder), Options('public'), {'bytetrack': BYTETRACK},
                output=tmp_path / 'out')
            for folder in sequence_folders(SHARED / 'mot15')]
    outcomes = run_all(jobs, 1)
    assert len(outcomes) == 5
    assert [outcome.error for outcome in outcomes] == [''] * 5
    check_against_trackeval(
        outcomes, SHARED / 'mot15', tmp_path / 'out' / 'bytetrack', 'MOT15')
