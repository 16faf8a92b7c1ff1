# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""MOT text as spreadsheets, editors and scripts write it: read right, told of, or refused."""

from pathlib import Path

import pytest

from mot_ros.data.datasets.mot import read_tracks, read_truth
from mot_ros.tracking.errors import SourceError

PLAIN = '1,7,10,20,30,40,1,1,1'
BOX = [10, 20, 40, 60]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize('text', [
    f'{PLAIN}\r\n{PLAIN.replace("1,7", "2,7", 1)}\n', f'{PLAIN}\r2,7,10,20,30,40,1,1,1\r',
    f'\ufeff{PLAIN}\n\n\n2,7,10,20,30,40,1,1,1', '1.0,7.0,1e1,20.0,30,40,1,1,1\n2, 7 ,10,20,30,40,'
    '1,1,1', ''.join(','.join(f'"{part}"' for part in f'{frame}{PLAIN[1:]}'.split(',')) + '\n'
                     for frame in (1, 2)),
    "'1','7','10','20','30','40','1','1','1'\n'2','7','10','20','30','40','1','1','1'"],
    ids=['line ends of two kinds', 'old line ends', 'mark and blank lines', 'floats', 'quoted',
         'single quotes'])
def test_other_spellings_are_the_same_boxes(tmp_path: Path, text: str) -> None:
    rows = read_truth(write(tmp_path / 'gt.txt', text))
    assert (rows.frames.tolist(), rows.ids.tolist()) == ([1, 2], [7, 7])
    assert rows.boxes.tolist() == [BOX, BOX]
    assert rows.notes == ()


@pytest.mark.parametrize(('text', 'words'), [
    ('1;7;10,5;20;30;40;1;1;1', 'point before their decimals'),
    ('1;7;1.234,5;20;30;40;1;1;1', 'nothing between thousands'),
    ('1,7,"1,234.5",20,30,40,1,1,1', 'nothing between thousands'),
    ('1,7,1_0,20,30,40,1,1,1', 'could not convert'), ('0x1,7,10,20,30,40,1,1,1', 'could not'),
    ('1,7,nan,20,30,40,1,1,1', 'not finite'), ('1,7,10,20,inf,40,1,1,1', 'not finite'),
    ('1,7,10,20,30,40,nan,1,1', 'not finite'),
    ('frame,x,y,w,h,id\n1,10,20,30,40,7', 'header or a comment'),
    ('"frame","id","x","y","w","h"\n1,7,10,20,30,40', 'header or a comment'),
    (f'{PLAIN}\n2 7 10 20 30 40 1 1 1', 'separated by'),
    (f'{PLAIN}\n2,7,10', '3 columns'), ('1.5,7,10,20,30,40,1,1,1', 'frame is 1.5'),
    (PLAIN.encode('utf-16'), 'not in UTF-16'), (PLAIN.encode() + b'\n\0\0\0\0', 'columns')])
def test_other_numbers_are_refused(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read_tracks(write(tmp_path / 'gt.txt', text))


@pytest.mark.parametrize(('text', 'words'), [
    # a comma between thousands moves the columns after it
    (f'{PLAIN}\n2,7,1,234,20,30,40,1,1,1', 'line 2 has 10 columns, the first one 9'),
    (f'{PLAIN}\n2,7,10,20,30,40', 'line 2 has 6 columns, the first one 9'),
    ('1,7,10,5,20,5,30,5,40,5,1,1,1', 'lines have 13 columns')])
def test_columns_that_may_be_moved_are_told(tmp_path: Path, text: str, words: str) -> None:
    note, = read_tracks(write(tmp_path / 'gt.txt', text)).notes
    assert words in note and 'comma within' in note
