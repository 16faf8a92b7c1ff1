# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros evaluate` over data sets in layouts of their own, from files to the report."""

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mot_ros import cli

LENGTH = 12


def boxes() -> list[tuple[int, int, int, int, int, int]]:
    """Return frame from 0, id, x, y, w, h of two people who pass each other."""
    return [(frame, person, x, 40 * person, 24, 60) for frame in range(LENGTH)
            for person, x in ((1, 10 + 8 * frame), (2, 250 - 8 * frame))]


def write_results(
        folder: Path, name: str, scale: int = 1, gap: float = 0.0, first: int = 1) -> Path:
    """Write the boxes as a result file, each of them `gap` pixels too far to the right."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f'{name}.txt').write_text(''.join(
        f'{frame * scale + first},{person},{x + gap},{y},{w},{h},0.{person},-1,-1,-1\n'
        for frame, person, x, y, w, h in boxes()))
    return folder


def write_kitti(folder: Path) -> Path:
    (folder / 'label_02').mkdir(parents=True)
    for name in ('0000', '0001'):
        (folder / 'label_02' / f'{name}.txt').write_text(''.join(
            f'{frame} {person} Pedestrian 0 0 -10 {x} {y} {x + w} {y + h} -1 -1 -1 0 0 0 0\n'
            for frame, person, x, y, w, h in boxes()))
    return folder


def write_images(folder: Path, count: int = LENGTH) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        cv2.imwrite(str(folder / f'frame{number + 1:04d}.png'), np.zeros((240, 320, 3), 'u1'))
    return folder


def write_hieve(folder: Path) -> Path:
    (folder / 'labels' / 'track1').mkdir(parents=True)
    (folder / 'labels' / 'track1' / '1.txt').write_text(''.join(
        f'{frame},{person},{x},{y},{w},{h},1,-1,-1,-1\n' for frame, person, x, y, w, h in boxes()))
    write_images(folder / 'videos' / '1')
    return folder


def write_crp(folder: Path) -> Path:
    (folder / 'annotation').mkdir(parents=True)
    (folder / 'annotation' / 'anno.json').write_text(json.dumps({'samples': {'v': {
        'metadata': {'data_path': 'v.mp4', 'fps': 30, 'number_of_frames': 30 * LENGTH,
                     'resolution': {'width': 320, 'height': 240}},
        'entities': [{'time': 0, 'id': person, 'bb': [x, y, w, h], 'labels': {'person': 1},
                      'blob': {'frame_idx': 30 * frame}}
                     for frame, person, x, y, w, h in boxes()]}}}))
    return folder


def write_tao(file: Path) -> Path:
    """Write three videos: one with people, one with none, one in which nobody looked for them."""
    videos = {'a': [7], 'b': [5], 'c': [7]}
    file.write_text(json.dumps({
        'categories': [{'id': 5, 'name': 'person'}, {'id': 7, 'name': 'cat'}],
        'videos': [{'id': number, 'name': f'val/{name}', 'neg_category_ids': none,
                    'not_exhaustive_category_ids': []}
                   for number, (name, none) in enumerate(videos.items())],
        'images': [{'id': 100 * number + frame, 'video_id': number, 'width': 320, 'height': 240,
                    'file_name': f'val/{name}/frame{frame + 1:04d}.png', 'frame_index': 30 * frame}
                   for number, name in enumerate(videos) for frame in range(LENGTH)],
        'annotations': [
            {'id': 2 * frame + person, 'image_id': frame, 'category_id': 5, 'track_id': person,
             'bbox': [x, y, w, h]} for frame, person, x, y, w, h in boxes()]}))
    return file


def evaluate(output: Path, *words: object) -> dict[str, Any]:
    assert cli.main(['evaluate', '-o', str(output), *map(str, words)]) == 0
    return json.loads((output / 'report.json').read_text())  # type: ignore[no-any-return]


def columns(output: Path) -> list[str]:
    with (output / 'report.csv').open() as file:
        return list(csv.DictReader(file).fieldnames or [])


def test_kitti(tmp_path: Path) -> None:
    data = write_kitti(tmp_path / 'data')
    tracks = write_results(write_results(tmp_path / 'mine', '0000'), '0001')
    report = evaluate(tmp_path / 'out', '--kitti', data, '--tracks', tracks)
    assert [result['sequence'] for result in report['results']] == ['0000', '0001']
    assert {result['rule'] for result in report['results']} == {'kitti_labels'}
    assert report['combined']['mine']['scores']['MOTA'] == 1
    assert 'no images' in report['results'][0]['warnings'][0]
    # nothing of TAO shows elsewhere
    assert 'TAP50' not in columns(tmp_path / 'out')
    assert 'Whole tracks' not in (tmp_path / 'out' / 'report.html').read_text()
    images = write_images(tmp_path / 'images')
    seen = evaluate(tmp_path / 'seen', '--kitti', data, '--tracks', tracks, '--sequences', '0001',
                    '--images', f'0001={images}', '--classes', 'pedestrian')
    assert (seen['results'][0]['warnings'], seen['results'][0]['frames']) == ([], LENGTH)


def test_a_method_runs_on_given_detections(tmp_path: Path) -> None:
    data = write_kitti(tmp_path / 'data')
    detections = tmp_path / 'det.txt'
    detections.write_text(''.join(
        f'{frame + 1},-1,{x},{y},{w},{h},0.9\n' for frame, _, x, y, w, h in boxes()))
    report = evaluate(
        tmp_path / 'out', '--kitti', data, '--sequences', '0000', '--methods', 'sort',
        '--detections', detections, '--set', 'sort.min_hits=1')
    assert report['combined']['sort']['scores']['MOTA'] == 1


def test_hieve(tmp_path: Path) -> None:
    data = write_hieve(tmp_path / 'data')
    report = evaluate(
        tmp_path / 'out', '--hieve', data, '--tracks', write_results(tmp_path / 'mine', '1'))
    assert report['results'][0]['frames'] == LENGTH
    assert report['combined']['mine']['scores']['MOTA'] == 1
    assert cli.main(['evaluate', '-o', str(tmp_path / 'out'), '--hieve', str(data), '--classes',
                     'person', '--tracks', str(tmp_path / 'mine')]) != 0


def test_crp_scores_annotated_frames_only(tmp_path: Path) -> None:
    data = write_crp(tmp_path / 'data')
    tracks = write_results(tmp_path / 'mine', 'v', scale=30)
    # between the annotated frames nobody knows
    with (tracks / 'v.txt').open('a') as file:
        file.write('2,5,100,100,20,20,1\n')
    report = evaluate(tmp_path / 'out', '--crp', data, '--tracks', tracks)
    result, = report['results']
    assert (result['frames'], result['scored'], result['rule']) == (30 * LENGTH, LENGTH, 'crp')
    assert (result['scores']['MOTA'], result['scores']['FP']) == (1, 0)
    assert cli.main(['evaluate', '-o', str(tmp_path / 'out'), '--crp', str(tmp_path / 'none'),
                     '--tracks', str(tracks)]) != 0


def test_tao_has_figures_of_whole_tracks(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_tao(tmp_path / 'validation.json')
    # what is found in the video without people is false: two tracks; shifted boxes overlap by .6
    good = write_results(tmp_path / 'good', 'val-a', scale=30)
    (write_results(good, 'val-b', scale=30) / 'val-b.txt').write_text('')
    poor = write_results(tmp_path / 'poor', 'val-a', scale=30, gap=6)
    write_results(poor, 'val-b', scale=30)
    report = evaluate(
        tmp_path / 'out', '--tao', file, '--tracks', good, '--tracks', poor)
    assert [(result['run'], result['sequence']) for result in report['results']] == [
        ('good', 'val-a'), ('poor', 'val-a'), ('good', 'val-b'), ('poor', 'val-b')]
    scores = {run: whole['scores'] for run, whole in report['combined'].items()}
    assert [scores['good'][name] for name in ('TAP', 'TAP50', 'TAP75')] == pytest.approx([1, 1, 1])
    # by score: right, wrong, right, wrong; so precision 1 up to half of the recall, then 2 / 3
    assert scores['poor']['TAP50'] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert scores['poor']['TAP75'] == 0
    assert scores['poor']['FP'] == 2 * LENGTH
    # where there is nothing to find there is no precision
    assert 'TAP' not in report['results'][2]['scores']
    assert {'TAP', 'TAP50', 'TAP75'} <= set(columns(tmp_path / 'out'))
    assert 'Whole tracks' in (tmp_path / 'out' / 'report.html').read_text()
    assert capsys.readouterr().out.splitlines()[0].split()[-5:] == [
        'TAP', 'TAP50', 'TAP75', 'ms', 'p99']
    # compared like the others
    again = tmp_path / 'out' / 'report.json'
    assert evaluate(tmp_path / 'two', '--tao', file, '--tracks', good, '--tracks', poor,
                    '--compare', again, '--jobs', 2)['combined'] == report['combined']


def test_tao_with_its_images(tmp_path: Path) -> None:
    file = write_tao(tmp_path / 'validation.json')
    for name in 'ab':
        write_images(tmp_path / 'frames' / 'val' / name)
    # only annotated frames are there, so that each is a frame of its own
    tracks = write_results(tmp_path / 'mine', 'val-a')
    report = evaluate(
        tmp_path / 'out', '--tao', file, '--images', tmp_path / 'frames', '--tracks', tracks,
        '--sequences', 'val-a')
    result, = report['results']
    assert (result['frames'], result['rate']) == (LENGTH, 1.0)
    assert result['scores']['TAP'] == pytest.approx(1)


def test_data_sets_together(tmp_path: Path) -> None:
    tracks = write_results(write_results(tmp_path / 'mine', '1'), 'v', scale=30)
    report = evaluate(
        tmp_path / 'out', '--hieve', write_hieve(tmp_path / 'h'), '--crp',
        write_crp(tmp_path / 'c'), '--tracks', tracks)
    assert [result['sequence'] for result in report['results']] == ['1', 'v']
    assert report['combined']['mine']['scores']['MOTA'] == 1
