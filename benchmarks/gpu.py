# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
The published table of speeds: whole frames on a GPU, from bytes on the host to boxes on the host.

Items: 1 SiamMOT at 720p, 2 few and many tracks, 3 SMILEtrack and SLM, 4 SMOT by input size, 5 the
same tracks as on the CPU, 6 eight cameras, 7 memory. Each is made of parts; what a part found is
written at once, so that a run that was stopped goes on where it was: `--minutes 9` begins no part
later than that. A part that failed is told and left alone unless `--retry`. Each item has its
goals, and says whether they were met. Writes gpu.json, gpu.md, tracks and profiles into a folder.

Items 5 and 7 want a video of people (--video), item 5 its truth (--truth) and TrackEval for MOTA;
without that IDF1 between the runs is told all the same, and MOTA by `--report` where it is
installed: that measures nothing, and writes gpu.md anew. `--device cpu --quick` runs everything
in small.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
import functools
import gc
import json
import logging
import os
from pathlib import Path
import sys
import tempfile
import time
import traceback
from typing import Any

import _start  # noqa: F401 - must come before torch
import torch
from tqdm import tqdm

from mot_ros.benchmarking import method_stages, soak, stages, untrained, whole_frames
from mot_ros.benchmarking.machine import surroundings
from mot_ros.benchmarking.markdown import markdown_table
from mot_ros.benchmarking.peaks import measured
from mot_ros.benchmarking.profiling import profiled
from mot_ros.benchmarking.roofline import counted, Layer, Roof
from mot_ros.benchmarking.stages import made_up_boxes, made_up_frame
from mot_ros.benchmarking.whole_frames import BenchImages
from mot_ros.data.datasets.mot import MotRows, MotWriter, read_tracks, read_truth
from mot_ros.data.video.frames import open_source
from mot_ros.evaluation.scores.metrics import score
from mot_ros.evaluation.scores.run_comparison import compare
from mot_ros.tracking.appearance.factory import make_embedder
from mot_ros.tracking.config import Settings
from mot_ros.tracking.config.schema import build
from mot_ros.tracking.detectors import make_detector
from mot_ros.tracking.errors import ConfigError
from mot_ros.tracking.methods import make_tracker
from mot_ros.tracking.nets.siammot.network import load_network
from mot_ros.tracking.runtime.device import resolve_device
from mot_ros.tracking.runtime.output_file import write_text
from mot_ros.tracking.weights import store as weights

CACHE = weights.cache_root().parent
ROOT = Path(__file__).resolve().parent.parent
TRUTH = ROOT.parent / 'shared' / 'data' / 'mot15' / 'PETS09-S2L1' / 'gt' / 'gt.txt'
RATE = 7.0
"""Frames per second of PETS09-S2L1."""
SMOT_PAPER = {1024: 17.0, 768: 22.0, 512: 27.0, 256: 40.0}
"""Frames per second by side of the input: SMOT's article, on the GPU of its time."""
PUBLISHED_SMOT = {'smot.motion': 'none', 'smot.link': False}
"""Tracking anchors alone, without flow and without telling looks."""
BROKEN = ('CUDA error', 'device-side assert', 'AcceleratorError')
"""What says that this process can do no more on its GPU."""

LOST = 'the GPU is lost to this process'

Row = dict[str, Any]
Parts = dict[str, Callable[[], Row]]


@dataclass(frozen=True)
class Scale:
    """How much is measured, and of what size."""

    size: tuple[int, int] = (1280, 720)
    body: str = 'dla34'
    region: Row = field(default_factory=dict)
    """Settings of Faster R-CNN beyond the preset."""
    single: Row = field(default_factory=dict)
    """Settings of single-shot detectors beyond the preset."""
    frames: int = 300
    warm_up: int = 30
    rounds: int = 50
    few: int = 10
    some: int = 30
    crops: int = 50
    many: int = 200
    sides: tuple[int, ...] = tuple(SMOT_PAPER)
    cameras: int = 8
    soak: int = 10000
    pets: int | None = None
    """Frames of the video that are tracked, all if None."""
    profiled: int = 20


QUICK = Scale(
    (160, 96), 'mobilenetv3', {'rcnn.short_side': 64, 'rcnn.long_side': 128},
    {'detector.width': 96, 'detector.height': 64}, 3, 1, 2, 2, 3, 4, 6, (128, 64), 2, 60, 5, 2)


@dataclass(frozen=True)
class Verdict:
    """One goal: what it is, what was found, and whether it was met; None where there is none."""

    goal: str
    found: str
    met: bool | None

    @property
    def word(self) -> str:
        """In one word."""
        return '' if self.met is None else 'met' if self.met else 'MISSED'


class Bench:
    """What the parts of all items share."""

    def __init__(self, args: argparse.Namespace, files: Path) -> None:
        self.args = args
        self.device: torch.device = args.device
        self.scale: Scale = args.scale
        self._files = files
        self._layers: dict[str, list[Layer]] = {}
        self._roofs: dict[str, Roof] = {}
        self.precisions = ('float32', 'bfloat16')
        self.graphs = (True, False) if self.device.type == 'cuda' else (False,)

    @functools.cached_property
    def made_up(self) -> BenchImages:
        """Made-up images of the size that counts."""
        return BenchImages.made_up(self.scale.size)

    @functools.cached_property
    def video(self) -> BenchImages | None:
        """The first images of the video, if there is one."""
        return BenchImages.of(self.args.video, 100) if self.args.video.exists() else None

    def roof(self, precision: str) -> Roof:
        """Return what the device can do, found out once."""
        if precision not in self._roofs:
            self._roofs[precision] = Roof.of(self.device, precision)
        return self._roofs[precision]

    def settings(self, method: str, **values: Any) -> Settings:
        """Return settings, given by name with __ for the dot; the device is ours unless given."""
        dotted = {name.replace('__', '.'): value for name, value in values.items()}
        return build(Settings, {'device': str(self.device), 'method': method, **dotted})

    def dla34(self, **values: Any) -> Settings:
        """Return SiamMOT as published, with random weights, at the published input."""
        file = self._file('siammot', untrained.write_siammot, self.scale.body)
        return self.settings('siammot', **{
            'preset': 'paper', 'rcnn__weights': file, **_under(self.scale.region), **values})

    def small(self, method: str, **values: Any) -> Settings:
        """Return SiamMOT or Tracktor as they are shipped."""
        return self.settings(method, **_under(self.scale.region), **values)

    def by_ssd(self, method: str, **values: Any) -> Settings:
        """Return a method around the default detector."""
        return self.settings(method, **_under(self.scale.single), **values)

    def slm(self, variant: str) -> str:
        """Return the shipped SLM, or a random one of a published variant."""
        return 'slm-small' if variant == 'small' else self._file(
            'slm', untrained.write_slm, variant)

    def gluon(self) -> Row:
        """Return settings of an SSD on ResNet-34, as SMOT's article has it, untrained."""
        return {'detector__type': 'gluon_ssd', 'detector__weights': self._file(
            'gluon', untrained.write_gluon_ssd, 'resnet34_v1b')}

    def whole(
            self, settings: Settings, count: int | None, cameras: int = 1, *,
            ahead: bool = False) -> Row:
        """Time whole frames."""
        progress = tqdm(range(self.scale.frames), leave=False, mininterval=1)
        row = whole_frames.measure(
            settings, self.made_up, count, progress, self.roof(settings.precision),
            self._layers_of(settings, count), cameras, self.scale.warm_up, ahead=ahead)
        return {'precision': settings.precision, 'graphs': settings.graphs, **row}

    def profile(self, settings: Settings, count: int) -> Row:
        """Tell which kernels take the time of whole frames."""
        update, coming = whole_frames.make(settings, self.made_up, count), iter(self.made_up)
        for _ in range(self.scale.warm_up):
            update([next(coming)])
        return profiled(update, coming, self.scale.profiled, self.device)

    def stages(self, made: Callable[[Settings], Sequence[stages.Stage]], of: Settings) -> Row:
        """Time stages one by one."""
        layers = stages.count(made(counted(of)))
        progress = tqdm(range(self.scale.rounds), leave=False, mininterval=1)
        return {'rows': stages.measure(
            made(of), progress, self.device, self.roof(of.precision), layers)}

    def _layers_of(self, settings: Settings, count: int | None) -> list[Layer]:
        """Return the layers of a frame, counted once for settings with the same ones."""
        key = f'{replace(counted(settings), graphs=False)!r} {count}'
        if key not in self._layers:
            self._layers[key] = whole_frames.layers_of_frame(settings, self.made_up, count)
        return self._layers[key]

    def _file(self, kind: str, write: Callable[[Path, str], Path], name: str) -> str:
        """Return a file of random weights, made when it is first asked for."""
        folder = self._files / kind
        if not folder.exists():
            folder.mkdir()
        file = next(iter(folder.glob(f'*{name}*')), None) or write(folder, name)
        return str(file)


# ----------------------------------------------------------------------- what is measured


def siammot_parts(bench: Bench) -> Parts:
    """Return item 1: precision and graphs, and where the time goes."""
    scale = bench.scale
    parts: Parts = {}
    for precision in bench.precisions:
        for graphs in bench.graphs:
            made = functools.partial(bench.dla34, precision=precision, graphs=graphs)
            parts[f'{precision}, graphs {"on" if graphs else "off"}'] = functools.partial(
                lambda made: bench.whole(made(), scale.some), made)
    for precision in bench.precisions:
        made = functools.partial(bench.dla34, precision=precision)
        parts[f'{precision}, next frame sent ahead'] = functools.partial(
            lambda made: bench.whole(made(), scale.some, ahead=True), made)
        parts[f'stages, {precision}'] = functools.partial(
            lambda made: bench.stages(_siammot_stages(bench), made()), made)
        parts[f'profile, {precision}'] = functools.partial(
            lambda made: bench.profile(made(), scale.some), made)
    return parts


def siammot_verdicts(bench: Bench, rows: dict[str, Row]) -> list[Verdict]:
    """Judge by the fastest."""
    # what is measured from when the bytes are on the host
    frames = {name: row for name, row in rows.items() if 'graphs' in name}
    if not frames:
        return []
    name, best = max(frames.items(), key=lambda pair: pair[1]['fps'])
    return [
        Verdict('at least 300 frames/s', f'{best["fps"]:.0f} ({name})', best['fps'] >= 300),
        Verdict('p99 at most 5 ms', f'{best["ms_p99"]:.2f} ms', best['ms_p99'] <= 5),
        Verdict('fraction of the roofline', f'{best["roofline"]:.1%}', None)]


def growth_parts(bench: Bench) -> Parts:
    """Return item 2: few and many tracks."""
    scale = bench.scale
    kinds: dict[str, Callable[[], Settings]] = {
        'siammot': lambda: bench.dla34(precision='bfloat16'),
        'siammot float32': bench.dla34,
        'smot': lambda: bench.by_ssd('smot', **_under(PUBLISHED_SMOT)),
        'smot default': lambda: bench.by_ssd('smot')}
    return {f'{kind}, {count} tracks': functools.partial(
        lambda made, count: bench.whole(made(), count), made, count)
        for kind, made in kinds.items() for count in (scale.few, scale.many)}


def growth_verdicts(bench: Bench, rows: dict[str, Row]) -> list[Verdict]:
    """Hold many tracks against few."""
    scale, found = bench.scale, []
    for kind, most in (('siammot', 1.25), ('siammot float32', 1.25), ('smot', 1.05),
                       ('smot default', None)):
        few, many = (rows.get(f'{kind}, {count} tracks') for count in (scale.few, scale.many))
        if few and many:
            ratio = many['ms'] / few['ms']
            goal = f'{kind}: {scale.many} tracks against {scale.few}'
            found.append(Verdict(
                goal if most is None else f'{goal} at most {most}x', f'{ratio:.2f}x',
                None if most is None else ratio <= most))
    return found


def smiletrack_parts(bench: Bench) -> Parts:
    """Return item 3: SMILEtrack around SSD-MobileNetV3, SLM by itself, and its kernels."""
    scale = bench.scale
    parts: Parts = {}
    for variant in ('small', 'code'):
        for precision in bench.precisions:
            values = {
                'preset': 'fast', 'appearance__type': 'slm', 'camera_motion__mode': 'off',
                'precision': precision}
            made = functools.partial(
                lambda variant, values: bench.by_ssd(
                    'smiletrack', appearance__weights=bench.slm(variant), **values),
                variant, values)
            parts[f'smiletrack, slm {variant}, {precision}'] = functools.partial(
                lambda made: bench.whole(made(), scale.crops), made)
            parts[f'slm {variant} alone, {precision}'] = functools.partial(
                lambda made: bench.stages(_crops(bench), made()), made)
    parts['profile, smiletrack'] = lambda: bench.profile(bench.by_ssd(
        'smiletrack', preset='fast', appearance__type='slm', camera_motion__mode='off',
        precision='bfloat16'), scale.crops)
    return parts


def smiletrack_verdicts(bench: Bench, rows: dict[str, Row]) -> list[Verdict]:
    """Judge each SLM by its faster precision."""
    found = []
    for variant in ('small', 'code'):
        whole = [row for name, row in rows.items()
                 if name.startswith(f'smiletrack, slm {variant}')]
        if whole:
            best = max(whole, key=lambda row: row['fps'])
            found.append(Verdict(
                f'smiletrack with slm {variant}, {bench.scale.crops} crops: at least 400 frames/s',
                f'{best["fps"]:.0f} ({best["precision"]})', best['fps'] >= 400))
        alone = [row['rows'][0] for name, row in rows.items()
                 if name.startswith(f'slm {variant} alone')]
        if alone:
            best = min(alone, key=lambda row: row['ms'])
            found.append(Verdict(
                f'slm {variant}, {bench.scale.crops} crops: at most 1 ms',
                f'{best["ms"]:.2f} ms, {best["roofline"]:.1%} of the roofline', best['ms'] <= 1))
    return found


def smot_parts(bench: Bench) -> Parts:
    """Return item 4: SMOT by input, with our detector and with one as large as the article's."""
    scale = bench.scale
    parts: Parts = {}
    for network in ('mobilenetv3', 'resnet34'):
        for side in scale.sides:
            for precision in bench.precisions:
                values = {
                    **_under(PUBLISHED_SMOT), 'detector__width': side, 'detector__height': side,
                    'precision': precision}
                parts[f'{network}, {side}x{side}, {precision}'] = functools.partial(
                    lambda network, values: bench.whole(bench.settings('smot', **{
                        **values, **(bench.gluon() if network == 'resnet34' else {})}),
                        scale.some), network, values)
    parts['profile, smot'] = lambda: bench.profile(
        bench.by_ssd('smot', **_under(PUBLISHED_SMOT), precision='bfloat16'), scale.some)
    return parts


def smot_verdicts(bench: Bench, rows: dict[str, Row]) -> list[Verdict]:
    """Hold each input against the article's frames per second, by the faster precision."""
    found = []
    for network in ('mobilenetv3', 'resnet34'):
        for side in bench.scale.sides:
            own = [row for name, row in rows.items() if name.startswith(f'{network}, {side}x')]
            if own:
                best, goal = max(row['fps'] for row in own), 10 * SMOT_PAPER.get(side, 0)
                found.append(Verdict(
                    f'{network} at {side}: at least {goal:.0f} frames/s', f'{best:.0f}',
                    best >= goal))
    return found


SAME_METHODS = ('bytetrack', 'smiletrack', 'siammot', 'tracktor', 'smot')
RUNS = ('cpu float32', 'device float32', 'device bfloat16')


def same_parts(bench: Bench) -> Parts:
    """Return item 5: tracks of a real video on the CPU and on the device."""
    parts: Parts = {}
    for method in SAME_METHODS:
        for run in RUNS:
            where, precision = run.split()
            parts[f'{method}, {run}'] = functools.partial(
                _tracked, bench, method, run, 'cpu' if where == 'cpu' else str(bench.device),
                precision)
    return parts


def same_verdicts(bench: Bench, rows: dict[str, Row]) -> list[Verdict]:
    """Compare the files of tracks."""
    found = []
    for method in SAME_METHODS:
        files = {run: bench.args.out / f'tracks_{method}_{run.replace(" ", "_")}.txt'
                 for run in RUNS if f'{method}, {run}' in rows}
        tracks = {run: read_tracks(file) for run, file in files.items() if file.exists()}
        if RUNS[0] not in tracks:
            continue
        for run in RUNS[1:]:
            if run in tracks:
                found += _compared(bench, method, run, tracks[RUNS[0]], tracks[run])
    return found


def camera_parts(bench: Bench) -> Parts:
    """Return item 6: one camera and several, with one detector."""
    scale = bench.scale
    kinds: dict[str, Callable[[], Settings]] = {
        'siammot': lambda: bench.dla34(precision='bfloat16'),
        'siammot-small': lambda: bench.small('siammot', precision='bfloat16'),
        'smiletrack, slm': lambda: bench.by_ssd(
            'smiletrack', preset='fast', appearance__type='slm', camera_motion__mode='off'),
        'smot': lambda: bench.by_ssd('smot', **_under(PUBLISHED_SMOT)),
        'bytetrack': lambda: bench.by_ssd('bytetrack')}
    return {f'{kind}, {count} camera{"s" * (count > 1)}': functools.partial(
        lambda made, count: bench.whole(made(), scale.some, count), made, count)
        for kind, made in kinds.items() for count in (1, scale.cameras)}


def camera_verdicts(bench: Bench, rows: dict[str, Row]) -> list[Verdict]:
    """Tell frames per second of all, and how long each waits."""
    return [Verdict(
        f'{name}: frames/s of all, ms until all have their tracks',
        f'{row["fps"]:.0f}, {row["ms"]:.2f} (p99 {row["ms_p99"]:.2f})', None)
        for name, row in rows.items() if row['cameras'] > 1]


def memory_parts(bench: Bench) -> Parts:
    """Return item 7: memory over many frames."""
    kinds: dict[str, Callable[[], Settings]] = {
        'siammot': lambda: bench.small('siammot'),
        'siammot bfloat16': lambda: bench.small('siammot', precision='bfloat16'),
        'tracktor': lambda: bench.small('tracktor'),
        'smot': lambda: bench.by_ssd('smot'),
        'smiletrack, slm': lambda: bench.by_ssd('smiletrack', appearance__type='slm'),
        'bytetrack': lambda: bench.by_ssd('bytetrack')}

    def soaked(made: Callable[[], Settings]) -> Row:
        footage = bench.video or bench.made_up
        update = whole_frames.make(
            made(), footage, None if bench.video else bench.scale.some)
        frames = tqdm(range(bench.scale.soak), leave=False, mininterval=1)
        found = soak.measure(update, iter(footage), frames, bench.scale.soak)
        return {'video': bench.args.video.name if bench.video else None, **found}

    return {kind: functools.partial(soaked, made) for kind, made in kinds.items()}


def memory_verdicts(bench: Bench, rows: dict[str, Row]) -> list[Verdict]:
    """Say whether memory was flat."""
    return [Verdict(
        f'{name}: flat over {row["frames"]} frames', ', '.join(
            f'{what} {row["mib_per_1000"][what]:+.2f} MiB per 1000 (most {most:.0f} MiB)'
            for what, most in row['most_mib'].items()), row['flat'])
        for name, row in rows.items()]


@dataclass(frozen=True)
class Item:
    """What is shown: parts to measure, and the goals to hold them against."""

    title: str
    parts: Callable[[Bench], Parts]
    verdicts: Callable[[Bench, dict[str, Row]], list[Verdict]]


ITEMS = {
    1: Item('SiamMOT DLA-34-FPN + EMM, 720p, 30 tracks, batch 1, random weights', siammot_parts,
            siammot_verdicts),
    2: Item('Few and many tracks', growth_parts, growth_verdicts),
    3: Item('SMILEtrack with SSD-MobileNetV3 and 50 crops', smiletrack_parts,
            smiletrack_verdicts),
    4: Item('SMOT by input, without flow', smot_parts, smot_verdicts),
    5: Item('The same tracks as on the CPU', same_parts, same_verdicts),
    6: Item('Several cameras in one process', camera_parts, camera_verdicts),
    7: Item('Memory', memory_parts, memory_verdicts)}


def _under(values: Row) -> Row:
    return {name.replace('.', '__'): value for name, value in values.items()}


def _siammot_stages(bench: Bench) -> Callable[[Settings], list[stages.Stage]]:
    return lambda settings: method_stages.siammot_stages(
        load_network(settings.rcnn.weights), settings, bench.scale.size, [bench.scale.some],
        resolve_device(settings.device))[0]


def _crops(bench: Bench) -> Callable[[Settings], list[stages.Stage]]:
    """Return the stage of looks, of an image that the detector has brought to the device."""
    frame = made_up_frame(bench.scale.size)
    boxes = made_up_boxes(bench.scale.crops, bench.scale.size)

    def made(settings: Settings) -> list[stages.Stage]:
        embedder = make_embedder(settings)
        return [stages.Stage('SLM', lambda: embedder and embedder.embed(frame, boxes))]

    return made


def _tracked(bench: Bench, method: str, run: str, device: str, precision: str) -> Row:
    """Track the video and write a file of tracks."""
    if not bench.args.video.exists():
        raise ConfigError(
            f'{bench.args.video} is not there: name a video with --video, or run `mot_ros demo` '
            'once')
    values = {'appearance__type': 'slm'} if method == 'smiletrack' else {}
    settings = bench.settings(method, device=device, precision=precision, **values)
    tracker = make_tracker(settings, make_detector(settings))
    file = bench.args.out / f'tracks_{method}_{run.replace(" ", "_")}.txt'
    source, count, start = open_source(bench.args.video, RATE), 0, time.perf_counter()
    with MotWriter(file) as writer:
        for frame in tqdm(source, total=bench.scale.pets or source.length, leave=False,
                          mininterval=1):
            count += 1
            writer.write(count, tracker.update(frame), frame.size)
            if count == bench.scale.pets:
                break
    return {'frames': count, 'fps': count / (time.perf_counter() - start), 'file': file.name}


def _compared(
        bench: Bench, method: str, run: str, cpu: MotRows, other: MotRows) -> list[Verdict]:
    """Compare two runs; ids that differ go into a file of their own."""
    like = compare(cpu, other)
    file = bench.args.out / f'ids_{method}_{run.replace(" ", "_")}.txt'
    write_text(file, ''.join(f'{one}\n' for one in like.differences))
    found = [Verdict(
        f"{method}, {run}: IDF1 with the CPU's tracks at least .999", f'{like.idf1:.4f}, '
        f'{len(like.differences)} differing ids (see {file.name})', like.idf1 >= 0.999)]
    if run.endswith('float32'):
        return [*found, Verdict(
            f'{method}, {run}: boxes within 0.5 px', f'{like.most_px:.3f} px',
            like.most_px <= 0.5)]
    found = [Verdict(found[0].goal.replace(' at least .999', ''), found[0].found, None)]
    if bench.args.truth.exists():
        try:
            truth = read_truth(bench.args.truth)
            truth = truth[truth.frames <= (bench.scale.pets or truth.last_frame)]
            was, now = score(truth, cpu).mota, score(truth, other).mota
        except ConfigError as error:
            found.append(Verdict(f'{method}, {run}: MOTA within 0.5 point', str(error), None))
        else:
            found.append(Verdict(
                f'{method}, {run}: MOTA within 0.5 point', f'{100 * (now - was):+.2f} points '
                f'({was:.4f} to {now:.4f})', abs(now - was) <= 0.005))
    return found


# ------------------------------------------------------------------------- how it is run


class Kept:
    """What was found so far, in a file that is written after every part."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.parts: dict[str, dict[str, Row]] = {}
        self.about: Row = {}
        """Hardware, versions and peaks of the last part that was measured."""
        if file.exists():
            self.about = json.loads(file.read_text(encoding='utf-8'))
            self.parts = self.about.pop('parts')

    def done(self, number: int, *, failed: bool) -> dict[str, Row]:
        """Return what is known of the parts of an item, those that failed or the others."""
        return {name: row for name, row in self.parts.get(str(number), {}).items()
                if ('error' in row) == failed}

    def keep(self, number: int, name: str, row: Row, about: Row) -> None:
        """Write what a part found."""
        self.parts.setdefault(str(number), {})[name] = row
        self.about = about
        write_text(self._file, json.dumps({**about, 'parts': self.parts}, indent=1) + '\n')


def run(bench: Bench, kept: Kept, numbers: Sequence[int], until: float) -> str:
    """Do what is left to do; return why it stopped early, or nothing."""
    about = {
        'benchmark': 'gpu', 'device': str(bench.device), 'quick': bench.args.quick,
        'peaks': {name: vars(bench.roof(name).peaks) for name in bench.precisions},
        'measured': {name: vars(measured(bench.device, name)) for name in bench.precisions},
        **surroundings(bench.device)}
    for number in numbers:
        passed = {} if bench.args.again else kept.done(number, failed=False)
        if not (bench.args.again or bench.args.retry):
            passed |= kept.done(number, failed=True)
        for name, part in ITEMS[number].parts(bench).items():
            if name in passed or bench.args.parts not in name:
                continue
            if time.monotonic() > until:
                return 'the time is over; run it again to go on'
            sys.stdout.write(f'item {number}: {name}\n')
            sys.stdout.flush()
            row = attempted(part)
            kept.keep(number, name, {
                **row, 'at': about['date'],
                'hardware': (about['hardware']['gpu'] or {}).get('name')
                or about['hardware']['cpu']}, about)
            if any(word in row.get('error', '') for word in BROKEN):
                return LOST
            gc.collect()
            if bench.device.type == 'cuda':
                torch.cuda.empty_cache()
    return ''


class Heard(logging.Handler):
    """Notes what is warned of, such as that graphs could not be recorded."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note a warning, once."""
        text = record.getMessage()
        if text not in self.said:
            self.said.append(text)


def attempted(part: Callable[[], Row]) -> Row:
    """Return what a part finds, or why it failed: the others are to be measured all the same."""
    start, heard = time.perf_counter(), Heard()
    logging.getLogger().addHandler(heard)
    try:
        row = part()
    except Exception as error:
        row = {'error': f'{type(error).__name__}: {error}', 'trace': traceback.format_exc()}
        sys.stdout.write(f'    failed: {row["error"].splitlines()[0]}\n')
    finally:
        logging.getLogger().removeHandler(heard)
    for text in heard.said:
        sys.stdout.write(f'    warning: {text}\n')
    return {**row, 'warnings': heard.said, 'took_s': time.perf_counter() - start}


def report(bench: Bench, kept: Kept) -> str:
    """Return everything that was found as Markdown."""
    about = kept.about
    named = (about['hardware']['gpu'] or {}).get('name') or about['hardware']['cpu']
    text = [f'# Speed on {named}\n', _about(about)]
    lines = [['item', 'goal', 'found', '']]
    tables = []
    for number, item in ITEMS.items():
        rows = kept.done(number, failed=False)
        lines += [[str(number), one.goal, one.found, one.word]
                  for one in item.verdicts(bench, rows)]
        failed = [f'{name}: **failed**: {row["error"].splitlines()[0]}\n'
                  for name, row in kept.done(number, failed=True).items()]
        warned = [f'{name}: **warned**: {text}\n'
                  for name, row in rows.items() for text in row.get('warnings', ())]
        if rows or failed:
            tables += [f'## {number}. {item.title}\n', *_tables(rows), *warned, *failed]
    return '\n'.join([*text, markdown_table(lines), *tables])


def _about(about: Row) -> str:
    gpu = about['hardware']['gpu'] or {}
    said = ''.join(f'; {name} {value}' for name, value in gpu.items())
    peaks = '; '.join(dict.fromkeys(
        f'{known["flops"] / 1e12:.3g} TFLOP/s and {known["bandwidth"] / 1e9:.4g} GB/s '
        f'({known["known"]})' for kind in ('peaks', 'measured') for known in about[kind].values()))
    return (
        f'{about["date"][:10]}, PyTorch {about["versions"]["torch"]}, mot_ros '
        f'{about["versions"]["mot_ros"]}, Python {about["hardware"]["python"]}, '
        f'{about["hardware"]["cores"]} cores of {about["hardware"]["cpu"]}{said}.\n'
        f'Roofline by the first of: {peaks}.'
        f'{" **In small: these figures mean nothing.**" if about["quick"] else ""}\n')


def _tables(rows: dict[str, Row]) -> Iterator[str]:
    """Yield a table of the whole frames of an item, then those of its stages and kernels."""
    whole = {name: row for name, row in rows.items() if 'ms_most' in row}
    if whole:
        cells = whole_frames.table(list(whole.values()))
        yield markdown_table([
            [head, *line] for head, line in zip(['part', *whole], cells, strict=True)])
    for name, row in rows.items():
        if 'rows' in row:
            yield f'{name}:\n\n{markdown_table(stages.table(row["rows"]))}'
        if 'kernels' in row:
            yield f'{name}: {row["calls"]:.0f} calls take {row["ms"]:.3f} ms of a frame\n\n' + (
                markdown_table([['kernel', 'ms', 'calls']] + [
                    [kernel['name'][:80].replace('|', '/'), f'{kernel["ms"]:.4f}',
                     f'{kernel["calls"]:.1f}'] for kernel in row['kernels']]))
    soaked = [[name, row['video'] or 'made up', str(row['frames']), *(
        f'{value:.0f}' for values in row['mib'].values() for value in (values[0], values[-1]))]
        for name, row in rows.items() if 'mib' in row]
    if soaked:
        first = next(row for row in rows.values() if 'mib' in row)
        yield markdown_table([['MiB, first and last', 'images', 'frames', *(
            head for name in first['mib'] for head in (name, ''))], *soaked])
    tracked = [[name, str(row['frames']), f'{row["fps"]:.1f}', row['file']]
               for name, row in rows.items() if 'file' in row]
    if tracked:
        yield markdown_table([['part', 'frames', 'frames/s', 'tracks'], *tracked])


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=Path('gpu'),
                        help='folder of the results, and of what is done already (gpu)')
    parser.add_argument('--items', default=','.join(map(str, ITEMS)), metavar='N,N',
                        help='what is to be shown, in this order (all)')
    parser.add_argument('--parts', default='', metavar='TEXT',
                        help='only parts with this in their name')
    parser.add_argument('--device', default='cuda', help="'cuda', 'cuda:1', 'cpu' (cuda)")
    parser.add_argument('--minutes', type=float, default=float('inf'), metavar='M',
                        help='begin no part later than this')
    parser.add_argument('--again', action='store_true', help='do what was done once more')
    parser.add_argument('--retry', action='store_true', help='do what failed once more')
    parser.add_argument('--report', action='store_true',
                        help='measure nothing, write the tables of what is there')
    parser.add_argument('--quick', action='store_true',
                        help='a few small frames, to see whether everything runs')
    parser.add_argument('--soak', type=int, metavar='N', help='frames of item 7 (10000)')
    parser.add_argument('--frames', type=int, metavar='N', help='frames that are timed (300)')
    parser.add_argument('--video', type=Path, default=CACHE / 'videos' / 'vtest.avi',
                        help='people, for items 5 and 7 (that of `mot_ros demo`)')
    parser.add_argument('--truth', type=Path, default=TRUTH, help='who is in it, gt.txt')
    args = parser.parse_args(argv)
    try:
        args.numbers = [int(number) for number in args.items.split(',')]
        args.device = resolve_device('cpu' if args.report else args.device)
    except ValueError:
        parser.error(f'--items is {args.items!r}; give numbers with , between them')
    except ConfigError as error:
        parser.error(f'{error}; to try it without one: --device cpu --quick')
    if not set(args.numbers) <= set(ITEMS):
        parser.error(f'--items is {args.items!r}; there are {", ".join(map(str, ITEMS))}')
    scale = vars(QUICK if args.quick else Scale())
    chosen = {name: getattr(args, name) for name in ('soak', 'frames') if getattr(args, name)}
    args.scale = Scale(**{**scale, **chosen})
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write."""
    begin = time.monotonic()
    args = parse(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    kept = Kept(args.out / 'gpu.json')
    stopped = ''
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, Path(folder))
        try:
            if not args.report:
                stopped = run(bench, kept, args.numbers, begin + 60 * args.minutes)
        except KeyboardInterrupt:
            return 130
        if kept.about and stopped != LOST:
            text = report(bench, kept)
            write_text(args.out / 'gpu.md', text)
            sys.stdout.write(f'{text}\nwrote {args.out / "gpu.json"} and gpu.md\n')
    if stopped == LOST:
        begin_anew(argv, args.minutes - (time.monotonic() - begin) / 60)
    if stopped:
        sys.stdout.write(f'{stopped}\n')
        return 3
    return 0


def begin_anew(argv: Sequence[str] | None, minutes: float) -> None:
    """Become a new process, which can use the GPU again; the part that failed is noted."""
    sys.stdout.write(f'{LOST}, which begins anew\n')
    sys.stdout.flush()
    words = [word for word in (sys.argv[1:] if argv is None else argv)
             if word not in ('--again', '--retry')]
    os.execv(sys.executable, [  # noqa: S606
        sys.executable, str(Path(__file__).resolve()), *words, '--minutes', str(minutes)])


if __name__ == '__main__':
    sys.exit(main())
