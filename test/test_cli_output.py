# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Commands whose output cannot be written: status 2, one sentence, and nothing harmed."""

from pathlib import Path
import shutil

import pytest

from mot_ros import cli
import mot_ros.tracking.detectors
from mot_ros.tracking.runtime.output_file import locked_folder
from test.limits import limited_files
from test.test_cli import SquareDetector
from test.test_cli import video as video
from test.test_cli_convert import sequence as sequence

TRACK = ('track', '{video}', '--method', 'sort')
EVALUATE = ('evaluate', '--mot', '{sequence}', '--methods', 'sort', '--detections', 'public', '-o')
COMMANDS = {
    'track mp4': ('old.mp4', *TRACK, '-o', '{out}'),
    'track avi': ('old.avi', *TRACK, '-o', '{out}'),
    'track text': ('old.txt', *TRACK, '--mot', '{out}'),
    'track sheet': ('old.png', *TRACK, '--sheet', '{out}'),
    'track cache': ('old.npz', *TRACK, '--cache-detections', '{out}'),
    'convert mp4': ('new.mp4', 'convert', '{sequence}', '{out}'),
    'convert mcap': ('new', 'convert', '{sequence}', '{out}', '--compressed'),
    'convert db3': ('new', 'convert', '{sequence}', '{out}', '--storage', 'sqlite3'),
    'convert mot': ('new', 'convert', '{video}', '{out}', '--to', 'mot'),
    'convert coco': ('new', 'convert', '{sequence}', '{out}', '--to', 'coco'),
    'convert json': ('new.json', 'convert', '{sequence}', '{out}'),
    'compose': ('new', 'compose', '{out}', '--seconds', '0.1', '--size', '160x120'),
    'evaluate': ('report', *EVALUATE, '{out}'),
}


@pytest.fixture(autouse=True)
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        mot_ros.tracking.detectors, 'make_detector', lambda settings: SquareDetector())


def words_of(name: str, video: Path, sequence: Path, place: Path) -> tuple[Path, list[str]]:
    """Return the output of a command, with what was there before, and the words."""
    product, *words = COMMANDS[name]
    out = place / product
    if product.startswith('old') and not name.endswith('cache'):
        out.write_text('old')
    return out, [word.format(video=video, sequence=sequence, out=out) for word in words]


@pytest.mark.parametrize('name', COMMANDS)
def test_a_full_disk(
        video: Path, sequence: Path, tmp_path: Path, name: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / 'disk'
    place.mkdir()
    out, words = words_of(name, video, sequence, place)
    with limited_files(200):
        status = cli.main(words)
    printed = capsys.readouterr()
    assert status == 2, printed.err
    assert 'wrote' not in printed.out
    # progress may go on after it
    sentence, = (line for line in printed.err.splitlines() if 'error: ' in line)
    assert 'cannot be written: ' in sentence
    assert str(out) in sentence
    if out.name.startswith('old') and out.exists():
        assert out.read_text() == 'old'
    left = [path for path in place.rglob('*') if path.is_file() and path != out]
    # of an evaluation what was finished is kept for the next start
    assert name == 'evaluate' or left == []
    # and a second run works
    assert cli.main(words) == 0, capsys.readouterr().err
    assert out.exists()


@pytest.mark.parametrize('name', COMMANDS)
def test_a_folder_that_is_not_there(
        video: Path, sequence: Path, tmp_path: Path, name: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / 'disk'
    place.mkdir()
    words = words_of(name, video, sequence, place)[1]
    shutil.rmtree(place)
    # a file in the place of the mount
    place.write_text('')
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert 'Traceback' not in error
    assert str(place) in error.splitlines()[-1]


def test_an_evaluation_into_the_folder_of_another_is_refused(
        sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'report'
    out.mkdir()
    words = [*(word.format(sequence=sequence) for word in EVALUATE), str(out)]
    with locked_folder(out):
        assert cli.main(words) == 2
    assert 'another run is writing to' in capsys.readouterr().err
    assert cli.main(words) == 0
