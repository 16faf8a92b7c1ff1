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
`chance` is what guessing gets. With `--disturb` edges of boxes are off by that share of the side,
one sigma, as detections are. Prints one table and writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
import sys
import time
from typing import Any

import _start  # noqa: F401 - must come before torch
import numpy as np
from numpy.typing import NDArray

from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.benchmarking.result_file import write_result
from mot_ros.benchmarking.script import add_pets, finish, make_parser
from mot_ros.data.datasets.mot import MotRows, read_truth
from mot_ros.data.synthetic.person_crops import CropChoice, PersonCrops
from mot_ros.data.video.frames import open_source
from mot_ros.tracking.appearance.colour_histogram import ColourHistogram
from mot_ros.tracking.appearance.concatenated import ConcatenatedEmbedder
from mot_ros.tracking.appearance.embedder import cosines, Embedder
from mot_ros.tracking.types import Floats, Frame
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


def measure(name: str, embedder: Embedder, args: argparse.Namespace, truth: MotRows,
            people: tuple[PersonCrops, int] | None) -> dict[str, Any]:
    """Return one row of the table."""
    start = time.perf_counter()
    embedded = embed(embedder, args.video, truth, args.disturb)
    seconds = time.perf_counter() - start
    near, chance_near = after_a_while(truth, embedded)
    far, chance_far = among_all(truth, embedded)
    first, precision = far_apart(truth, embedded, args.apart) or (None, None)
    of_cut = (of_cutouts(embedder, *people) if people else None) or (None, None)
    return {
        'embedder': name, 'dimension': embedder.dimension, 'crops': len(truth),
        'after 1-2 s': near, 'chance': chance_near, 'among all': far, 'chance ': chance_far,
        'rank-1': first, 'mAP': precision,
        'cut-outs rank-1': of_cut[0], 'cut-outs mAP': of_cut[1],
        'ms per crop': seconds * 1e3 / len(truth)}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, 'reidentification.json')
    add_pets(parser)
    parser.add_argument('--weights', metavar='FILE', help='trained SLM to put beside the colours')
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    args = parse(argv)

    def work() -> None:
        truth = read_truth(args.truth)
        truth = truth[truth.values > 0]
        embedders: dict[str, Embedder] = {'colour': ColourHistogram()}
        if args.weights:
            from mot_ros.tracking.appearance.slm import SlmEmbedder

            slm = SlmEmbedder(args.weights, args.device)
            embedders['SLM'] = slm
            embedders['both'] = ConcatenatedEmbedder(
                (slm, ColourHistogram()), (args.share, 1 - args.share))
        people = cutout_people(args)
        rows = [measure(name, embedder, args, truth, people)
                for name, embedder in embedders.items()]
        sys.stdout.write(table_of_rows(rows, 3))
        write_result(args.json, {
            'benchmark': 'reidentification', 'rows': rows,
            'disturb': args.disturb, 'share': args.share, 'hold_out': args.hold_out,
            'light': args.light})

    return finish('reidentification.py', work)


if __name__ == '__main__':
    sys.exit(main())
