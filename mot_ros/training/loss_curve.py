# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Loss curve: a CSV file with a row for each step, and its plot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import csv
from pathlib import Path

from mot_ros.tracking.runtime.output_file import naming, written

STEP = 'step'


class LossCurve:
    """
    Append a row of losses a step to a CSV file.

    Rows from step `upto` on are removed first: an interrupted training resumes from its last
    saved state and writes them again.
    """

    def __init__(self, path: Path, upto: int) -> None:
        self._path = path
        self._names: list[str] = []
        rows = [row for row in read(path) if row[STEP] < upto] if path.exists() else []
        path.unlink(missing_ok=True)
        for row in rows:
            self.add(int(row[STEP]), {name: row[name] for name in row if name != STEP})

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Append a row; the columns are those of the first one."""
        with naming(self._path), self._path.open('a', encoding='ascii', newline='') as file:
            writer = csv.writer(file)
            if not self._names:
                self._names = list(values)
                writer.writerow([STEP, *self._names])
            # repr is exact, so that two equal trainings give equal files
            writer.writerow([step, *(repr(float(values[name])) for name in self._names)])


def read(path: Path) -> Iterator[dict[str, float]]:
    """Yield the rows of a CSV file, up to an incomplete one."""
    with path.open(encoding='ascii', newline='') as file:
        for row in csv.DictReader(file):
            try:
                yield {name: float(value) for name, value in row.items()}
            except (TypeError, ValueError):
                return


def plot(path: Path, picture: Path) -> None:
    """Plot each part of the loss and the rate by step into an image file."""
    import matplotlib.figure

    rows = list(read(path))
    if not rows:
        return
    steps = [row[STEP] for row in rows]
    figure = matplotlib.figure.Figure(figsize=(9, 5), layout='constrained')
    loss, rate = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    for name in rows[0]:
        if name in (STEP, 'rate'):
            continue
        values = smoothed([row[name] for row in rows], len(rows) / 50)
        loss.plot(steps, values, label=name, linewidth=2 if name == 'loss' else 1)
    loss.set_yscale('log')
    loss.set_ylabel('loss, smoothed')
    loss.grid(alpha=0.3)
    loss.legend(ncols=2)
    rate.plot(steps, [row['rate'] for row in rows], color='grey')
    rate.set_ylabel('rate')
    rate.set_xlabel('step')
    with written(picture) as partial:
        figure.savefig(partial)


def smoothed(values: list[float], length: float) -> list[float]:
    """Return the exponential moving average over about `length` values, unbiased at the start."""
    keep = 1 - 1 / max(length, 1)
    total = weight = 0.0
    result = []
    for value in values:
        total, weight = keep * total + value, keep * weight + 1
        result.append(total / weight)
    return result
