# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""MOT text files as other tools write them: classes, separators, ids, degenerate boxes."""

from pathlib import Path

import numpy as np
import pytest

from mot_ros.data.datasets.mot import read_detections, read_tracks, read_truth
from mot_ros.data.datasets.mot_classes import mot16_classes
from mot_ros.data.datasets.mot_folder import read_scored, read_sequence
from mot_ros.data.video.image_files import ImageFiles
from mot_ros.evaluation.scores.metrics import score
from mot_ros.tracking.errors import ConfigError, SourceError

INFO = '[Sequence]\nname=a\nimDir=img1\nframeRate={}\nseqLength=9\nimWidth=640\nimHeight=480\n'


def rows(end: str = ',1,1,1.0', people: int = 2) -> list[str]:
    return [f'{frame},{person},{100 * person + 3 * frame},50,60,120{end}'
            for frame in range(1, 10) for person in range(1, people + 1)]


def write(path: Path, lines: list[str], separator: str = ',') -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(line.replace(',', separator) + '\n' for line in lines))
    return path


def hota(truth: Path, tracks: Path, classes: tuple[str, ...] = ()) -> float:
    _, scored, _ = read_scored(truth, '', classes)
    return score(scored[scored.values == 1], read_tracks(tracks)).hota


# classes

def cvat(folder: Path, names: str, first: int = 1, second: int = 2) -> Path:
    truth = write(folder / 'gt' / 'gt.txt', [
        line[:-len('1,1.0')] + f'{(first, second)[number % 2]},1.0'
        for number, line in enumerate(rows())])
    (folder / 'gt' / 'labels.txt').write_text(names)
    return truth


def test_names_come_from_the_labels_of_cvat(tmp_path: Path) -> None:
    truth = cvat(tmp_path, 'forklift\nperson\n')
    person = write(tmp_path / 'r.txt', [line for line in rows('') if line.split(',')[1] == '2'])
    assert hota(truth, person) == pytest.approx(1)
    assert hota(truth, person, ('Person',)) == pytest.approx(1)
    assert hota(truth, person, ('forklift',)) == pytest.approx(0)
    assert not read_scored(truth)[2].any()


@pytest.mark.parametrize('names', [
    'forklift\nperson', '\ufeffforklift\r\n person \r\n', 'a\nPerson\nb'])
def test_labels_may_be_written_as_editors_write_them(tmp_path: Path, names: str) -> None:
    _, found, _ = read_scored(cvat(tmp_path, names))
    assert set(found.ids[found.values == 1].tolist()) == {2}


def test_labels_with_names_of_motchallenge_have_its_distractors(tmp_path: Path) -> None:
    truth = cvat(tmp_path, 'static_person\npedestrian\n')
    _, found, distractors = read_scored(truth)
    assert set(found.ids[found.values == 1].tolist()) == {2}
    assert set(found.ids[distractors].tolist()) == {1}


def test_classes_above_13_have_names_in_labels(tmp_path: Path) -> None:
    truth = cvat(tmp_path, '\n'.join(f'l{number}' for number in range(14)), 14, 13)
    with pytest.raises(ConfigError, match=r'no class of people; .*--classes among l0, l1'):
        read_scored(truth)
    _, found, _ = read_scored(truth, '', ('l13',))
    assert set(found.ids[found.values == 1].tolist()) == {1}
    with pytest.raises(ConfigError, match=r"'person' is no class of .*gt\.txt; there are l0"):
        read_scored(truth, '', ('person',))


def test_classes_without_names_are_refused_with_the_remedy(tmp_path: Path) -> None:
    truth = write(tmp_path / 'gt' / 'gt.txt', rows(',1,14,1.0'))
    with pytest.raises(SourceError, match=r'class is 14; MOTChallenge knows 1 to 13: .*labels'):
        read_scored(truth)
    (tmp_path / 'gt' / 'labels.txt').write_text('a\nb\n')
    with pytest.raises(SourceError, match=r'class is 14; .*labels\.txt names 2'):
        read_scored(truth)
    (tmp_path / 'gt' / 'labels.txt').write_text('\n')
    with pytest.raises(SourceError, match=r'labels\.txt is empty'):
        read_scored(truth)


def test_only_class_of_the_labels_is_scored(tmp_path: Path) -> None:
    assert read_scored(cvat(tmp_path, 'vehicle\n', 1, 1))[1].values.all()


@pytest.mark.parametrize('end', [',', ', ', ' ,'])
def test_empty_last_column_is_dropped(tmp_path: Path, end: str) -> None:
    lines = [line + end for line in rows(',1,7,1.0', 2)]
    lines[::2] = [line + end for line in rows(',1,1,1.0', 1)]
    rule, found, distractors = read_scored(write(tmp_path / 'gt.txt', lines))
    assert rule == 'mot16'
    assert found.values.tolist() == [1, 0] * 9
    assert distractors.tolist() == [False, True] * 9


def test_columns_of_visdrone(tmp_path: Path) -> None:
    lines = rows(',1,1,0,0', 1) + [line.replace(',1,', ',5,', 1) for line in rows(',1,4,1,2', 1)]
    truth = write(tmp_path / 'gt.txt', [*lines, '1,9,0,0,90,90,0,0,0,0'])
    rule, found, _ = read_scored(truth)
    assert rule == 'mot16'
    assert set(found.ids[found.values == 1].tolist()) == {1}
    assert 'VisDrone' in found.notes[0]
    assert read_scored(truth, '', ('car',))[1].values.sum() == 9
    with pytest.raises(ConfigError, match='there are ignored_region, pedestrian, people'):
        read_scored(truth, '', ('tram',))


@pytest.mark.parametrize(('end', 'note'), [
    (',1,-1,-1,-1', False), (',1,8.25,3.5,0', False), (',1,3,1,-1', True), (',1,30,1,1', True)])
def test_ten_columns_without_classes(tmp_path: Path, end: str, note: bool) -> None:
    rule, found, _ = read_scored(write(tmp_path / 'gt.txt', rows(end)))
    assert rule == 'mot15'
    assert [('column 8' in sentence) for sentence in found.notes] == [True] * note


def test_classes_of_cvat_are_converted_by_name(tmp_path: Path) -> None:
    truth = cvat(tmp_path, 'car\nperson\n')
    assert mot16_classes(truth).tolist() == [3, 1] * 9
    (tmp_path / 'gt' / 'labels.txt').write_text('forklift\nperson\n')
    with pytest.raises(SourceError, match="no class 'forklift'"):
        mot16_classes(truth)


# separators

@pytest.mark.parametrize('separator', [',', ';', ' ', '\t', ', ', '  ', ' \t', '; '])
def test_any_separator_reads_the_same(tmp_path: Path, separator: str) -> None:
    plain = read_truth(write(tmp_path / 'a.txt', rows()))
    other = write(tmp_path / 'b.txt', rows(), separator)
    found = read_truth(other)
    for name in ('frames', 'ids', 'boxes', 'values'):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))
    assert read_scored(other)[0] == 'mot16'
    assert hota(other, write(tmp_path / 'r.txt', rows(''), separator)) == pytest.approx(1)


@pytest.mark.parametrize('separator', [',', ' ', '\t', ';'])
def test_separators_as_in_trackeval(tmp_path: Path, separator: str) -> None:
    from trackeval.datasets import MotChallenge2DBox

    file = write(tmp_path / 'a.txt', rows(',1,-1,-1,-1'), separator)
    if separator == ';':
        # the reference sniffs among commas, blanks and tabs
        data, _ = MotChallenge2DBox._load_simple_text_file(file, force_delimiters=';')
    else:
        data, _ = MotChallenge2DBox._load_simple_text_file(file)
    table = np.array([row for frame in data.values() for row in frame], float)
    found = read_tracks(file)
    np.testing.assert_array_equal(found.frames, table[:, 0])
    np.testing.assert_array_equal(found.ids, table[:, 1])
    np.testing.assert_array_equal(found.boxes[:, 2:] - found.boxes[:, :2], table[:, 4:6])


# header lines and ids

@pytest.mark.parametrize('line', [
    'frame,id,x,y,w,h,score', '# made by a tracker', '#1,1,1,1,5,5', '"frame","id"',
    '\ufefframe,id'])
def test_header_line_is_called_so(tmp_path: Path, line: str) -> None:
    file = write(tmp_path / 'r.txt', [line, *rows('')])
    with pytest.raises(SourceError, match=r'line 1: .* is a header or .*remove this line'):
        read_tracks(file)


@pytest.mark.parametrize('identity', [
    0, 2**53 + 1, 1700000000000000008, 1700000000000000015, 2**63 - 1])
def test_ids_are_whole_numbers_to_the_last_digit(tmp_path: Path, identity: int) -> None:
    file = write(tmp_path / 'r.txt', [f'1,{identity},1,1,5,5', f'1,{identity - 1 or 7},1,1,5,5'])
    assert read_tracks(file).ids[0] == identity


@pytest.mark.parametrize(('identity', 'complaint'), [
    ('-2', r'id is -2; it must be from 0 to 2\^63 - 1, or -1'),
    ('18446744073709551617', r'id is 18446744073709551617; it must be from 0 to 2\^63'),
    ('1e30', r'id is 1e30; it must be a whole number'),
    ('1.5', 'id is 1.5; it must be a whole number')])
def test_id_out_of_range_is_named_as_it_stands(
        tmp_path: Path, identity: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        read_tracks(write(tmp_path / 'r.txt', [f'1,{identity},1,1,5,5']))


def test_id_may_end_in_a_point_and_zeros(tmp_path: Path) -> None:
    assert read_tracks(write(tmp_path / 'r.txt', ['1.0,3.00,1,1,5,5'])).ids.tolist() == [3]


# boxes without area

@pytest.mark.parametrize('size', ['0,120', '60,0', '-60,120', '-5,-5', '0,0'])
def test_box_without_area_matches_nothing(tmp_path: Path, size: str) -> None:
    truth = write(tmp_path / 'gt.txt', rows())
    tracks = write(tmp_path / 'r.txt', [*rows(''), f'9,77,205,60,{size}'])
    found = read_tracks(tracks)
    assert len(found) == 19
    assert 'r.txt: 1 of 19 boxes have no area and match nothing, the first in line 19' in \
        found.notes[0]
    scores = score(read_truth(truth), found)
    # a false positive, as TrackEval counts it
    assert scores.mota == pytest.approx(1 - 1 / 18)
    assert scores.hota < 1


def test_truth_without_area_is_missed(tmp_path: Path) -> None:
    lines = rows()
    lines[4] = '3,1,109,50,0,120,1,1,1.0'
    sequence = write(tmp_path / 'gt' / 'gt.txt', lines)
    (tmp_path / 'seqinfo.ini').write_text(INFO.format(10))
    assert 'no area' in read_sequence(tmp_path).notes[0]
    scores = score(read_truth(sequence), read_tracks(write(tmp_path / 'r.txt', rows(''))))
    assert scores.mota == pytest.approx(1 - 2 / 18)


def test_detections_without_area_are_left_out(tmp_path: Path) -> None:
    found = read_detections(write(tmp_path / 'd.txt', ['1,-1,1,1,0,5,.9', '1,-1,1,1,4,5,.8']))
    assert found.values.tolist() == [.8]
    assert 'no area' in found.notes[0]


# frame rates

@pytest.mark.parametrize(('text', 'rate'), [
    ('30000/1001', 30000 / 1001), ('30000 / 1001', 30000 / 1001), ('25/1', 25), ('29.97', 29.97)])
def test_rate_may_be_a_fraction(tmp_path: Path, text: str, rate: float) -> None:
    import cv2

    write(tmp_path / 'gt' / 'gt.txt', rows())
    (tmp_path / 'seqinfo.ini').write_text(INFO.format(text))
    assert read_sequence(tmp_path).rate == rate
    (tmp_path / 'img1').mkdir()
    cv2.imwrite(str(tmp_path / 'img1' / '1.png'), np.zeros((480, 640, 3), np.uint8))
    assert ImageFiles(tmp_path, [tmp_path / 'img1' / '1.png']).fps == rate


@pytest.mark.parametrize('text', ['1/0', '1//2', '/', 'a/b', '-30/1'])
def test_rate_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path / 'gt' / 'gt.txt', rows())
    (tmp_path / 'seqinfo.ini').write_text(INFO.format(text))
    with pytest.raises(SourceError, match='frameRate is'):
        read_sequence(tmp_path)
