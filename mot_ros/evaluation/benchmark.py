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
image once for all methods. What fails costs its own result and is told in it.

With `fps`, the frame of index i is kept where floor(i * fps / rate) is a new number: every k-th
frame by time. With `drop`, each kept frame is left out with that probability, drawn from the seed
and the name of the sequence, the same for every method. Only frames that were processed are
scored: what the tracker loses by the gaps shows, the frames that nobody looked at do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
import contextlib
from dataclasses import dataclass, field
from itertools import pairwise
import math
from pathlib import Path
import sys
import tempfile
from typing import Any, cast, TYPE_CHECKING, TypeVar
import zlib

import numpy as np
from numpy.typing import NDArray

from mot_ros.data.mot import MotRows, MotWriter, read_detections, read_tracks
from mot_ros.data.sequences import checksum, read_sequence
from mot_ros.data.sequences import Sequence as Annotated
from mot_ros.evaluation.gallery import Moment, worst_moments
from mot_ros.evaluation.ignoring import considered, without_ignored
from mot_ros.evaluation.runner import Run, TimedDetector
from mot_ros.evaluation.scoring import measure, Raw
from mot_ros.evaluation.story import Change, follow, Span
from mot_ros.tracking.config import Settings
from mot_ros.tracking.detectors.recorded import RecordedDetections
from mot_ros.tracking.errors import ConfigError, MotError, SourceError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.settings import build
from mot_ros.tracking.types import Detections, Frame

if TYPE_CHECKING:
    from mot_ros.data.video import FrameSource
    from mot_ros.tracking.contracts import Detector

OWN, PUBLIC = 'own', 'public'
FAR_OUTSIDE = 1.5
"""Tracks that reach beyond the image by this factor were made on another image."""


@dataclass(frozen=True)
class Options:
    """What all sequences of an evaluation have in common."""

    detections: str = OWN
    """OWN for the detector of the settings, PUBLIC, a det.txt or a folder of NAME.txt."""
    fps: float | None = None
    drop: float = 0.0
    seed: int = 0
    frames: int | None = None
    iou: float = 0.5
    gallery: bool = True

    def __post_init__(self) -> None:
        # written so that NaN fails too
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise ConfigError(f'fps is {self.fps:g}; it must be above 0 Hz')
        if not 0 <= self.drop < 1:
            raise ConfigError(f'drop is {self.drop:g}; it must lie in [0, 1)')
        if self.frames is not None and self.frames < 1:
            raise ConfigError(f'frames is {self.frames}; it must be at least 1')
        if not 0 < self.iou <= 1:
            raise ConfigError(f'iou is {self.iou:g}; it must lie in (0, 1]')


@dataclass(frozen=True)
class Job:
    """One sequence and what is to be run on it: methods by name, or ready result files."""

    folder: Path
    options: Options
    methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Values of the settings by the name of the run."""
    results: Mapping[str, Path] = field(default_factory=dict)
    """A result file, or a folder with NAME.txt in it, by the name of the run."""
    images: Path | None = None
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
    rate: float = 0.0
    rule: str = ''
    switches: list[Change] = field(default_factory=list)
    transfers: list[Change] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    gallery: list[Moment] = field(default_factory=list)
    tracker_ms: list[float] = field(default_factory=list)
    detector_ms: list[float] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    checksums: dict[str, str] = field(default_factory=dict)


_Task = TypeVar('_Task')
_Result = TypeVar('_Result')


def run_job(job: Job) -> list[Outcome]:
    """Do everything on one sequence; never raises on account of it."""
    runs = [*job.methods, *job.results]
    name = job.folder.resolve().name
    try:
        sequence = read_sequence(job.folder, job.images)
        wanted = kept_frames(sequence, job.options)
        source = _source(job, sequence, wanted) if job.methods else None
    except Exception as error:
        return [Outcome(run, name, error=_reason(error)) for run in runs]
    outcomes = []
    for run in runs:
        outcome = Outcome(run, name, rate=sequence.rate, rule=sequence.rule)
        outcome.checksums = dict(sequence.checksums)
        try:
            if run in job.methods:
                assert source is not None  # noqa: S101
                tracks = _track(job, run, sequence, source, outcome)
            else:
                tracks = _ready(job.results[run], sequence, outcome)
            _judge(sequence, tracks, wanted, job.options, outcome)
        except Exception as error:
            outcome.error = _reason(error)
        outcomes.append(outcome)
    return outcomes


def kept_frames(sequence: Annotated, options: Options) -> NDArray[np.int64]:
    """Return the numbers, from 1, of the frames that are processed and scored."""
    length = min(sequence.length, options.frames or sequence.length)
    index = np.arange(length)
    if options.fps is not None:
        # a product that is a whole number but for rounding belongs to that number
        slot = np.floor(index * options.fps / sequence.rate + 1e-9)
        index = index[np.diff(slot, prepend=-1) > 0]
    if options.drop:
        generator = np.random.default_rng([options.seed, zlib.crc32(sequence.name.encode())])
        index = index[generator.random(length)[index] >= options.drop]
    if not len(index):
        raise ConfigError(f'{sequence.name}: no frame is left; lower drop or raise fps')
    return index + 1


def run_all(
        jobs: Sequence[Job], processes: int,
        progress: Callable[[], None] = lambda: None) -> list[Outcome]:
    """Run jobs, in the order given; how many processes share them changes no result."""
    def lost(job: Job, reason: str) -> list[Outcome]:
        return [Outcome(run, job.folder.resolve().name, error=reason)
                for run in (*job.methods, *job.results)]

    done = map_in_processes(run_job, jobs, processes, lost, progress)
    return [outcome for outcomes in done for outcome in outcomes]


def map_in_processes(
        function: Callable[[_Task], _Result], tasks: Sequence[_Task], processes: int,
        lost: Callable[[_Task, str], _Result], progress: Callable[[], None]) -> list[_Result]:
    """
    Return function(task) of every task, in order.

    A process that dies takes those down that were under way beside it; they are repeated alone,
    and what dies again gets `lost(task, reason)`.
    """
    if processes == 1:
        results = []
        for task in tasks:
            results.append(function(task))
            progress()
        return results
    found: dict[int, _Result] = {}
    _attempt(function, tasks, range(len(tasks)), processes, found, progress)
    for index in range(len(tasks)):
        if index not in found:
            _attempt(function, tasks, [index], 1, found, progress)
        if index not in found:
            found[index] = lost(tasks[index], 'the process ended abruptly; out of memory?')
            progress()
    return [found[index] for index in range(len(tasks))]


def _attempt(
        function: Callable[[_Task], _Result], tasks: Sequence[_Task], indices: Sequence[int],
        processes: int, found: dict[int, _Result], progress: Callable[[], None]) -> None:
    """Run tasks in a pool of its own and collect what came of them."""
    from concurrent.futures import as_completed, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # spawned and not forked: threads of OpenCV and torch do not survive a fork
    with ProcessPoolExecutor(processes, mp_context=get_context('spawn')) as pool:
        try:
            with _main_hidden():
                futures = {pool.submit(function, tasks[index]): index for index in indices}
        except BrokenProcessPool:
            return
        for future in as_completed(futures):
            with contextlib.suppress(BrokenProcessPool):
                found[futures[future]] = future.result()
                progress()


@contextlib.contextmanager
def _main_hidden() -> Iterator[None]:
    """
    Keep processes that are started meanwhile from running the program's script once more.

    A spawned process imports it, and one without the usual guard, as the installed `mot_ros` may
    be, would start the whole evaluation again. What the processes need has modules of its own.
    """
    main = sys.modules['__main__']
    file = vars(main).pop('__file__', None)
    try:
        yield
    finally:
        if file is not None:
            vars(main)['__file__'] = file


class _Frames:
    """The frames that are kept: of the images where they are needed, else without an image."""

    def __init__(
            self, sequence: Annotated, wanted: NDArray[np.int64],
            images: FrameSource | None, detector: Callable[[Settings], Detector]) -> None:
        self._rate = sequence.rate
        self._wanted = wanted
        self._images = images
        self._kept = set(wanted.tolist())
        self.size = sequence.size
        self.detector_for = detector
        self.warnings: list[str] = []

    def index_of(self, frame: Frame) -> int:
        return round(frame.stamp * self._rate)

    def __iter__(self) -> Iterator[Frame]:
        if self._images is None:
            for number in self._wanted.tolist():
                yield Frame(None, (number - 1) / self._rate, self.size)
            return
        last = int(self._wanted[-1])
        with contextlib.closing(cast(Any, iter(self._images))) as frames:
            for frame in frames:
                number = self.index_of(frame) + 1
                if number in self._kept:
                    yield frame
                if number >= last:
                    return
        self.warnings = self._images.shortcomings
        self.warnings.append(f'{self._images.path} ends before frame {last} of the truth')


class _Seen:
    """Asks the detector once for each frame and remembers the answer for the next method."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._found: dict[float, Detections] = {}
        self.class_names = detector.class_names

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        for frame in frames:
            if frame.stamp not in self._found:
                self._found[frame.stamp] = self._detector.detect([frame])[0]
        return [self._found[frame.stamp] for frame in frames]


def _source(job: Job, sequence: Annotated, wanted: NDArray[np.int64]) -> _Frames:
    """Return the frames of a sequence and how to come to its detections."""
    images = sequence.open_images()
    if job.options.detections == OWN:
        if images is None:
            raise SourceError(
                f'{sequence.name} has no images; give them with --video {sequence.name}=FILE, or '
                'take --detections public')
        kept: list[_Seen] = []

        def own(settings: Settings) -> Detector:
            if not kept:
                # here and not above: torch takes seconds to load
                from mot_ros.tracking.detectors import make_detector

                kept.append(_Seen(make_detector(settings)))
            return kept[0]

        return _Frames(sequence, wanted, images, own)
    rows, notes, origin = _given_detections(job.options.detections, sequence)
    detector = RecordedDetections(by_stamp(rows, sequence), ('person',))
    frames = _Frames(sequence, wanted, None, lambda settings: detector)
    frames.warnings = notes
    sequence.checksums['detections'] = checksum(origin)
    return frames


def _given_detections(which: str, sequence: Annotated) -> tuple[MotRows, list[str], Path]:
    """Return public detections, or those of a file or folder."""
    path = sequence.detections_file if which == PUBLIC else Path(which)
    if path is None:
        raise SourceError(f'{sequence.name} has no det/det.txt; give --detections FILE')
    if path.is_dir():
        path = path / f'{sequence.name}.txt'
    rows = read_detections(path)
    if not len(rows) or 0 <= rows.values.min() <= rows.values.max() <= 1:
        return rows, [], path
    low, high = rows.values.min(), rows.values.max()
    scaled = MotRows(rows.frames, rows.ids, rows.boxes, (rows.values - low) / (high - low or 1))
    return scaled, [f'{path}: scores reach from {low:g} to {high:g} and were scaled to 0..1'], path


def by_stamp(rows: MotRows, sequence: Annotated) -> dict[float, Detections]:
    """Return the detections of every frame by its stamp, best score first."""
    rows = rows[np.lexsort((-rows.values, rows.frames))]
    edges = np.searchsorted(rows.frames, np.arange(1, sequence.length + 2))
    boxes, scores = rows.boxes.astype(np.float32), rows.values.astype(np.float32)
    return {
        index / sequence.rate: Detections(
            boxes[first:end], scores[first:end], np.zeros(end - first, np.int64))
        for index, (first, end) in enumerate(pairwise(edges.tolist()))}


def _track(
        job: Job, run: str, sequence: Annotated, source: _Frames, outcome: Outcome) -> MotRows:
    """Run a method and return its tracks, rounded as they stand in a result file."""
    settings = build(Settings, job.methods[run])
    detector = TimedDetector(source.detector_for(settings))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if job.output is None else job.output / run
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f'{sequence.name}.txt'
        steps = Run(cast(Any, source), make_tracker(settings, detector), detector)
        with MotWriter(file) as writer:
            for step in steps:
                writer.write(step.index + 1, step.tracks, step.frame.size)
        outcome.tracker_ms = steps.tracker_ms
        outcome.detector_ms = steps.detector_ms if job.options.detections == OWN else []
        outcome.warnings += source.warnings
        if steps.failed:
            outcome.warnings.append(
                f'{len(steps.failed)} frames could not be used; {steps.failed[0]}')
        outcome.checksums['tracks'] = checksum(file)
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
        sequence: Annotated, tracks: MotRows, wanted: NDArray[np.int64], options: Options,
        outcome: Outcome) -> None:
    """Score tracks and look for what went wrong."""
    truth = considered(sequence)
    truth = truth[np.isin(truth.frames, wanted)]
    tracks = without_ignored(sequence, tracks[np.isin(tracks.frames, wanted)])
    story = follow(truth, tracks, options.iou)
    outcome.frames = len(wanted)
    outcome.switches, outcome.transfers = story.switches(), story.transfers()
    outcome.spans = story.spans()
    outcome.raw = measure(truth, tracks, len(outcome.transfers), options.iou)
    images = sequence.open_images() if options.gallery else None
    if images is not None:
        outcome.gallery = worst_moments(story, images)


def _reason(error: Exception) -> str:
    """Return what to tell of an error: ours speak for themselves."""
    if isinstance(error, MotError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f'{error.filename}: {error.strerror}'
    return f'{type(error).__name__}: {error}'
