# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros track`: a tracker over a video, a folder of images, a bag or a camera."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
import contextlib
from pathlib import Path
import sys
from types import TracebackType
from typing import cast, TYPE_CHECKING

from mot_ros.commands import INTERRUPTED, reading_options, say, setting_options
from mot_ros.tracking.config import METHODS, NodeSettings, Settings
from mot_ros.tracking.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mot_ros.data.video.frame_source import FrameSource
    from mot_ros.evaluation.runner import Run, Step, TimedDetector
    from mot_ros.window import Window


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        'source', metavar='SOURCE',
        help='a video file, a folder of images, a quoted pattern such as "img1/*.jpg", a '
        'rosbag2 (folder, .mcap or .db3), a .bag of ROS 1, a camera (0, /dev/video0) or a '
        'stream (rtsp://..., http://...)')
    parser.add_argument(
        '--topic', metavar='T', help='topic of the images in a bag, where it has several')
    parser.add_argument('--method', metavar='M', help=f'tracking method: {", ".join(METHODS)}')
    setting_options.add(parser, params=True, example='detector.width=512')
    parser.add_argument(
        '--fps', type=float, metavar='F',
        help='frame rate in Hz; overrides what the file says, but never the stamps in a bag')
    parser.add_argument(
        '--start', type=int, default=0, metavar='N', help='leave out the first N frames')
    parser.add_argument('--frames', type=int, metavar='N', help='stop after N frames')
    reading_options.add(parser)
    outputs = parser.add_argument_group('what to write')
    outputs.add_argument(
        '-o', '--output', type=Path, metavar='FILE', help='annotated video, .mp4 or .avi')
    outputs.add_argument(
        '--mot', type=Path, metavar='FILE', help='tracks as MOTChallenge text')
    outputs.add_argument(
        '--sheet', type=Path, metavar='FILE', help='twelve annotated frames in one PNG')
    outputs.add_argument(
        '--show', action='store_true', help='show the tracks in a window; q ends')
    outputs.add_argument(
        '--cache-detections', type=Path, metavar='FILE',
        help='keep detections here (.npz) and take them from here in the next run')
    parser.set_defaults(run=_track)


def _track(args: argparse.Namespace) -> int:
    settings = _settings(args)
    files = _outputs(args)

    from mot_ros.data.sources import open_frames
    from mot_ros.evaluation.runner import cached_detector, Run, timed
    from mot_ros.tracking.detectors import make_detector
    from mot_ros.tracking.methods import make_tracker
    from mot_ros.tracking.sequence import SequenceGuard

    # before the models are loaded: there may be no display
    window = _window() if args.show else None
    source = open_frames(
        args.source, args.fps, args.start, args.frames, args.topic, reading_options.reading(args))
    cache = (cached_detector(settings, source, args.cache_detections)
             if args.cache_detections else None)
    detector = timed(cache or make_detector(settings))
    run = Run(
        source, make_tracker(settings, detector), detector, SequenceGuard(settings.sequence),
        source.index_of)
    counts = _Counts()
    status = 0
    try:
        _write(args, source, run, detector, counts, window)
    except KeyboardInterrupt:
        say('interrupted: what was tracked so far is kept')
        status = INTERRUPTED
    finally:
        if window is not None:
            window.close()
        if cache is not None:
            cache.save()
    for sentence in [*source.shortcomings, *run.incidents]:
        say(f'warning: {sentence}')
    if cache is not None and cache.recorded:
        say(f'{args.cache_detections}: {cache.recorded} frames were there, '
            f'{cache.added} were added')
    if cache is not None and not cache.added:
        files.remove(args.cache_detections)
    sys.stdout.write(_summary(run, counts, source, files))
    return status


def _window() -> Window:
    from mot_ros.window import Window

    return Window()


def _settings(args: argparse.Namespace) -> Settings:
    """Read settings from parameter file, options and --set; the later of these wins."""
    from mot_ros.tracking.config.schema import build, catalogue

    values = setting_options.from_file(args) | setting_options.from_options(args, NodeSettings)
    # what only the node needs is checked like the rest and then of no effect
    build(NodeSettings, values)
    ours = catalogue(Settings, next(iter(Settings.presets)))
    return build(Settings, {
        name: value for name, value in values.items() if name in ours})


def _outputs(args: argparse.Namespace) -> list[Path]:
    """Return the files that will be written; raise before the work if one cannot be."""
    from mot_ros.tracking.runtime.output_file import check_writable

    files = [path for path in (args.output, args.mot, args.sheet, args.cache_detections) if path]
    places = [Path(args.source).resolve(), *(path.resolve() for path in files)]
    for number, path in enumerate(files, 1):
        if places[number] in places[:number]:
            raise ConfigError(f'{path} is named twice; every file needs a name of its own')
        check_writable(path)
    return files


class _Counts:
    """What the summary tells of the tracks."""

    def __init__(self) -> None:
        self.boxes = 0
        self.identities: set[int] = set()


def _write(
        args: argparse.Namespace, source: FrameSource, run: Run, detector: TimedDetector,
        counts: _Counts, window: Window | None) -> None:
    """Go through the frames and write what was asked for."""
    from mot_ros.contact_sheet import ContactSheet
    from mot_ros.data.datasets.mot import MotWriter
    from mot_ros.data.output import VideoWriter, write_image
    from mot_ros.drawing import draw_tracks, Trails

    trails, sheet = Trails(), ContactSheet()
    with contextlib.ExitStack() as stack:
        video = (stack.enter_context(VideoWriter(args.output, source.fps))
                 if args.output else None)
        text = stack.enter_context(MotWriter(args.mot)) if args.mot else None

        def write_sheet(
                kind: type[BaseException] | None, error: BaseException | None,
                trace: TracebackType | None) -> None:
            if args.sheet and (kind is None or issubclass(kind, KeyboardInterrupt)):
                write_image(args.sheet, sheet.render())

        stack.push(write_sheet)
        for step in _with_progress(run, source.length):
            seen = step.tracks.observed
            counts.boxes += len(seen)
            counts.identities.update(seen.ids.tolist())
            trails.update(step.frame.stamp, step.tracks)
            if text is not None:
                text.write(step.index + 1, step.tracks, step.frame.size)
            picture: NDArray[np.uint8] | None = None
            if video is not None or window is not None or (args.sheet and sheet.wants_next):
                picture = cast('NDArray[np.uint8]', step.frame.image).copy()
                draw_tracks(picture, step.tracks, detector.class_names, trails)
                if video is not None:
                    video.write(picture)
            sheet.add(picture, f'{step.frame.stamp:.1f} s')
            if window is not None and picture is not None and not window.show(picture):
                break


def _with_progress(run: Run, length: int | None) -> Iterator[Step]:
    from tqdm import tqdm

    # a log file gets a line now and then instead of ten a second
    interval = 0.2 if sys.stderr.isatty() else 10.0
    with tqdm(run, total=length, unit='frame', mininterval=interval, leave=False) as bar:
        yield from bar


def _summary(run: Run, counts: _Counts, source: FrameSource, files: Sequence[Path]) -> str:
    import numpy as np

    done = len(run.total_ms)
    seconds = sum(run.total_ms) / 1e3
    rate = done / seconds if seconds else 0.0
    of_all = '' if source.length in (None, done) else f' of {source.length}'
    lines = [
        f'frames    {done}{of_all} in {seconds:.1f} s, {rate:.1f} frames/s',
        f'tracks    {len(counts.identities)} ids, {counts.boxes} boxes']
    if done:
        lines.append('ms per frame    median       p99')
        for name, times in (
                ('detector', run.detector_ms), ('tracker', run.tracker_ms),
                ('all', run.total_ms)):
            middle, late = np.percentile(times, (50, 99))
            lines.append(f'  {name:10}{middle:10.2f}{late:10.2f}')
    lines += [f'wrote     {path}' for path in files if path.exists()]
    return '\n'.join(lines) + '\n'
