# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
How well appearance alone tells the people of PETS09-S2L1 apart, on crops of the truth.

`after 1-2 s` is the share of people whose embedding is most alike to their own, among all who are
in view 7, 9, 11 or 14 frames (1 to 2 s at 7 Hz) later. `among all` asks harder: a gallery of one
crop of each of the people at a time of chance, and queries from at least 14 frames away from it.
`rank-1` and `mAP` ask for every crop which of all crops `--apart` frames away is most alike, and
how well the crops of the same person come before all others.
With `--cutouts` the same two figures are also asked of people cut out of images (folders with
masks/ or polygons/) and seen SEEN times each before other grounds, in other light, half hidden;
with `--hold-out N` only those whom `mot_ros train --hold-out N` leaves out, before grounds that it
leaves out.
With `--crops NAME=DIR` (a re-ID data set; `NAME=DIR=N`: its last N people) rank-1 and mAP are also
asked across cameras: the gallery is every crop of the first camera, each crop of the second is a
query once, and people weigh alike. Near-duplicates are counted between these sets, and in those of
`--trained DIR` (`DIR=N`: its first N people), which weights were trained on.
`scale` is the factor of cosine distances with which an embedding's even cosine, at which one
person is as likely as two a second or two later, is where that of colours is: on PETS, and on
MOTChallenge folders with images (`--sequence DIR`). `--calibrate FILE` writes the first weights
with that of all scenes in their metadata, in half precision, and with `--colour-share S`, the
weight of colour histograms in every cosine; SLM applies both.
`chance` is what guessing gets. With `--disturb` edges of boxes are off by that share of the side,
one sigma, as detections are. Prints one table and writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import itertools
from pathlib import Path
import sys
import time
from typing import Any

import _start  # noqa: F401 - must come before torch
import numpy as np
from numpy.typing import NDArray

from mot_ros.benchmarking.cross_camera import cross_camera, embed_crops, near_duplicates
from mot_ros.benchmarking.distance_scale import CosinePairs, joined, later_pairs, scale_to
from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import add_pets, finish, make_parser
from mot_ros.data.datasets.mot import MotRows, read_truth
from mot_ros.data.datasets.reid_crops import find_crops, ReidCrop
from mot_ros.data.datasets.tracked_images import read_tracked, TrackedImages
from mot_ros.data.synthetic.person_crops import CropChoice, PersonCrops
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.appearance.colour_histogram import ColourHistogram
from mot_ros.tracking.appearance.concatenated import ConcatenatedEmbedder
from mot_ros.tracking.appearance.embedder import cosines, Embedder
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.types import Floats, Frame
from mot_ros.tracking.weights import store as weights
from mot_ros.training.datasets import held_out_people

LATER = (7, 9, 11, 14)
"""Frames between a crop and those it is compared with."""
FAR = 14
GALLERIES, QUERIES = 30, 600
SEEN = 6
"""Views of each person who is cut out."""
LATE_SEED = 9000
"""Seeds from here on are not trained with."""


def embed(embedder: Embedder, video: Path, truth: MotRows, disturb: float) -> Floats:
    """Return the embedding of every row of the truth."""
    random = np.random.default_rng(0)
    side = np.tile(truth.boxes[:, 2:] - truth.boxes[:, :2], 2)
    boxes = (truth.boxes + random.normal(0, disturb, truth.boxes.shape) * side).astype(np.float32)
    result = np.zeros((len(truth), embedder.dimension), np.float32)
    for number, frame in enumerate(open_source(video), 1):
        rows = truth.span(number)
        result[rows] = embedder.embed(frame, boxes[rows])
    return result


def embed_sequence(embedder: Embedder, scene: TrackedImages) -> Floats:
    """Return the embedding of every row of the truth of a sequence."""
    result = np.zeros((len(scene.truth), embedder.dimension), np.float32)
    for number in np.unique(scene.truth.frames).tolist():
        rows = scene.truth.span(number)
        result[rows] = embedder.embed(
            Frame.of(scene.read(number), 0.0), scene.truth.boxes[rows].astype(np.float32))
    return result


def after_a_while(truth: MotRows, embedded: Floats) -> tuple[float, float]:
    """Return the share of right answers among those in view later, and that of guessing."""
    right, chance, asked = 0, 0.0, 0
    for first in range(1, truth.last_frame + 1):
        here = truth.span(first)
        for later in LATER:
            there = truth.span(first + later)
            names = truth.ids[there]
            known = np.isin(truth.ids[here], names)
            if len(names) < 2 or not known.any():
                continue
            best = cosines(embedded[here][known], embedded[there]).argmax(axis=1)
            right += int((names[best] == truth.ids[here][known]).sum())
            chance += known.sum() / len(names)
            asked += int(known.sum())
    return right / asked, chance / asked


def among_all(truth: MotRows, embedded: Floats) -> tuple[float, float]:
    """Return the share of right answers in galleries of everybody, and that of guessing."""
    random = np.random.default_rng(0)
    people = np.unique(truth.ids)
    right = asked = 0
    for _ in range(GALLERIES):
        gallery = np.array([random.choice(np.flatnonzero(truth.ids == who)) for who in people])
        queries = random.choice(len(truth), min(QUERIES, len(truth)), replace=False)
        own = gallery[np.searchsorted(people, truth.ids[queries])]
        queries = queries[np.abs(truth.frames[queries] - truth.frames[own]) >= FAR]
        best = cosines(embedded[queries], embedded[gallery]).argmax(axis=1)
        right += int((people[best] == truth.ids[queries]).sum())
        asked += len(queries)
    return right / asked, 1 / len(people)


def far_apart(truth: MotRows, embedded: Floats, apart: int) -> tuple[float, float] | None:
    """
    Return the share of right answers among crops long before or after, and the mean precision.

    None if nobody is there for so many frames.
    """
    return ranked(truth.ids, embedded, lambda row: np.abs(
        truth.frames - truth.frames[row]) >= apart)


def ranked(
        ids: NDArray[Any], embedded: Floats, others: Callable[[int], NDArray[np.bool_]],
) -> tuple[float, float] | None:
    """Return the share of right answers among the `others` of each row, and the mean precision."""
    right, precision = [], []
    for row in range(len(ids)):
        away = others(row)
        same = ids[away] == ids[row]
        if not same.any():
            continue
        order = np.argsort(-(embedded[away] @ embedded[row]), kind='stable')
        hits = same[order]
        places = np.flatnonzero(hits) + 1
        right.append(hits[0])
        precision.append(float(np.mean(np.arange(1, len(places) + 1) / places)))
    return (float(np.mean(right)), float(np.mean(precision))) if right else None


def of_cutouts(
        embedder: Embedder, people: PersonCrops, count: int) -> tuple[float, float] | None:
    """Return rank-1 and mAP of `count` people among their other views and those of others."""
    samples = [people.sample(index) for index in range(count)]
    embedded = []
    for view in (view for sample in samples for view in sample.views):
        height, width = view.shape[:2]
        whole = np.array([[0, 0, width, height]], np.float32)
        embedded.append(embedder.embed(Frame.of(view, 0.0), whole)[0])
    ids = np.repeat([sample.identity for sample in samples], SEEN)
    return ranked(ids, np.stack(embedded), lambda row: np.arange(len(ids)) != row)


def cutout_people(args: argparse.Namespace) -> tuple[PersonCrops, int] | None:
    """Return the people that are held out, and how many; None where no cut-outs are asked for."""
    if not args.cutouts:
        return None
    datasets = held_out_people(args.cutouts, hold_out=args.hold_out)
    # nobody in other clothes: who is who is told by them
    choice = CropChoice(views=SEEN, recolour=0.0, light=args.light)
    people = PersonCrops(datasets.cutouts, datasets.photographs, choice, seed=LATE_SEED)
    return people, len(datasets.cutouts)


@dataclass
class Material:
    """What embedders are compared on, beside PETS: cut-outs, re-ID crops, other sequences."""

    truth: MotRows
    people: tuple[PersonCrops, int] | None
    sets: Mapping[str, Sequence[ReidCrop]]
    scenes: Sequence[TrackedImages]


def read_material(args: argparse.Namespace) -> Material:
    """Read all of it; SourceError for a re-ID data set without crops."""
    truth = read_truth(args.truth)
    sets = {}
    for text in args.crops:
        name, _, where = text.partition('=')
        sets[name] = find_crops(*_folder(where, 'last'))
        if not sets[name]:
            raise SourceError(f'{where} has no crops named as in Market-1501, CUHK03 or CUHK01')
    return Material(
        truth[truth.values > 0], cutout_people(args), sets,
        [scene for folder in args.sequence for scene in read_tracked(folder)])


def duplicates(sets: Mapping[str, Sequence[ReidCrop]], trained: Sequence[str]) -> dict[str, int]:
    """Count the crops of each set with a near copy in the next ones and in the training's."""
    known = [crop for text in trained for crop in find_crops(*_folder(text, 'first'))]
    pairs = list(itertools.combinations(sets, 2))
    found = {f'{one} in {other}': near_duplicates(sets[one], sets[other]) for one, other in pairs}
    if known:
        found |= {f'{name} in training': near_duplicates(sets[name], known) for name in sets}
    return found


def measure(name: str, embedder: Embedder, args: argparse.Namespace, material: Material,
            pairs: dict[str, CosinePairs]) -> dict[str, Any]:
    """Return one row of the table; put the cosines of pairs into `pairs` by scene."""
    truth, people = material.truth, material.people
    start = time.perf_counter()
    embedded = embed(embedder, args.video, truth, args.disturb)
    seconds = time.perf_counter() - start
    near, chance_near = after_a_while(truth, embedded)
    far, chance_far = among_all(truth, embedded)
    first, precision = far_apart(truth, embedded, args.apart) or (None, None)
    of_cut = (of_cutouts(embedder, *people) if people else None) or (None, None)
    pairs['PETS'] = later_pairs(truth, embedded, LATER)
    for scene in material.scenes:
        gaps = [round(second * scene.rate) for second in (1.0, 1.5, 2.0)]
        pairs[scene.name] = later_pairs(scene.truth, embed_sequence(embedder, scene), gaps)
    across = {}
    for set_name, crops in material.sets.items():
        found = cross_camera(crops, embed_crops(embedder, crops))
        across |= {f'{set_name} rank-1': found[0], f'{set_name} mAP': found[1],
                   f'{set_name} queries': found[2]}
    return {
        'embedder': name, 'dimension': embedder.dimension, 'crops': len(truth),
        'after 1-2 s': near, 'chance': chance_near, 'among all': far, 'chance ': chance_far,
        'rank-1': first, 'mAP': precision,
        'cut-outs rank-1': of_cut[0], 'cut-outs mAP': of_cut[1], **across,
        'ms per crop': seconds * 1e3 / len(truth)}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, 'reidentification.json')
    add_pets(parser)
    parser.add_argument('--weights', metavar='FILE', action='append', default=[],
                        help='trained SLM to put beside the colours; may be repeated')
    parser.add_argument('--crops', action='append', default=[], metavar='NAME=DIR[=N]',
                        help='re-ID data set, its last N people (all); may be repeated')
    parser.add_argument('--trained', action='append', default=[], metavar='DIR[=N]',
                        help='re-ID data set, its first N people, that weights were trained on')
    parser.add_argument('--sequence', action='append', default=[], metavar='DIR',
                        help='MOTChallenge folder with images, for the scale; may be repeated')
    parser.add_argument('--calibrate', type=Path, metavar='FILE',
                        help='copy of the first weights with their scale in the metadata')
    parser.add_argument('--colour-share', type=float, metavar='S',
                        help='share of colours in that copy (that of the weights)')
    parser.add_argument('--share', type=float, default=0.5, metavar='S',
                        help='of SLM in the row of both (0.5)')
    parser.add_argument('--cutouts', action='append', default=[], metavar='DIR',
                        help='data to cut people out of; may be repeated')
    parser.add_argument('--hold-out', type=int, default=0, metavar='N',
                        help='take only people on every Nth image of them (all)')
    parser.add_argument('--light', type=float, default=0.35, metavar='L',
                        help='how much light differs between views of cut-outs, to 1 (0.35)')
    parser.add_argument('--device', default='auto', help="'auto', 'cpu', 'cuda' (auto)")
    parser.add_argument('--disturb', type=float, default=0.0, metavar='SHARE',
                        help='of the side, by which edges are off (0)')
    parser.add_argument('--apart', type=int, default=50, metavar='FRAMES',
                        help='between the crops of rank-1 and mAP (50)')
    return parser.parse_args(argv)


def copy_weights(file: str, target: Path, changes: Mapping[str, str]) -> None:
    """Copy weights in half precision, with changes of their metadata."""
    from mot_ros.training.model_card import write_weights

    state = weights.load(file)
    write_weights(target, state, {**weights.metadata(file), **changes}, half=True)


def _folder(text: str, which: str) -> tuple[Path, int, int]:
    """Read DIR[=N]; return the folder and how many of its first and last people to take."""
    folder, _, count = text.partition('=')
    if count and not count.isdecimal():
        raise SourceError(f'{text!r} is no DIR=N, a folder and a number of people')
    number = int(count or 0)
    return Path(folder), *((number, 0) if which == 'first' else (0, number))


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    args = parse(argv)

    def work() -> None:
        material = read_material(args)
        of_colour: dict[str, CosinePairs] = {}
        colour = ColourHistogram()
        rows = [measure('colour', colour, args, material, of_colour)]
        scales: dict[str, dict[str, float]] = {}
        if args.calibrate and args.weights:
            changes = {} if args.colour_share is None else {
                'colour_share': f'{args.colour_share:g}'}
            copy_weights(args.weights[0], args.calibrate, {'distance_scale': '1', **changes})
            args.weights[0] = str(args.calibrate)
        for file in args.weights:
            from mot_ros.tracking.appearance.slm import distance_scale, SlmEmbedder

            slm, pairs = SlmEmbedder(file, args.device), dict[str, CosinePairs]()
            name = Path(file).stem
            rows.append(measure(name, slm, args, material, pairs))
            before = distance_scale(weights.metadata(file))
            scales[name] = {
                scene: before * scale_to(of_colour[scene], pairs[scene]) for scene in pairs}
            scales[name]['all'] = before * scale_to(
                joined(of_colour.values()), joined(pairs.values()))
            both = ConcatenatedEmbedder((slm, colour), (args.share, 1 - args.share))
            rows.append(measure(f'both, {name}', both, args, material, {}))
        copies = duplicates(material.sets, args.trained)
        sys.stdout.write(table_of_rows(rows, 3))
        for name, found in scales.items():
            text = ', '.join(f'{scene} {value:.3f}' for scene, value in found.items())
            sys.stdout.write(f'scale of {name}: {text}\n')
        for name, count in copies.items():
            sys.stdout.write(f'near-duplicates, {name}: {count}\n')
        write_result(args.json, {
            'benchmark': 'reidentification', 'rows': rows, 'scales': scales,
            'near_duplicates': copies, 'disturb': args.disturb, 'share': args.share,
            'hold_out': args.hold_out, 'light': args.light})
        if args.calibrate and args.weights:
            scale = min(scales[args.calibrate.stem]['all'], 1.0)
            copy_weights(
                args.weights[0], args.calibrate, {'distance_scale': f'{scale:.3f}'})

    return finish('reidentification.py', work)


if __name__ == '__main__':
    sys.exit(main())
