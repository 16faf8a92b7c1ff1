# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Output files and folders that appear whole or not at all, and the video writer."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from pathlib import Path
import shutil
from types import TracebackType

import cv2

from mot_ros.drawing import fit, Image
from mot_ros.tracking.errors import SourceError

CODECS = {'.mp4': 'mp4v', '.avi': 'MJPG'}


class OutputFile:
    """
    A file that is written beside its place and moved there by `close`.

    An earlier file of the same name stays intact until then.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        check_writable(self.path)
        # the suffix stays, since it tells OpenCV the format
        self.partial = self.path.with_name(f'.{self.path.stem}.part{self.path.suffix}')

    def close(self, *, keep: bool = True) -> None:
        """Move the finished file to its place, or remove it."""
        if keep:
            self.partial.replace(self.path)
        else:
            self.partial.unlink(missing_ok=True)


class VideoWriter:
    """
    Writes images as a video, .mp4 (MPEG-4) or .avi (Motion JPEG).

    The first image sets the size; others are fitted into it. Like OutputFile, the video appears
    once the writer is closed, and an interrupted one is kept as far as it got.
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        self._output = OutputFile(path)
        self._fps = fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        if self._output.path.suffix.lower() not in CODECS:
            raise SourceError(
                f'{path}: a video is written as {" or ".join(CODECS)}; change the ending')

    def write(self, image: Image) -> None:
        """Append one BGR image."""
        if self._writer is None:
            self._open((int(image.shape[1]), int(image.shape[0])))
        assert self._writer is not None  # noqa: S101
        self._writer.write(fit(image, self._size))

    def _open(self, size: tuple[int, int]) -> None:
        codec = CODECS[self._output.path.suffix.lower()]
        self._writer = cv2.VideoWriter(
            str(self._output.partial), cv2.VideoWriter.fourcc(*codec), self._fps, size)
        self._size = size
        if not self._writer.isOpened():
            raise SourceError(
                f'{self._output.path}: this OpenCV cannot write {codec} video of '
                f'{size[0]}x{size[1]}; install opencv-python, which can, or give another ending '
                f'({", ".join(CODECS)})')

    def close(self, *, keep: bool = True) -> None:
        """Finish the video, or throw it away; without an image there is none."""
        if self._writer is not None:
            self._writer.release()
            self._output.close(keep=keep)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self.close(keep=kind is None or issubclass(kind, KeyboardInterrupt))


def write_image(path: str | Path, image: Image) -> None:
    """Write an image in the format of its ending."""
    output = OutputFile(path)
    try:
        written = cv2.imwrite(str(output.partial), image)
    except cv2.error:
        written = False
    if not written:
        output.close(keep=False)
        raise SourceError(f'{path}: OpenCV cannot write it; take an ending such as .png')
    output.close()


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, which appears when it is complete."""
    output = OutputFile(path)
    output.partial.write_text(text, encoding='utf-8')
    output.close()


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[None]:
    """
    Make a folder that the block fills; nothing is left of it if that goes wrong.

    Raises SourceError if it exists.
    """
    check_new(path)
    path.mkdir(parents=True)
    try:
        yield
    except BaseException:
        # after Ctrl-C too: half of a sequence would be scored as a whole one
        shutil.rmtree(path, ignore_errors=True)
        raise


def check_new(path: Path) -> None:
    """Raise SourceError if something is there that would be written over."""
    if path.exists():
        raise SourceError(f'{path} exists already; remove it or choose another place')


def check_writable(path: Path) -> None:
    """Raise SourceError if a file cannot be put there, before the work is done."""
    if path.is_dir():
        raise SourceError(f'{path} is a folder; name a file to write to')
    if not path.parent.is_dir():
        raise SourceError(f'{path}: the folder {path.parent} does not exist; make it first')
    try:
        probe = path.with_name(f'.{path.name}.probe')
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SourceError(f'{path} cannot be written ({error.strerror})') from error
