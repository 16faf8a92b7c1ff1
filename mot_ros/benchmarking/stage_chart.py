# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""The stages of a method as bars, beside the least time that their layers could take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.runtime.output_file import written

LEFT_OUT = ('decode JPEG', 'look')
"""Stages that are no part of a frame, or combine others."""


def check() -> None:
    """Raise ConfigError without matplotlib."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f'--png needs matplotlib, which cannot be imported ({error}): pip install '
            'matplotlib, or leave --png out') from error


def draw(rows: Sequence[dict[str, Any]], title: str, path: Path) -> None:
    """
    Draw rows of stages.measure into an image file, one bar for each number of tracks.

    A bar is made of the stages of a frame; decoding of JPEG is no part of it. Needs `check`.
    """
    import matplotlib.figure

    rows = [row for row in rows if row['stage'] not in LEFT_OUT]
    counts = sorted({row['tracks'] for row in rows} - {None}) or [None]
    names = list(dict.fromkeys(row['stage'] for row in rows))
    bars = [[next((row for row in rows if row['stage'] == name and row['tracks'] in (None, count)),
                  None) for name in names] for count in counts]
    figure = matplotlib.figure.Figure(figsize=(9, 1.6 + 0.9 * len(counts)), layout='constrained')
    panel = figure.subplots()
    for number, own in enumerate(bars):
        panel.set_prop_cycle(None)
        taken = least = 0.0
        for name, row in zip(names, own, strict=True):
            wide = 0.0 if row is None else row['ms']
            panel.barh(number, wide, 0.5, left=taken, label=name if number == 0 else None)
            taken += wide
            least += (row and row['least_ms']) or 0.0
        panel.barh(number + 0.35, least, 0.16, color='black',
                   label='least, by the roofline' if number == 0 else None)
    panel.set(
        yticks=range(len(counts)), xlabel='ms', title=title, yticklabels=[
            '' if count is None else f'{count} tracks' for count in counts])
    panel.legend(fontsize='small', loc='center left', bbox_to_anchor=(1, 0.5))
    panel.grid(axis='x', alpha=0.3)
    with written(path) as partial:
        figure.savefig(partial, dpi=110)
