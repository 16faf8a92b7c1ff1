# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Report that ends a training: how it was made, how its losses fell, what it gives held out."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path

from mot_ros.benchmarking.markdown import table_of_rows
from mot_ros.tracking.runtime.output_file import write_text
from mot_ros.training.loss_curve import read, smoothed, STEP

REPORT = 'report.md'
TENTHS = 10
"""Rows of the table of losses, beside that of the first step."""


def write_report(
        path: Path, curve: Path, card: Mapping[str, str], held_out: Mapping[str, float]) -> None:
    """
    Write a Markdown report of a training from its loss curve, model card and held-out figures.

    The losses are means over about a fiftieth of the steps, in ten rows of equal distance.
    """
    hardware, recipe = json.loads(card['hardware']), json.loads(card['recipe'])
    title = recipe.get('network', {}).get('variant', '')
    lines = [
        f'# {card["kind"]} {title}'.rstrip(), '',
        f'    {card["command"]}', '',
        f'- data: {card["data"]}; initial weights: {card["init"]}',
        f'- seed {card["seed"]}, {card["steps"]} steps in {int(card["seconds"]) / 3600:.2f} h, '
        f'{card["date"]}',
        f'- {hardware["cpu"]}, {hardware["cores"]} cores, device {hardware["device"]}; '
        f'torch {card["torch"]}, mot_ros {card["mot_ros"]}', '']
    if held_out:
        lines += ['## Held out', '', table_of_rows([dict(held_out)], 3)]
    losses = _losses(curve)
    if losses:
        lines += ['## Losses', '', table_of_rows(losses, 3)]
    write_text(path, '\n'.join(lines))


def _losses(curve: Path) -> list[dict[str, float | int]]:
    """Return the smoothed losses of ten steps; none where the file is empty."""
    rows = list(read(curve))
    if not rows:
        return []
    columns = {name: smoothed([row[name] for row in rows], len(rows) / 50)
               for name in rows[0] if name not in (STEP, 'rate')}
    last = len(rows) - 1
    places = sorted({round(last * tenth / TENTHS) for tenth in range(TENTHS + 1)})
    return [{STEP: int(rows[place][STEP]),
             **{name: values[place] for name, values in columns.items()}} for place in places]
