# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Fit the projection of SlmStripes on people without identities; `slm-small` was made so.

    python -m mot_ros.training.projection --init efficientnet-lite0.pth --data coco128 -o FILE

Channels are standardised by their spread over people in images. The projection is onto the
principal components of these people and of cut-outs before other backgrounds, each divided by the
fourth root of its variance: half way to whitening, so that what many people share counts less.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
import json
from pathlib import Path
import shlex
import sys
import time

import cv2
import numpy as np
from numpy.typing import NDArray
import torch

from mot_ros import __version__
from mot_ros.benchmarking.machine import describe_machine
from mot_ros.data.datasets.labelled_images import LabelledImage
from mot_ros.data.photographs import read_photograph
from mot_ros.data.synthetic.person_crops import CropChoice, PersonCrops
from mot_ros.tracking.errors import MotError
from mot_ros.tracking.nets.slm.stripes import SlmStripes
from mot_ros.tracking.types import Floats
from mot_ros.training.datasets import read_datasets
from mot_ros.training.init import init_weights
from mot_ros.training.model_card import write_weights

CHOICE = CropChoice(
    size=SlmStripes.crop, views=2, light=.5, recolour=.3, erase=.1, heights=(45.0, 190.0))
"""How cut-outs are composed."""
SAMPLES = 700
LEAST = (16, 48)
"""Least width and height in pixels of people in images."""
ROOT = .25
"""Power of its variance by which a component is divided."""


def people_in(images: Sequence[LabelledImage]) -> NDArray[np.uint8]:
    """Return the people of annotated images as crops (N, 96, 48, 3), each mirrored too."""
    found = []
    for image in images:
        boxes = image.boxes[~image.ignored].astype(int)
        large = (boxes[:, 2:] - boxes[:, :2] > LEAST).all(axis=1)
        if not large.any():
            continue
        pixels = read_photograph(image.path)
        for x1, y1, x2, y2 in np.maximum(boxes[large], 0).tolist():
            crop = np.asarray(cv2.resize(pixels[y1:y2, x1:x2], SlmStripes.crop), np.uint8)
            found += [crop, crop[:, ::-1]]
    return np.stack(found)


def pooled(network: SlmStripes, crops: NDArray[np.uint8]) -> Floats:
    """Return the pooled features (N, 4032) of crops (N, 96, 48, 3)."""
    parts = []
    with torch.inference_mode():
        for start in range(0, len(crops), network.batch):
            some = torch.from_numpy(np.ascontiguousarray(crops[start:start + network.batch]))
            parts.append(network.pooled(some.permute(0, 3, 1, 2).float()).numpy())
    return np.concatenate(parts)


def fit_projection(network: SlmStripes, people: Floats, composed: Floats) -> None:
    """Set the projection of a network from pooled features (N, 4032) and (M, 4032)."""
    mean, spread = people.mean(axis=0), people.std(axis=0) + 1e-3
    rows = np.concatenate([composed - composed.mean(axis=0), people - mean]) / spread
    # fewer rows than features: the smaller of the two products has the same components
    variance, places = np.linalg.eigh(rows @ rows.T)
    best = np.argsort(-variance)[:network.dimension]
    largest = np.maximum(variance[best], 1e-6 * variance.max())
    # of unit length, then divided by a power of the variance
    components = rows.T @ places[:, best] / np.sqrt(largest) * (largest.max() / largest) ** ROOT
    weight = components.T / spread
    with torch.no_grad():
        # a network with fewer rows to learn from than dimensions leaves the rest 0
        network.embed.weight.zero_()
        network.embed.bias.zero_()
        network.embed.weight[:len(weight)] = torch.from_numpy(weight.astype(np.float32))
        network.embed.bias[:len(weight)] = torch.from_numpy(
            -(weight @ mean).astype(np.float32))


def recipe(samples: int) -> str:
    """Return what the projection depends on beside its data, as JSON."""
    return json.dumps({
        'samples': samples, 'least': LEAST, 'root': ROOT, 'crops': asdict(CHOICE)}, sort_keys=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Fit, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--init', required=True, help='published weights of EfficientNet-Lite0')
    parser.add_argument('--data', action='append', required=True, help='as of mot_ros train')
    parser.add_argument('--samples', type=int, default=SAMPLES, help='cut-outs composed (700)')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('-o', '--output', type=Path, required=True, help='.safetensors')
    args = parser.parse_args(argv)
    start = time.monotonic()
    try:
        network = SlmStripes().eval()
        init_weights(network, args.init)
        datasets = read_datasets(args.data, seed=args.seed)
        crops = PersonCrops(datasets.cutouts, datasets.photographs, CHOICE, args.seed)
        composed = np.concatenate([crops.sample(index).views for index in range(args.samples)])
        fit_projection(
            network, pooled(network, people_in(datasets.images)), pooled(network, composed))
        words = [Path(word).name for word in argv or sys.argv[1:]]
        write_weights(args.output, network.state_dict(), {
            'kind': 'slm', 'variant': 'stripes', 'init': Path(args.init).name,
            'data': ', '.join(Path(each).name for each in args.data),
            'command': shlex.join(['python', '-m', 'mot_ros.training.projection', *words]),
            'recipe': recipe(args.samples),
            'seed': str(args.seed), 'seconds': f'{time.monotonic() - start:.0f}',
            'date': time.strftime('%Y-%m-%d', time.gmtime()), 'torch': torch.__version__,
            'hardware': json.dumps(describe_machine()), 'mot_ros': __version__}, half=True)
    except MotError as error:
        sys.stderr.write(f'projection: error: {error}\n')
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
