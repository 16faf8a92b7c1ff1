# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The re-identification benchmark on people of plain colours."""

import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch

from mot_ros.data.datasets.mot import MotRows
from mot_ros.tracking.nets.slm.variants import make_slm
from mot_ros.tracking.weights import store as weights
from mot_ros.training.model_card import write_weights
from test.benchmarks.scripts import load

FRAMES = 40
COLOURS = ((0, 0, 220), (0, 220, 0), (220, 0, 0))


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load('reidentification', monkeypatch)


def words(folder: Path, *, change: bool = False) -> list[str]:
    """
    Write a video of three people who walk, its truth, and return the words naming them.

    With `change` they change clothes among them in every frame.
    """
    rng = np.random.default_rng(0)
    video, truth = folder / 'v.avi', folder / 'gt.txt'
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*'MJPG'), 7.0, (320, 240))
    lines = []
    for number in range(FRAMES):
        image = np.full((240, 320, 3), 90, np.uint8)
        order = rng.permutation(3) if change else range(3)
        for person, colour in enumerate(COLOURS[chosen] for chosen in order):
            x, y = 10 + 4 * number, 10 + 75 * person
            image[y:y + 60, x:x + 24] = colour
            lines.append(f'{number + 1},{person + 1},{x},{y},24,60,1,-1,-1,-1\n')
        writer.write(image)
    writer.release()
    truth.write_text(''.join(lines))
    return ['--video', str(video), '--truth', str(truth), '--json', str(folder / 'a.json')]


def row(folder: Path) -> dict:
    return json.loads((folder / 'a.json').read_text())['rows'][0]


def test_people_of_other_colours_are_told_apart(
        benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(words(tmp_path)) == 0
    assert row(tmp_path)['after 1-2 s'] == row(tmp_path)['among all'] == 1
    assert row(tmp_path)['chance'] == pytest.approx(1 / 3)
    assert row(tmp_path)['crops'] == 3 * FRAMES
    # nobody is there for 50 frames
    assert row(tmp_path)['rank-1'] is None
    assert '| colour |' in capsys.readouterr().out.replace('  ', '')


def test_precision_by_hand(benchmark: ModuleType) -> None:
    """Two people at three times; at the last one the first looks like the second."""
    truth = MotRows(
        np.array([1, 1, 5, 5, 9]), np.array([1, 2, 1, 2, 1]), np.zeros((5, 4)), np.ones(5))
    east, north = [1.0, 0.0], [0.0, 1.0]
    embedded = np.array([east, north, east, north, [0.0, 1.0]], np.float32)
    right, precision = benchmark.far_apart(truth, embedded, 4)
    assert right == pytest.approx(4 / 5)
    # equals in their order: the last crop is third for both others of the first person, and finds
    # these behind both of the second
    assert precision == pytest.approx(
        np.mean([(1 + 2 / 3) / 2, 1, (1 + 2 / 3) / 2, 1, (1 / 3 + 2 / 4) / 2]))
    assert benchmark.far_apart(truth, embedded, 9) is None


def test_people_who_change_clothes_are_not(benchmark: ModuleType, tmp_path: Path) -> None:
    assert benchmark.main([*words(tmp_path, change=True), '--disturb', '0.02']) == 0
    assert row(tmp_path)['after 1-2 s'] == pytest.approx(1 / 3, abs=0.12)
    assert row(tmp_path)['among all'] == pytest.approx(1 / 3, abs=0.12)


def penn_fudan(folder: Path, count: int) -> Path:
    """Write images of one plain person each, all in other colours, with masks."""
    for name in ('images', 'masks'):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        image, mask = np.full((120, 100, 3), 90, np.uint8), np.zeros((120, 100), np.uint8)
        hue = np.uint8([[[180 * number // count, 220, 200]]])
        image[20:100, 35:65] = cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)
        mask[20:100, 35:65] = 1
        cv2.imwrite(str(folder / 'images' / f'{number:03}.png'), image)
        cv2.imwrite(str(folder / 'masks' / f'{number:03}.png'), mask)
    return folder


def test_people_cut_out_are_told_apart_and_only_those_held_out_are_asked_for(
        benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    ranked = benchmark.ranked
    monkeypatch.setattr(
        benchmark, 'ranked', lambda ids, *rest: asked.append(ids) or ranked(ids, *rest))
    data = penn_fudan(tmp_path / 'people', 12)
    more = ['--cutouts', str(data), '--hold-out', '3', '--light', '0']
    assert benchmark.main([*words(tmp_path), *more]) == 0
    assert len(set(asked[-1])) == 4 and len(asked[-1]) == 4 * benchmark.SEEN
    assert row(tmp_path)['cut-outs rank-1'] > 0.9
    assert 0.8 < row(tmp_path)['cut-outs mAP'] <= 1


def test_a_trained_network_has_rows_of_its_own_and_with_colours(
        benchmark: ModuleType, tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(make_slm('small').state_dict(), tmp_path / 'slm.pt')
    more = ['--weights', str(tmp_path / 'slm.pt'), '--device', 'cpu', '--share', '0']
    assert benchmark.main([*words(tmp_path), *more]) == 0
    rows = json.loads((tmp_path / 'a.json').read_text())['rows']
    assert [each['embedder'] for each in rows] == ['colour', 'slm', 'both, slm']
    # with no share of SLM both are the colours
    assert rows[2]['among all'] == rows[0]['among all']


def test_errors_take_one_line(
        benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main([*words(tmp_path), '--weights', 'none.pt']) == 2
    assert "'none.pt', which is neither a name" in capsys.readouterr().err


def test_people_are_found_again_by_another_camera(benchmark: ModuleType, tmp_path: Path) -> None:
    """A data set of three people and a copy of it; the sequence is that of the video."""
    for name, quality in (('one', 95), ('copy', 70)):
        folder = tmp_path / name
        folder.mkdir()
        for person, colour in enumerate(COLOURS):
            for view in range(4):
                # blocks of light that are in the copy too
                rng = np.random.default_rng((person, view))
                light = np.kron(rng.uniform(.4, 1, (12, 6)), np.ones((5, 4)))
                image = (light[..., None] * colour).astype(np.uint8)
                cv2.imwrite(str(folder / f'{person + 1:04d}{view + 1:03d}.jpg'), image,
                            [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert benchmark.main([
        *words(tmp_path), f'--crops=all={tmp_path / "one"}', f'--crops=last={tmp_path / "one"}=1',
        f'--trained={tmp_path / "copy"}=2']) == 0
    found = row(tmp_path)
    assert found['all rank-1'] == found['all mAP'] == found['last rank-1'] == 1
    assert (found['all queries'], found['last queries']) == (6, 2)
    copies = json.loads((tmp_path / 'a.json').read_text())['near_duplicates']
    assert copies == {'all in last': 4, 'all in training': 8, 'last in training': 0}
    for wrong in ('x=nowhere=a', f'x={tmp_path}'):
        assert benchmark.main([*words(tmp_path), f'--crops={wrong}']) != 0


def test_weights_get_the_scale_of_colours(benchmark: ModuleType, tmp_path: Path) -> None:
    torch.manual_seed(0)
    file, target = tmp_path / 'slm.safetensors', tmp_path / 'scaled.safetensors'
    write_weights(file, make_slm('lite').state_dict(), {'variant': 'lite'})
    assert benchmark.main([
        *words(tmp_path), f'--weights={file}', f'--calibrate={target}',
        '--colour-share=.25']) == 0
    scales = json.loads((tmp_path / 'a.json').read_text())['scales']['scaled']
    told = weights.metadata(target)
    assert (told['variant'], told['colour_share']) == ('lite', '0.25')
    assert float(told['distance_scale']) == pytest.approx(min(scales['PETS'], 1), abs=1e-3)
    # an untrained network says little, and says so by distances as small as its own
    assert scales['PETS'] == scales['all'] > 0
