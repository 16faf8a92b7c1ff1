# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""
Runs methods over sequences and scores them, one sequence at a time or in several processes.

A job is one sequence with everything that is to be run on it, so that the own detector sees each
image once for all methods. What fails costs its own result and is told in it. Only frames that
were processed and are annotated are scored: what the tracker loses by gaps shows, the frames
that nobody looked at do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
import tempfile
from typing import Any, TYPE_CHECKING

import numpy as np

from mot_ros.data.annotated import Annotated, checksum, Place
from mot_ros.data.mot import Ints, MotRows, MotWriter, read_tracks
from mot_ros.evaluation.frames import Footage, kept_frames
from mot_ros.evaluation.gallery import Moment, worst_moments
from mot_ros.evaluation.ignoring import considered, without_ignored
from mot_ros.evaluation.options import Options, OWN
from mot_ros.evaluation.processes import map_in_processes
from mot_ros.evaluation.runner import Run, TimedDetector
from mot_ros.evaluation.scoring import measure, Raw
from mot_ros.evaluation.story import Change, follow, Span
from mot_ros.tracking.config import Settings
from mot_ros.tracking.errors import MotError, SourceError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.sequence import SequenceGuard
from mot_ros.tracking.settings import build

if TYPE_CHECKING:
    from mot_ros.tracking.contracts import Detector

FAR_OUTSIDE = 1.5
"""Tracks that reach beyond the image by this factor were made on another image."""


@dataclass(frozen=True)
class Job:
    """One sequence and what is to be run on it: methods by name, or ready result files."""

    place: Place
    options: Options
    methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Values of the settings by the name of the run."""
    results: Mapping[str, Path] = field(default_factory=dict)
    """A result file, or a folder with NAME.txt in it, by the name of the run."""
    output: Path | None = None
    """Folder for the tracks, which go to output/RUN/SEQUENCE.txt."""


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
    gallery: list[Moment] = field(default_factory=list)
    stages_ms: dict[str, list[float]] = field(default_factory=dict)
    """How long each frame took in `decode`, `detector` and `tracker`."""
    warnings: list[str] = field(default_factory=list)
    checksums: dict[str, str] = field(default_factory=dict)


def run_job(job: Job) -> list[Outcome]:
    """Do everything on one sequence; never raises on account of it."""
    runs = [*job.methods, *job.results]
    name = job.place.name
    try:
        sequence = job.place.read()
        wanted = kept_frames(sequence, job.options)
        footage = Footage(sequence, wanted, job.options.detections) if job.methods else None
    except Exception as error:
        return [Outcome(run, name, error=reason_of(error)) for run in runs]
    outcomes = []
    for run in runs:
        outcome = Outcome(run, name, rate=sequence.rate, rule=sequence.rule)
        outcome.checksums = dict(sequence.checksums)
        outcome.warnings = list(sequence.notes)
        try:
            if footage is not None and run in job.methods:
                tracks = _track(job, run, name, footage, outcome)
            else:
                tracks = _ready(job.results[run], sequence, outcome)
            _judge(sequence, tracks, wanted, job.options, outcome)
        except Exception as error:
            outcome.error = reason_of(error)
        outcomes.append(outcome)
    return outcomes


def run_all(
        jobs: Sequence[Job], processes: int,
        progress: Callable[[], None] = lambda: None) -> list[Outcome]:
    """Run jobs, in the order given; how many processes share them changes no result."""
    def lost(job: Job, reason: str) -> list[Outcome]:
        return [Outcome(run, job.place.name, error=reason)
                for run in (*job.methods, *job.results)]

    done = map_in_processes(run_job, jobs, processes, lost, progress)
    return [outcome for outcomes in done for outcome in outcomes]


def _track(job: Job, run: str, name: str, footage: Footage, outcome: Outcome) -> MotRows:
    """Run a method and return its tracks, rounded as they stand in a result file."""
    settings = build(Settings, job.methods[run])

    def make() -> Detector:
        # here and not above: torch takes seconds to load
        from mot_ros.tracking.detectors import make_detector

        return make_detector(settings)

    detector = TimedDetector(footage.detector_for(make))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if job.output is None else job.output / run
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f'{name}.txt'
        steps = Run(
            footage, make_tracker(settings, detector), detector,
            SequenceGuard(settings.sequence), footage.index_of)
        with MotWriter(file) as writer:
            for step in steps:
                writer.write(step.index + 1, step.tracks, step.frame.size)
        outcome.stages_ms['tracker'] = steps.tracker_ms
        if job.options.detections == OWN:
            outcome.stages_ms |= {'decode': footage.decode_ms, 'detector': steps.detector_ms}
        outcome.checksums |= {**footage.checksums, 'tracks': checksum(file)}
        outcome.warnings += [*footage.warnings, *footage.shortcomings, *steps.incidents]
        return read_tracks(file)


def _ready(path: Path, sequence: Annotated, outcome: Outcome) -> MotRows:
    """Read a ready result and check that it belongs to the sequence."""
    if path.is_dir():
        inner = path / 'data' if (path / 'data').is_dir() else path
        path = inner / f'{sequence.name}.txt'
    tracks = read_tracks(path)
    outcome.checksums['tracks'] = checksum(path)
    if tracks.last_frame > sequence.length:
        raise SourceError(
            f'{path}: there are tracks in frame {tracks.last_frame}, but {sequence.name} has '
            f'{sequence.length} frames; is it the result of another sequence?')
    if len(tracks):
        reach = np.quantile(tracks.boxes[:, 2:], 0.99, axis=0) / sequence.size
        if reach.max() > FAR_OUTSIDE:
            outcome.warnings.append(
                f'{path}: tracks reach to {reach.max():.1f} times the size of the image '
                f'({sequence.size[0]}x{sequence.size[1]}); were they made on a larger one?')
    return tracks


def _judge(
        sequence: Annotated, tracks: MotRows, wanted: Ints, options: Options,
        outcome: Outcome) -> None:
    """Score tracks and look for what went wrong."""
    scored = np.intersect1d(
        wanted, sequence.truth.frames if options.sparse else sequence.scored)
    truth = considered(sequence)
    truth = truth[np.isin(truth.frames, scored)]
    tracks = without_ignored(sequence, tracks[np.isin(tracks.frames, scored)])
    story = follow(truth, tracks, options.iou)
    outcome.frames, outcome.scored = len(wanted), len(scored)
    outcome.switches, outcome.transfers = story.switches(), story.transfers()
    outcome.spans = story.spans()
    outcome.raw = measure(truth, tracks, len(outcome.transfers), options.iou)
    images = sequence.open_images() if options.gallery else None
    if images is not None:
        outcome.gallery = worst_moments(story, images)


def reason_of(error: Exception) -> str:
    """Return what to tell of an error: ours speak for themselves."""
    if isinstance(error, MotError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f'{error.filename}: {error.strerror}'
    return f'{type(error).__name__}: {error}'
