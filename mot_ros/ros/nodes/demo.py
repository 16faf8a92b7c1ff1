# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Run a camera, the tracker and a recorder as three processes over DDS on a video."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
import os
from pathlib import Path
import re
import shutil
import sys
import time

import numpy as np
from tqdm import tqdm

from mot_ros import signals
from mot_ros.data.video.frame_source import FrameSource
from mot_ros.data.video.frames import open_source
from mot_ros.ros.child_processes import ChildError, ChildProcesses, module, ros_args
from mot_ros.ros.diagnostics.monitor import monitoring, MonitorNode
from mot_ros.ros.domain import own_domain
from mot_ros.tracking.config import METHODS, Settings
from mot_ros.tracking.errors import MotError, OutputError, SourceError
from mot_ros.tracking.runtime.output_file import locked_folder

SAMPLE = 'vtest.avi'
SAMPLE_RATE = 7.0
"""Frame rate in Hz that the sample video was taken at; the file says 10."""
START_TIMEOUT = 180.0
"""Seconds for a process to get ready: loading torch takes long on a machine that is busy."""
STALL_TIMEOUT = 60.0
"""Seconds without any progress after which the run is given up."""
PRODUCTS = ('annotated.mp4', 'contact_sheet.png', 'tracks.txt')
TRACKER, RECORDER = 'tracker: tracking', 'recorder: recording'
INTERRUPTED = 130


def main(args: Sequence[str] | None = None, tracker: Sequence[str] = ()) -> int:
    """
    Run the demo; returns the exit code.

    `tracker` is the command of the tracker process where it is not the package's own.
    """
    options = _options(args)
    signals.interrupt()
    try:
        sys.stdout.write(_run(options, tracker or module('tracker')))
        return 0
    except MotError as error:
        sys.stderr.write(f'demo: {error}\n')
        return 1
    except KeyboardInterrupt:
        sys.stderr.write('demo: interrupted\n')
        return INTERRUPTED


def _options(args: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='demo', description='Track people in a real video through three ROS 2 processes.')
    parser.add_argument(
        '--video', metavar='FILE', help='a video or a folder of images; default: people crossing '
        'a street corner, which scripts/setup fetches')
    parser.add_argument('--method', choices=METHODS, help='tracking method')
    parser.add_argument(
        '--seconds', type=float, metavar='S', help='play no more than S seconds of the video')
    parser.add_argument(
        '--preset', choices=tuple(Settings.presets),
        help='default: fast on a CPU, accurate on a GPU')
    parser.add_argument('--device', metavar='D', help='where networks run: auto, cpu, cuda')
    parser.add_argument(
        '--fps', type=float, metavar='F', help='frame rate in Hz; overrides what the file says')
    parser.add_argument(
        '--output', type=Path, default=Path('demo_output'), metavar='DIR',
        help='folder to write to (default: demo_output); files of an earlier demo are replaced')
    return parser.parse_args(args)


def _run(options: argparse.Namespace, tracker: Sequence[str]) -> str:
    """Run the three processes to the end of the video; returns the summary."""
    source = _source(options)
    output: Path = options.output.resolve()
    logs = output / 'logs'
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(output, error) from error
    os.environ['ROS_LOG_DIR'] = str(logs / 'ros')
    # the recorder locks the folder itself
    with locked_folder(logs), own_domain(), monitoring(MonitorNode) as (monitor, spin), \
            ChildProcesses(logs) as children:
        _clear_products(output)
        try:
            published = _play(options, source, output, tracker, monitor, spin, children)
        finally:
            # a second Ctrl-C must not leave processes behind
            signals.ignore()
        if not monitor.frames:
            raise ChildError(f'no tracks came; the logs are in {output / "logs"}')
        return _summary(monitor, published, output)


def _play(
        options: argparse.Namespace, source: FrameSource, output: Path, tracker: Sequence[str],
        monitor: MonitorNode, spin: Callable[[], None], children: ChildProcesses) -> int:
    """Start the processes, follow them, stop them; returns the number of images published."""
    _say('starting the tracker ...')
    children.start('tracker', [*tracker, *ros_args(
        method=options.method, preset=options.preset or _default_preset(options.device),
        device=options.device)])
    children.start('recorder', [*module('viewer'), *ros_args(
        'tracks:=/tracker/tracks', 'label_info:=/tracker/label_info',
        'debug_image:=/visualizer/debug_image',
        output=str(output), video=True, video_rate=source.fps)])

    def ready() -> bool:
        children.check('tracker', 'recorder')
        if monitor.problem(TRACKER):
            raise children.failure('tracker', monitor.problem(TRACKER))
        # tracks go to the visualizer, to the recorder and to us
        return (monitor.values(TRACKER).get('state') == 'active'
                and monitor.count_subscribers('/tracker/tracks') >= 3)

    children.until(ready, spin, START_TIMEOUT, 'the tracker did not get ready')
    _say(f'playing {source.path} at {source.fps:g} Hz ...')
    children.start('camera', [*module('camera'), *ros_args(
        source=str(source.path), rate=source.fps, frames=source.length or 0,
        wait_for_subscribers=2)])
    with tqdm(total=source.length, unit='frame', leave=False,
              mininterval=0.2 if sys.stderr.isatty() else 10.0) as bar:
        def progress() -> bool:
            children.check('tracker', 'recorder')
            bar.update(monitor.frames - bar.n)
            return children.ended('camera')

        children.until(
            progress, spin, STALL_TIMEOUT, 'no tracks come', lambda: monitor.frames)
        children.until(
            _drained(monitor), spin, STALL_TIMEOUT, 'tracks are still missing',
            lambda: (monitor.frames, monitor.values(RECORDER).get('images recorded')))
        bar.update(monitor.frames - bar.n)
    for name in ('recorder', 'tracker'):
        children.stop(name)
    log = children.log_of('camera').read_text(encoding='utf-8', errors='replace')
    published = re.search(r'(\d+) images published', log)
    return int(published.group(1)) if published else 0


def _drained(monitor: MonitorNode) -> Callable[[], bool]:
    """Return a function: whether all received images are tracked and recorded."""
    start = time.monotonic()
    images: list[str] = []

    def drained() -> bool:
        tracker = monitor.values(TRACKER, since=start)
        recorder = monitor.values(RECORDER, since=start)
        if not tracker or not recorder:
            return False
        out = int(tracker['frames out'])
        whole = int(tracker['frames in']) == out + int(tracker['frames dropped'])
        if not whole or monitor.frames < out or int(recorder['frames recorded']) < out:
            return False
        # of the pictures some may never come, as their transport is best effort
        images.append(recorder['images recorded'])
        return images[-1] == str(out) or time.monotonic() - start > 5.0

    return drained


def _source(options: argparse.Namespace) -> FrameSource:
    """Open the video, cut to the seconds wanted."""
    path, fps = options.video, options.fps
    if path is None:
        cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
        path, fps = cache / 'mot_ros' / 'videos' / SAMPLE, fps or SAMPLE_RATE
        if not path.exists():
            raise SourceError(
                f'{path}, the sample video, is not there: run scripts/setup, which fetches it, '
                'or name another with --video')
    source = open_source(path, fps)
    if options.seconds is None:
        return source
    return open_source(path, fps, frames=max(1, round(options.seconds * source.fps)))


def _clear_products(output: Path) -> None:
    """Remove the files of an earlier demo, and nothing else."""
    try:
        for name in PRODUCTS:
            (output / name).unlink(missing_ok=True)
        bag = output / 'tracks'
        if list(bag.glob('*.mcap')):
            shutil.rmtree(bag)
    except OSError as error:
        raise _unwritable(output, error) from error


def _unwritable(output: Path, error: OSError) -> OutputError:
    return OutputError(f'{output} cannot be written to ({error}); choose --output')


def _default_preset(device: str | None) -> str:
    try:
        from mot_ros.tracking.runtime.device import resolve_device
    except ImportError:
        # the tracker reports the missing package
        return 'fast'
    return 'fast' if resolve_device(device or 'auto').type == 'cpu' else 'accurate'


def _say(sentence: str) -> None:
    sys.stderr.write(f'demo: {sentence}\n')


def _summary(monitor: MonitorNode, published: int, output: Path) -> str:
    values = monitor.values(TRACKER)
    middle, late = np.percentile(np.array(monitor.latencies) * 1e3, (50, 99))
    reasons = ', '.join(
        f'{count} {key.removeprefix("dropped: ")}' for key, count in values.items()
        if key.startswith('dropped: '))
    lines = [
        f'images published    {published}',
        f'images received     {values.get("frames in", "?")}',
        f'frames processed    {monitor.frames}',
        f'frames dropped      {values.get("frames dropped", "?")}'
        + (f' ({reasons})' if reasons else ''),
        f'distinct tracks     {len(monitor.identities)}',
        f"latency             {middle:.1f} ms median, {late:.1f} ms p99, from the image's stamp "
        'to its tracks received']
    lines += [f'{what:20}{path}' for what, path in (
        ('annotated video', output / 'annotated.mp4'),
        ('contact sheet', output / 'contact_sheet.png'), ('bag of tracks', output / 'tracks'),
        ('MOTChallenge text', output / 'tracks.txt'), ('logs', output / 'logs')) if path.exists()]
    return '\n'.join(lines) + '\n'


if __name__ == '__main__':
    raise SystemExit(main())
