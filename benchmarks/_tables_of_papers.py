# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The published figures of the papers' tables, and the protocol of each row that is ours.

Figures are those of SiamMOT (arXiv 2105.11595, tables 1 to 6), SMOT (arXiv 2010.16031) and
SMILEtrack (arXiv 2211.08824 and its README), ByteTrack (arXiv 2110.06864) and BoT-SORT (arXiv
2206.14651), as noted when those papers were read for this package. What could not be verified is
left out and named in the note of its table. Fractions are given in percent.
"""

from __future__ import annotations

from dataclasses import dataclass

Figures = tuple[float | None, ...]


@dataclass(frozen=True)
class Row:
    """A row: its name, its published figures (none known: empty), and how it is run."""

    name: str
    figures: Figures = ()
    method: str = ''
    """Empty: it is another method, or nothing that is shipped or imported."""
    preset: str = ''
    settings: tuple[str, ...] = ()
    weights: str = ''
    """What --weights calls the network; empty: none but what is shipped."""
    shipped: str = ''
    """Weights in the package that are used unless --weights names a file."""


@dataclass(frozen=True)
class Table:
    """A published table, and what `mot_ros evaluate` is asked for its data."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    source: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    example: str = ''
    note: str = ''
    one_copy: bool = False
    """Of the three copies of MOT17's sequences take those named -FRCNN."""
    submission: bool = False
    """The truth is not public: a server scores the tracks."""
    half: bool = False
    """Score the second half of each sequence of the training set."""


_MOT = ('--mot', '{data}')
_CLEAR = ('MOTA', 'IDF1', 'FP', 'FN', 'switches')
_WHOLE = ('MOTA', 'IDF1', 'mostly tracked %', 'mostly lost %', 'FP', 'FN', 'switches')
_TAO = ('--tao', '{data}/annotations/validation.json', '--images', '{data}/frames',
        '--classes', 'person')
_SMALL, _SMALL_IMM = 'siammot-small', 'siammot-small-imm'


def _siammot_1(preset: str, figures: tuple[Figures, ...]) -> tuple[Row, ...]:
    """Return the four rows of table 1: one solver, tau 1, another motion model each."""
    return (
        Row('Tracktor', figures[0], 'tracktor', preset, (), 'emm', _SMALL),
        # there PWC-Net, which is not shipped
        Row('Tracktor + flow', figures[1], 'tracktor', preset, ('tracktor.motion=dis',), 'emm',
            _SMALL),
        Row('SiamMOT, IMM', figures[2], 'siammot', preset, (), 'imm', _SMALL_IMM),
        Row('SiamMOT, EMM', figures[3], 'siammot', preset, (), 'emm', _SMALL))


def _tau(tau: int, figures: Figures) -> Row:
    return Row(f'tau {tau}', figures, 'siammot', 'code-ablation', (f'siammot.tau={tau}',), 'emm',
               _SMALL)


_OF_SMALL = (
    'Weights emm and imm are those of siammot-small unless --weights names others; published is '
    'DLA-34.')

TABLES = (
    Table(
        'siammot-1-mot17', 'SiamMOT, table 1: MOT17 train, private detections', _CLEAR,
        _siammot_1('code-ablation', (
            (58.6, 53.0, 3195, 42488, 858), (60.3, 54.8, 3518, 40387, 716),
            (61.5, 57.5, 5730, 36863, 678), (63.3, 58.4, 5726, 34833, 671))),
        _MOT, ('--amodal',), 'MOT17/train', f'One copy of the seven sequences. {_OF_SMALL}',
        one_copy=True),
    Table(
        'siammot-1-crp', 'SiamMOT, table 1: Caltech Roadside Pedestrians', _CLEAR,
        _siammot_1('crp', (
            (15.9, 25.1, 632, 21238, 1126), (41.8, 56.4, 2381, 11934, 1594),
            (76.8, 81.2, 2583, 2391, 1377), (76.4, 81.1, 2548, 2575, 1311))),
        ('--crp', '{data}'), ('--amodal',), 'caltech_roadside_pedestrians',
        f'Sparse truth: only annotated frames are scored. {_OF_SMALL}'),
    Table(
        'siammot-1-tao', 'SiamMOT, table 1: TAO, people, validation', ('TAP50',),
        _siammot_1('code-ablation', ((29.1,), (32.8,), (34.7,), (35.3,))),
        _TAO, (), 'TAO', _OF_SMALL),
    Table(
        'siammot-2', 'SiamMOT, table 2: triplets in training, MOT17 train', (*_CLEAR, 'TAP50'), (
            Row('positive + hard negative', (59.7, 58.6, 9639, 34976, 618, 34.2), 'siammot',
                'code-ablation', (), 'ph'),
            Row('positive + negative', (62.7, 58.3, 6275, 34955, 697, 35.0), 'siammot',
                'code-ablation', (), 'pn'),
            Row('all three', (63.3, 58.4, 5726, 34833, 671, 35.3), 'siammot', 'code-ablation',
                (), 'emm', _SMALL)),
        _MOT, ('--amodal',), 'MOT17/train',
        'Weights ph and pn are to be trained; TAP50 is that of TAO. ' + _OF_SMALL, one_copy=True),
    Table(
        'siammot-3', 'SiamMOT, table 3: patience, MOT17 train', (*_CLEAR, 'TAP50'), (
            _tau(1, (63.3, 58.4, 5726, 34833, 671, 35.3)),
            _tau(5, (63.5, 60.0, 5818, 34497, 622, 35.6)),
            _tau(15, (63.4, 60.8, 5979, 34454, 616, 36.3)),
            _tau(30, (63.3, 60.6, 6106, 34465, 658, 36.6)),
            _tau(60, (63.0, 60.2, 6510, 34385, 699, 37.2))),
        _MOT, ('--amodal',), 'MOT17/train', 'TAP50 is that of TAO. ' + _OF_SMALL, one_copy=True),
    Table(
        'siammot-4', 'SiamMOT, table 4: MOT17 test, public detections', _WHOLE, (
            Row('Tracktor++v2', (56.5, 55.1, None, None, None, None, None)),
            Row('NeuralSolver', (58.8, 61.7, None, None, None, None, None)),
            Row('CenterTrack', (61.5, 59.6, None, None, None, None, None)),
            Row('SiamMOT, DLA-34, EMM', (65.9, 63.3, 34.6, 23.9, 18098, 170955, 3040), 'siammot',
                'code-mot17', (), 'emm', _SMALL)),
        _MOT, ('--amodal', '--detections', 'public'), 'MOT17/test',
        'MT, ML, FP, FN of the others could not be verified and are left out. ' + _OF_SMALL,
        submission=True),
    Table(
        'siammot-5', 'SiamMOT, table 5: TAO, people, validation', ('TAP50', 'TAP75'), (
            Row('Tracktor++', (36.7, None)),
            Row('SiamMOT, ResNet-101', (41.1, 23.0), 'siammot', 'code-tao', (), 'resnet101'),
            Row('SiamMOT, DLA-169', (42.1, 24.3), 'siammot', 'code-tao', (), 'dla169'),
            Row('SiamMOT+, DLA-169', (44.3, 26.2))),
        _TAO, (), 'TAO',
        'SiamMOT+ joins tracklets afterwards in a way that is not published; `mot_ros merge` is '
        'ours.'),
    Table(
        'siammot-6', 'SiamMOT, table 6: HiEve test, public detections', _WHOLE, (
            Row('DeepSORT', (27.1, 28.6, None, None, None, None, None)),
            Row('SiamMOT, DLA-34', (51.5, 47.9, 25.8, 26.1, 3509, 28667, 1866), 'siammot', 'code',
                (), 'emm', _SMALL),
            Row('SiamMOT, DLA-169', (53.2, 51.7, 26.7, 27.5, 2837, 28485, 1730), 'siammot',
                'code', (), 'dla169')),
        _MOT, ('--detections', 'public'), 'HIE20/test',
        'MT, ML, FP, FN of DeepSORT could not be verified and are left out. ' + _OF_SMALL,
        submission=True),
    Table(
        'smot-mot17', 'SMOT: MOT17 train, people, without linker',
        ('MOTA', 'IDF1', 'IDP', 'IDR', 'transfers', 'F1', 'precision', 'recall', 'switches'), (
            Row('Tracktor++', (58.8, 62.3, None, None, None, 76.1, 99.0, 62.6, 1425)),
            Row('SMOT', (52.9, 47.7, 63.9, 38.2, 690, 72.1, 96.5, 57.6, 2491), 'smot', 'paper',
                ('smot.motion=none',)),
            Row('SMOT + Farneback', (55.4, 53.8, 73.1, 42.6, 89, 72.1, 97.9, 57.1, 743), 'smot',
                'paper'),
            Row('SMOT + PWC-Net', (56.0, 53.9, 72.1, 43.0, 69, 72.8, 97.4, 58.1, 620))),
        _MOT, (), 'MOT17/train',
        'Run with the thresholds .9 and .4, for which the article has .2 in some rows. PWC-Net is '
        'not shipped. Of the row of Tracktor++ three cells are missing in print; the '
        'order of the others follows from F1 = 2 P R / (P + R).', one_copy=True),
    Table(
        'smot-hannah', 'SMOT: Hannah, faces', ('MOTA', 'IDF1', 'transfers', 'F1', 'switches'), (
            Row('DFS', (64.2, 67.1, 71, 84.2, 788)),
            Row('Tracktor++', (54.2, 55.2, 46, 80.7, 2042)),
            Row('SMOT', (60.9, 56.9, 20, 78.4, 3449)),
            Row('SMOT + Farneback', (72.6, 58.0, 10, 87.0, 1499)),
            Row('SMOT + PWC-Net', (71.6, 56.5, 8, 86.5, 1805)),
            Row('SMOT + linker', (72.8, 65.4, 165, 86.9, 1122))),
        note='There is no face detector in this package.'),
    Table(
        'smot-music', 'SMOT: Music Videos, faces',
        ('MOTA', 'IDF1', 'transfers', 'F1', 'switches'), (
            Row('DFS', (61.4, 14.1, 400, 84.0, 5641)),
            Row('Tracktor++', (41.7, 11.7, 230, 76.5, 6537)),
            Row('SMOT', (53.6, 11.4, 38, 83.1, 8866)),
            Row('SMOT + Farneback', (57.1, 12.0, 44, 82.1, 5693)),
            Row('SMOT + PWC-Net', (55.2, 11.1, 49, 80.3, 5894)),
            Row('SMOT + linker', (61.5, 24.4, 545, 85.3, 6525))),
        note='There is no face detector in this package.'),
    Table(
        'smot-thresholds', 'SMOT: thresholds to start and to keep, Hannah', ('MOTA', 'transfers'),
        tuple(Row(f'{start}, {keep}', figures) for start, keep, figures in (
            (.5, .1, (46.8, 22)), (.65, .3, (55.2, 13)), (.8, .2, (57.3, 20)),
            (.8, .4, (59.0, 12)), (.9, .2, (60.9, 20)), (.9, .3, (60.7, 15)),
            (.9, .4, (62.7, 11)))),
        note='`benchmarks/smot.py --grid` is the same for people.'),
    Table(
        'smot-anchors', 'SMOT: number of anchors K, Hannah', ('MOTA',),
        tuple(Row(f'K = {k}', (mota,)) for k, mota in (
            (1, 61.2), (5, 60.7), (10, 60.9), (20, 60.8))),
        note='`benchmarks/smot.py --grid` is the same for people.'),
    Table(
        'smiletrack-mot17', 'SMILEtrack: MOT17 test, private detections',
        ('MOTA', 'IDF1', 'HOTA'), (
            Row('ByteTrack', (80.3, 77.3, 63.1), 'bytetrack', 'paper'),
            Row('BoT-SORT', (80.6, 79.5, 64.6), 'botsort', 'paper', ('appearance.type=none',)),
            Row('BoT-SORT-ReID', (80.5, 80.2, 65.0), 'botsort', 'paper'),
            Row('SMILEtrack', (81.06, 80.5, 65.28), 'smiletrack', 'code',
                ('appearance.type=slm',))),
        _MOT, ('--amodal',), 'MOT17/test',
        'The published figures include thresholds chosen per sequence and offline interpolation.',
        submission=True),
    Table(
        'smiletrack-mot20', 'SMILEtrack: MOT20 test, private detections',
        ('MOTA', 'IDF1', 'HOTA'), (
            Row('ByteTrack', (77.8, 75.2, 61.3), 'bytetrack', 'paper', (
                'bytetrack.fuse_score=false', 'bytetrack.match_iou=0.3')),
            Row('BoT-SORT', (77.7, 76.3, 62.6), 'botsort', 'paper', ('appearance.type=none',)),
            Row('BoT-SORT-ReID', (77.8, 77.5, 63.3), 'botsort', 'paper'),
            Row('SMILEtrack', (78.19, 77.53, None), 'smiletrack', 'code', (
                'appearance.type=slm', 'smiletrack.match=0.3'))),
        _MOT, ('--amodal',), 'MOT20/test',
        'HOTA of SMILEtrack is that of MOT17 in print, an error, and left out.', submission=True),
    Table(
        'smiletrack-slm', 'SMILEtrack, ablation: where SLM is asked, MOT17 half', _CLEAR,
        tuple(Row(name, (), 'smiletrack', 'paper', settings) for name, settings in (
            ('without SLM', ('appearance.type=none',)),
            ('first pass', ('appearance.type=slm', 'smiletrack.second=iou')),
            ('both passes', ('appearance.type=slm', 'smiletrack.second=single')))),
        _MOT, (), 'MOT17/train',
        'Its figures could not be verified and are left out. The second half of each sequence.',
        one_copy=True, half=True),
    Table(
        'smiletrack-smc', 'SMILEtrack, ablation: gate and templates, MOT17 half', _CLEAR,
        tuple(Row(name, (), 'smiletrack', 'paper', (
            'appearance.type=slm', f'smiletrack.gate={gate}', f'smiletrack.second={second}'))
            for name, gate, second in (
                ('neither', 0.0, 'single'), ('gate', 0.7, 'single'),
                ('several templates', 0.0, 'multi'), ('both', 0.7, 'multi'))),
        _MOT, (), 'MOT17/train',
        'Its figures could not be verified and are left out. The second half of each sequence.',
        one_copy=True, half=True),
)
