# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Appearance: what the boxes of one frame cost one by one, and all in one batch.

A 768 x 576 image and boxes of 20-60 x 60-160 pixels, all made up; SLM has random weights, which
take as long as trained ones. `as published` is SLM as its authors run it: one crop after the
other through the plain network, with sixteen calls of attention. `batch / this` is how much of a
row's time the batch takes. The ways take turns, and the median of the rounds counts. Prints one
table and writes JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
import sys
import tempfile
import time
from typing import Any

# flake8: noqa: E402
from mot_ros.tracking.runtime.threads import share_cores

share_cores()  # before anything loads torch

import numpy as np
import torch
from torch import nn, Tensor
from torch.nn import functional as F

from mot_ros.benchmarking.markdown import markdown_table
from mot_ros.benchmarking.result_file import write_result
from mot_ros.tracking.appearance.colour_histogram import ColourHistogram
from mot_ros.tracking.appearance.embedder import Embedder, unit, windows
from mot_ros.tracking.appearance.slm import SlmEmbedder
from mot_ros.tracking.nets.slm.network import CROP, Slm, VARIANTS
from mot_ros.tracking.types import Floats, Frame

SIZE = (768, 576)


class SixteenCalls(nn.Module):
    """Attention of every slice to every slice in a call of its own."""

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.to_q, self.to_k, self.to_v, self.to_out = (
            getattr(whole, f'to_{name}') for name in ('q', 'k', 'v', 'out'))

    def forward(self, features: Tensor) -> Tensor:
        """Do what LinearAttention does."""
        parts = [part for half in features.chunk(2, 2) for part in half.chunk(2, 3)]
        return torch.stack([
            torch.stack([self._call(asking, asked) for asked in parts]).sum(0).flatten(2)
            for asking in parts], dim=1)

    def _call(self, asking: Tensor, asked: Tensor) -> Tensor:
        q, k, v = (
            project(part).reshape(len(part), 4, 32, -1) for project, part in (
                (self.to_q, asking), (self.to_k, asked), (self.to_v, asked)))
        context = (v @ (k * 32 ** -0.25).softmax(-1).mT)
        out = context @ (q * 32 ** -0.25).softmax(-2)
        return self.to_out(out.reshape(len(asking), -1, *asking.shape[2:]))


def as_published(network: Slm, frame: Frame, boxes: Floats) -> Floats:
    """Embed one crop after the other."""
    image, rows = torch.from_numpy(frame.image), []
    with torch.inference_mode():
        for x1, y1, x2, y2 in windows(boxes, frame.size)[0].tolist():
            crop = image[y1:y2, x1:x2].permute(2, 0, 1)[None].float()
            crop = F.interpolate(crop, CROP[::-1], mode='bilinear', align_corners=False)
            rows.append(network(crop).numpy())
    return unit(np.concatenate(rows))


def make_boxes(count: int) -> Floats:
    """Make boxes inside the image."""
    random = np.random.default_rng(0)
    sides = random.uniform([20, 60], [60, 160], (count, 2))
    corners = random.uniform(0, np.array(SIZE) - sides)
    return np.concatenate([corners, corners + sides], axis=1).astype(np.float32)


def ways(folder: Path, count: int, device: str) -> dict[tuple[str, str], Callable[[], Floats]]:
    """Return what to time, by embedder and way."""
    frame = Frame.of(np.random.default_rng(1).integers(
        0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8), 0.0)
    boxes = make_boxes(count)
    torch.manual_seed(0)
    embedders: dict[str, Embedder] = {}
    for variant in VARIANTS:
        network = Slm(variant).eval()
        torch.save(network.state_dict(), folder / f'{variant}.pt')
        embedders[f'SLM {variant}'] = SlmEmbedder(str(folder / f'{variant}.pt'), device)
        if variant == 'code':
            plain = network
            plain.patch_attention = SixteenCalls(network.patch_attention)
    embedders['colour'] = ColourHistogram()
    chosen: dict[tuple[str, str], Callable[[], Floats]] = {
        ('SLM code', 'as published'): lambda: as_published(plain, frame, boxes)}
    for name, embedder in embedders.items():
        chosen[name, 'one by one'] = lambda one=embedder: np.concatenate([
            one.embed(frame, box[None]) for box in boxes])
        chosen[name, 'batch'] = lambda one=embedder: one.embed(frame, boxes)
    return chosen


def measure(chosen: dict[tuple[str, str], Callable[[], Floats]], rounds: int) -> list[
        dict[str, Any]]:
    """Time every way, after one round that does not count; check that all ways agree."""
    times: dict[tuple[str, str], list[float]] = {key: [] for key in chosen}
    results = {}
    for _ in range(rounds + 1):
        for key, embed in chosen.items():
            start = time.perf_counter()
            results[key] = embed()
            times[key].append(time.perf_counter() - start)
    median = {key: float(np.median(values[1:])) for key, values in times.items()}
    return [{
        'embedder': name, 'way': way, 'boxes': len(results[name, way]),
        'ms': median[name, way] * 1e3,
        'ms per box': median[name, way] * 1e3 / len(results[name, way]),
        'batch / this': median[name, 'batch'] / median[name, way],
        'largest difference': float(np.abs(results[name, way] - results[name, 'batch']).max()),
    } for name, way in chosen]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--boxes', type=int, default=50, help='boxes of the frame (50)')
    parser.add_argument('--rounds', type=int, default=5, help='turns of every way (5)')
    parser.add_argument('--device', default='cpu', help="'cpu', 'cuda' (cpu)")
    parser.add_argument('--json', type=Path, default=Path('embedding.json'),
                        help='result (embedding.json)')
    args = parser.parse_args(argv)
    if min(args.boxes, args.rounds) < 1:
        parser.error('--boxes and --rounds must be positive')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    args = parse(argv)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(ways(Path(folder), args.boxes, args.device), args.rounds)
    sys.stdout.write(markdown_table([list(rows[0])] + [
        [row['embedder'], row['way'], str(row['boxes']), f'{row["ms"]:.1f}',
         f'{row["ms per box"]:.2f}', f'{row["batch / this"]:.2f}',
         f'{row["largest difference"]:.0e}']
        for row in rows]))
    write_result(
        args.json, {'benchmark': 'embedding', 'rows': rows, 'device': args.device},
        torch=torch.__version__, torch_threads=torch.get_num_threads())
    return 0


if __name__ == '__main__':
    sys.exit(main())
