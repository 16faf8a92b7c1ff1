# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Runs methods over sequences and scores them, one at a time, in processes or on a cluster.

A job is one sequence with everything that is to be run on it, so that the own detector sees each
image once for all methods. What fails costs its own result and is told in it. Only frames that
were processed and are annotated are scored: what the tracker loses by gaps shows, the frames
that nobody looked at do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
import time
from typing import TYPE_CHECKING

import numpy as np

from mot_ros.data.annotated import Annotated, checksum, UNKNOWN
from mot_ros.data.datasets.kitti import is_kitti_result, read_kitti_tracks
from mot_ros.data.datasets.mot import Ints, MotRows, MotWriter, read_tracks
from mot_ros.evaluation.frame_selection import Footage, kept_frames
from mot_ros.evaluation.job import Job, Outcome
from mot_ros.evaluation.options import Options, OWN
from mot_ros.evaluation.processes import map_in_processes
from mot_ros.evaluation.report.worst_frames import worst_frames
from mot_ros.evaluation.runner import Run, timed
from mot_ros.evaluation.scores.ignore_regions import considered, without_ignored
from mot_ros.evaluation.scores.scoring import measure
from mot_ros.evaluation.scores.track_ap import TrackSet
from mot_ros.evaluation.scores.track_events import match_events
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.errors import MotError, SourceError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.runtime.malloc import keep_memory
from mot_ros.tracking.runtime.scratch import scratch_folder
from mot_ros.tracking.sequence import SequenceGuard

if TYPE_CHECKING:
    from mot_ros.evaluation.resume import Kept
    from mot_ros.tracking.protocols import Detector

FAR_OUTSIDE = 1.5
"""Tracks that reach beyond the image by this factor were made on another image."""


def run_job(job: Job) -> list[Outcome]:
    """Do everything on one sequence; never raises on account of it."""
    # workers of a cluster are set to give memory back at once, at twice the time
    keep_memory()
    name, start = job.place.name, time.perf_counter()
    try:
        sequence = job.place.read()
        wanted = kept_frames(sequence, job.options)
        footage = Footage(sequence, wanted, job.options.detections) if job.methods else None
    except Exception as error:
        return job.failed(reason_of(error))
    reading = (time.perf_counter() - start) * 1e3
    outcomes: list[Outcome] = []
    for run in job.runs:
        outcome = Outcome(run, name, rate=sequence.rate, rule=sequence.rule)
        outcome.checksums = dict(sequence.checksums)
        outcome.warnings = list(sequence.notes)
        # it is read once for all runs: the first one's time
        outcome.parts_ms['read'] = 0.0 if outcomes else reading
        try:
            if footage is not None and run in job.methods:
                tracks = _track(job, run, name, footage, outcome)
            else:
                tracks = _ready(job.results[run], sequence, outcome)
            if sequence.rule == UNKNOWN:
                outcome.frames = len(wanted)
                outcome.warnings.append('there is no truth: tracked, not scored')
            else:
                _judge(sequence, tracks, wanted, job.options, outcome)
        except Exception as error:
            outcome.error = reason_of(error)
        outcomes.append(outcome)
    job.write_tracks(outcomes)
    return outcomes


def run_all(
        jobs: Sequence[Job], processes: int = 1, progress: Callable[[], object] = lambda: None, *,
        scheduler: str | None = None, kept: Kept | None = None) -> list[Outcome]:
    """
    Run jobs, in the order given, in processes of this machine or where a Dask scheduler says.

    How they are shared out changes no result. What `kept` has from before is taken over.
    """
    found: dict[int, list[Outcome]] = {}
    keys = [kept.key(job) for job in jobs] if kept else []

    def done(index: int, outcomes: list[Outcome]) -> None:
        jobs[index].write_tracks(outcomes)
        found[index] = outcomes
        progress()

    for index, key in enumerate(keys):
        earlier = kept.take(key) if kept else None
        if earlier is not None:
            done(index, earlier)
    rest = [index for index in range(len(jobs)) if index not in found]
    # tracks come back with the outcome: no worker need reach the output
    tasks = [replace(jobs[index], output=None) for index in rest]

    def arrived(number: int, outcomes: list[Outcome]) -> None:
        if kept:
            kept.keep(keys[rest[number]], outcomes)
        done(rest[number], outcomes)

    if scheduler is not None and tasks:
        from mot_ros.evaluation.cluster import map_in_cluster

        map_in_cluster(run_job, tasks, scheduler, Job.failed, arrived)
    elif tasks:
        map_in_processes(run_job, tasks, min(processes, len(tasks)), Job.failed, arrived)
    return [outcome for index in range(len(jobs)) for outcome in found[index]]


def _track(job: Job, run: str, name: str, footage: Footage, outcome: Outcome) -> MotRows:
    """Run a method and return its tracks, rounded as they stand in a result file."""
    settings = build(Settings, job.methods[run])

    def make() -> Detector:
        # here and not above: torch takes seconds to load
        from mot_ros.tracking.detectors import make_detector

        return make_detector(settings)

    with outcome.timing('load'):
        detector = timed(footage.detector_for(settings, make))
        tracker = make_tracker(settings, detector)
        footage.show(settings.method, needed=tracker.needs_image)
    steps = Run(
        footage, tracker, detector, SequenceGuard(settings.sequence), footage.index_of)
    with scratch_folder() as scratch:
        file = Path(scratch) / f'{name}.txt'
        with outcome.timing('loop'), MotWriter(
                file, amodal=job.options.amodal) as writer:
            for step in steps:
                writer.write(step.index + 1, step.tracks, step.frame.size)
        outcome.tracks = file.read_text(encoding='ascii')
        outcome.checksums |= {**footage.checksums, 'tracks': checksum(file)}
        tracks = read_tracks(file)
    outcome.stages_ms['tracker'] = steps.tracker_ms
    if job.options.detections == OWN:
        outcome.stages_ms |= {'decode': footage.decode_ms, 'detector': steps.detector_ms}
    elif tracker.needs_image:
        outcome.stages_ms['decode'] = footage.decode_ms
    outcome.warnings += [*footage.warnings, *footage.shortcomings, *steps.incidents]
    return tracks


def _ready(path: Path, sequence: Annotated, outcome: Outcome) -> MotRows:
    """Read a ready result and check that it belongs to the sequence."""
    path = _result_file(path, sequence)
    if path.suffix.lower() == '.json':
        if sequence.results is None:
            raise SourceError(
                f'{path} is a list of results, which are read for TAO only; give a MOTChallenge '
                'text file')
        tracks = sequence.results(path)
    else:
        tracks = (read_kitti_tracks(path, sequence.classes) if is_kitti_result(path)
                  else read_tracks(path))
    outcome.warnings += tracks.notes
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


def _result_file(path: Path, sequence: Annotated) -> Path:
    """Return the file of a sequence in a folder of results, as TrackEval lays them out."""
    if not path.is_dir():
        return path
    inner = path / 'data' if (path / 'data').is_dir() else path
    text, lists = inner / f'{sequence.name}.txt', sorted(inner.glob('*.json'))
    if sequence.results is not None and not text.exists() and len(lists) == 1:
        return lists[0]
    return text


def _judge(
        sequence: Annotated, tracks: MotRows, wanted: Ints, options: Options,
        outcome: Outcome) -> None:
    """Score tracks and look for what went wrong."""
    scored = np.intersect1d(
        wanted, sequence.truth.frames if options.sparse else sequence.scored)
    truth = considered(sequence)
    truth = truth[np.isin(truth.frames, scored)]
    tracks = tracks[np.isin(tracks.frames, scored)]
    whole = TrackSet(truth, tracks, sequence.exhaustive, sequence.negative) \
        if sequence.rule == 'tao' else None
    tracks = without_ignored(sequence, tracks)
    outcome.frames, outcome.scored = len(wanted), len(scored)
    with outcome.timing('score'):
        events = match_events(truth, tracks, options.iou)
        outcome.switches, outcome.transfers = events.switches(), events.transfers()
        outcome.spans = events.spans()
        outcome.raw = measure(truth, tracks, len(outcome.transfers), options.iou, whole)
    with outcome.timing('gallery'):
        images = sequence.open_images() if options.worst_frames else None
        if images is not None:
            outcome.worst_frames = worst_frames(events, images)


def reason_of(error: Exception) -> str:
    """Return what to tell of an error: ours speak for themselves."""
    if isinstance(error, MotError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f'{error.filename}: {error.strerror}'
    return f'{type(error).__name__}: {error}'
