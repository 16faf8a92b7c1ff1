# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Kill commands at random moments, and let their disk fill up, vanish or be read-only.

Prints two Markdown tables: what a kill (SIGKILL) costs each command and whether a run after all
the kills works; and the status and last sentence of each command on each bad disk. A disk is a
tmpfs, which takes the rights to mount; without them the second table is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
from pathlib import Path
import random
import shutil
import subprocess
import sys
import tempfile
import time

import _start  # noqa: F401

from mot_ros.benchmarking.script import make_parser
from mot_ros.data.bags.salvage import messages

RATE = 50.0
"""Messages a second that the recorder is given."""
MOT_ROS = (sys.executable, '-m', 'mot_ros.cli')
NODE = (sys.executable, '-m', 'mot_ros.ros.nodes.')


@dataclass(frozen=True)
class Case:
    """A command; `{out}` stands for its product, `{sequence}` and `{bag}` for its input."""

    words: tuple[str, ...]
    product: str
    old: bool = True
    """Whether an earlier file may be there."""

    def line(self, inputs: Path, place: Path) -> list[str]:
        """Return the command line that writes to a place."""
        return [word.format(
            sequence=inputs / 'SEQ', bag=inputs / 'bag', out=place / self.product)
            for word in self.words]


CASES = {
    'track': Case((*MOT_ROS, 'track', '{sequence}/img1', '--fps', '30', '-o', '{out}'), 'a.mp4'),
    'track --mot': Case(
        (*MOT_ROS, 'track', '{sequence}/img1', '--fps', '30', '--mot', '{out}'), 'a.txt'),
    'convert (mp4)': Case((*MOT_ROS, 'convert', '{sequence}', '{out}'), 'b.mp4', old=False),
    'convert (bag)': Case((*MOT_ROS, 'convert', '{sequence}', '{out}'), 'bag', old=False),
    'convert (sqlite3)': Case((
        *MOT_ROS, 'convert', '{sequence}', '{out}', '--storage', 'sqlite3'), 'db', old=False),
    'convert (coco)': Case((
        *MOT_ROS, 'convert', '{sequence}', '{out}', '--to', 'coco'), 'coco', old=False),
    'compose': Case((
        *MOT_ROS, 'compose', '{out}', '--seconds', '0.5', '--size', '320x240'), 'c', old=False),
    'evaluate': Case((
        *MOT_ROS, 'evaluate', '--mot', '{sequence}', '--methods', 'sort,bytetrack', '-o',
        '{out}'), 'report'),
    'replay': Case((
        *MOT_ROS, 'replay', '{bag}', '--methods', 'sort', '-o', '{out}'), 'live'),
    'train': Case((
        *MOT_ROS, 'train', 'slm', '-o', '{out}', '--variant', 'small', '--init', 'none',
        '--device', 'cpu', '--steps', '4', '--batch', '2', '--workers', '0', '--set',
        'recipe.save_every=1'), 'net'),
    'export': Case((
        *MOT_ROS, 'export', 'ssd', '-o', '{out}', '--width', '320', '--height', '192'),
        'a.onnx'),
    'weights export': Case((
        *MOT_ROS, 'weights', 'export', 'slm-small', '--force', '--out', '{out}'),
        'a.safetensors'),
    'demo': Case((
        f'{NODE[-1]}demo', '--seconds', '2', '--output', '{out}'), 'demo'),
}
KILLED = ('track', 'evaluate', 'convert (mp4)', 'convert (bag)', 'replay', 'train', 'demo')


def main() -> int:
    """Print the tables."""
    parser = make_parser(__doc__)
    parser.add_argument('--kills', type=int, default=10, help='of each command (10)')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--only', help='commands, separated by commas (all)')
    parser.add_argument('--no-disks', action='store_true', help='only the kills')
    args = parser.parse_args()
    only = args.only.split(',') if args.only else [*CASES, 'recorder']
    moments = random.Random(args.seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        inputs = make_inputs(Path(folder))
        sys.stdout.write('| command | kills | lost | run after them |\n|---|---|---|---|\n')
        for name in [name for name in KILLED if name in only]:
            show(name, *killed(CASES[name], inputs, moments, args.kills))
        if 'recorder' in only:
            show('recorder', *recorder_killed(Path(folder), moments, args.kills))
        if not args.no_disks:
            sys.stdout.write(
                '\n| command | disk | status | last sentence | left |\n|---|---|---|---|---|\n')
            for name in [name for name in CASES if name in only]:
                for disk in ('full', 'read-only', 'vanished'):
                    show(name, disk, *on_disk(CASES[name], inputs, disk))
    return 0


def show(*cells: object) -> None:
    """Print a row."""
    sys.stdout.write('| ' + ' | '.join(str(cell).replace('|', '/') for cell in cells) + ' |\n')
    sys.stdout.flush()


def make_inputs(folder: Path) -> Path:
    """Make a sequence of a second, and a bag of it."""
    for words in (('compose', folder / 'SEQ', '--seconds', '1', '--size', '320x240'),
                  ('convert', folder / 'SEQ', folder / 'bag')):
        subprocess.run([*MOT_ROS, *map(str, words)], check=True, capture_output=True)
    return folder


def run(words: list[str]) -> tuple[int, float, str]:
    """Run a command to its end; return its status, its seconds and its last line."""
    start = time.monotonic()
    done = subprocess.run(
        python(words), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    lines = [line for line in done.stderr.replace('\r', '\n').splitlines() if line.strip()]
    errors = [line for line in lines if 'error: ' in line or line.startswith('demo: ')]
    return done.returncode, time.monotonic() - start, (errors or lines or [''])[-1]


def python(words: list[str]) -> list[str]:
    """Put Python before the name of a node."""
    return [*NODE[:2], *words] if words[0].startswith(NODE[-1]) else words


def killed(case: Case, inputs: Path, moments: random.Random, count: int) -> tuple[int, str, str]:
    """Kill a command at random moments; return how often it ran, what was lost, and the end."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        words = case.line(inputs, place)
        status, seconds, _ = run(words)
        product = place / case.product
        if not case.old:
            shutil.move(product, place / 'first')
        before = product.read_bytes() if product.is_file() else None
        hit = harmed = half = 0
        for _ in range(count):
            process = subprocess.Popen(
                python(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL)
            try:
                process.wait(moments.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                hit += 1
            if before is not None and not product.is_file():
                harmed += 1
            if not case.old and product.exists():
                # under its name it is whole: the kill came after its end
                half += process.returncode != 0 and not whole(product)
                remove(product)
        status, _, sentence = run(words)
        left = [path.name for path in place.glob('.*')]
        lost = f'earlier file {harmed} times, half under its name {half} times'
        end = f'status {status} {sentence if status else ""}'.strip()
        return hit, lost, f'{end}, left: {left or "nothing"}'


def whole(product: Path) -> bool:
    """Whether a converted product has its end: a bag its metadata, a video its frames."""
    if product.is_dir():
        return (product / 'metadata.yaml').exists()
    from mot_ros.data.output import count_frames

    return count_frames(product, decode=True) > 0


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def recorder_killed(folder: Path, moments: random.Random, count: int) -> tuple[int, str, str]:
    """Kill the recorder while messages come; return the largest loss in seconds."""
    import rclpy
    from vision_msgs.msg import Detection2DArray

    rclpy.init()
    node = rclpy.create_node('source')
    losses = []
    for number in range(count):
        output, topic = folder / f'recorded{number}', f'/tracks{number}'
        # a topic for each, as a killed reader is counted for some time
        publisher = node.create_publisher(Detection2DArray, topic, 1000)
        process = subprocess.Popen(
            [*NODE[:2], f'{NODE[-1]}recorder', '--ros-args', '-p', f'output:={output}',
             '-r', f'tracks:={topic}'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not publisher.get_subscription_count():
            time.sleep(0.05)
        sent, end = 0, time.monotonic() + moments.uniform(1.0, 3.0)
        while time.monotonic() < end:
            publisher.publish(Detection2DArray())
            sent += 1
            time.sleep(1 / RATE)
        process.kill()
        process.wait()
        files = list(output.glob('tracks/*.mcap'))
        kept = len(list(messages(files[0], {topic}))) if files else 0
        losses.append((sent - kept) / RATE)
    rclpy.shutdown()
    return count, f'at most {max(losses):.2f} s of messages', 'into a new folder'


@contextlib.contextmanager
def disk_of(kind: str) -> Iterator[Path]:
    """Mount a small disk, a full or read-only one, for a while."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, 'disk')
        place.mkdir()
        mounted = kind != 'vanished'
        if mounted:
            option = 'size=64k' if kind == 'full' else 'ro'
            subprocess.run(['mount', '-t', 'tmpfs', '-o', option, 'tmpfs', place], check=True)
            if kind == 'full':
                (place / 'filler').write_bytes(bytes(48 << 10))
        try:
            yield place
        finally:
            if mounted:
                subprocess.run(['umount', '-l', place], check=True)


def on_disk(case: Case, inputs: Path, kind: str) -> tuple[int, str, str]:
    """Run a command on a bad disk; return its status, its sentence and what it left."""
    with disk_of(kind) as place:
        if kind == 'vanished':
            process = subprocess.Popen(
                python(case.line(inputs, place)), stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True)
            while process.poll() is None and not list(place.iterdir()):
                time.sleep(0.001)
            shutil.rmtree(place, ignore_errors=True)
            errors = process.communicate()[1].replace('\r', '\n').splitlines()
            named = [line for line in errors if 'error: ' in line or line.startswith('demo: ')]
            status, sentence = process.returncode, (named or errors or [''])[-1]
        else:
            status, _, sentence = run(case.line(inputs, place))
        left = [path.name for path in place.glob('*') if path.name != 'filler'] \
            if place.exists() else []
        return status, sentence.replace(str(place), 'DISK')[:160], ', '.join(left) or 'nothing'


if __name__ == '__main__':
    sys.exit(main())
