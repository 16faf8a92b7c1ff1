# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What is to be done on one sequence, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import contextlib
from dataclasses import dataclass, field
from pathlib import Path
import time
from typing import Any

from mot_ros.data.annotated import SequenceRef
from mot_ros.evaluation.live import LiveCost
from mot_ros.evaluation.options import Options
from mot_ros.evaluation.report.worst_frames import WorstFrame
from mot_ros.evaluation.scores.scoring import Raw
from mot_ros.evaluation.scores.track_events import Change, Span
from mot_ros.tracking.runtime.output_file import write_text

PARTS = ('read', 'load', 'loop', 'score', 'gallery')
"""Of the work on a sequence: its truth, the detector, the frames, the scores, the pictures."""


@dataclass(frozen=True)
class Job:
    """One sequence and what is to be run on it: methods by name, or ready result files."""

    place: SequenceRef
    options: Options
    methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Values of the settings by the name of the run."""
    results: Mapping[str, Path] = field(default_factory=dict)
    """A result file, or a folder with NAME.txt in it, by the name of the run."""
    output: Path | None = None
    """Folder for the tracks of methods, which go to output/RUN/SEQUENCE.txt."""

    @property
    def runs(self) -> list[str]:
        """The names of all runs."""
        return [*self.methods, *self.results]

    def failed(self, reason: str) -> list[Outcome]:
        """Return what there is to tell if nothing could be done."""
        return [Outcome(run, self.place.name, error=reason) for run in self.runs]

    def write_tracks(self, outcomes: Sequence[Outcome]) -> None:
        """Write the tracks of methods, as they came back from wherever they were made."""
        for outcome in outcomes:
            if self.output is not None and outcome.tracks is not None:
                folder = self.output / outcome.run
                folder.mkdir(parents=True, exist_ok=True)
                write_text(folder / f'{outcome.sequence}.txt', outcome.tracks)


@dataclass
class Outcome:
    """What came of one run on one sequence; `error` says why it failed."""

    run: str
    sequence: str
    error: str = ''
    raw: Raw | None = None
    frames: int = 0
    """How many were processed."""
    scored: int = 0
    """How many of these are annotated."""
    rate: float = 0.0
    rule: str = ''
    switches: list[Change] = field(default_factory=list)
    transfers: list[Change] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    worst_frames: list[WorstFrame] = field(default_factory=list)
    stages_ms: dict[str, list[float]] = field(default_factory=dict)
    """How long each frame took in `decode`, `detector` and `tracker`."""
    parts_ms: dict[str, float] = field(default_factory=dict)
    """How long each of PARTS took."""
    warnings: list[str] = field(default_factory=list)
    checksums: dict[str, str] = field(default_factory=dict)
    tracks: str | None = None
    """Those of a method, as they stand in a result file."""
    live: LiveCost | None = None
    """What real time cost, where the run went through the node."""

    @contextlib.contextmanager
    def timing(self, part: str) -> Iterator[None]:
        """Note how long what is done meanwhile takes."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.parts_ms[part] = (time.perf_counter() - start) * 1e3
