# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Motions of annotated objects in parts of their boxes, as `count --motion` prints them."""

from pathlib import Path

import pytest

from mot_ros import cli


def write(folder: Path, lines: str) -> Path:
    (folder / 'walk' / 'gt').mkdir(parents=True)
    (folder / 'walk' / 'gt' / 'gt.txt').write_text(lines)
    (folder / 'walk' / 'seqinfo.ini').write_text(
        '[Sequence]\nframeRate=10\nseqLength=9\nimWidth=320\nimHeight=240\n')
    return folder


def test_shifts_are_in_parts_of_the_earlier_box(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Boxes 20 x 50: 8 px along x are .4 of the width, 45 along y .9 of the height.

    Of two shifts the larger part counts; a gap in the frames is no motion, nor is one of
    another object.
    """
    folder = write(tmp_path, ''.join(f'{frame},{who},{x},{y},20,50,1\n' for frame, who, x, y in [
        (1, 1, 100, 10), (2, 1, 108, 12), (3, 1, 108, 57), (5, 1, 150, 57), (1, 2, 10, 10),
        (2, 2, 10.5, 10)]))
    assert cli.main(['count', '--motion', str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f'{folder}: 3 motions, median 0.400 of the box'
    shares = {line[:14].strip(): line[14:].strip() for line in lines[1:]}
    assert shares == {
        '0 to 0.05': '33.3%', '0.05 to 0.1': '0.0%', '0.1 to 0.2': '0.0%', '0.2 to 0.3': '0.0%',
        '0.3 to 0.5': '33.3%', '0.5 to 0.75': '0.0%', '0.75 to 1': '33.3%', 'from 1': '0.0%'}


def test_nobody_moves_where_nobody_is_seen_twice(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path, '1,1,10,10,20,50,1\n')
    assert cli.main(['count', '--motion', str(folder)]) == 0
    assert 'no object is annotated in two adjacent frames' in capsys.readouterr().out
    assert cli.main(['count']) == 2
    assert '--motion' in capsys.readouterr().err
