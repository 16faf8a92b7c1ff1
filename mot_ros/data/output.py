# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Write images and videos; an error says when the disk refused them."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from mot_ros.drawing import fit, Image
from mot_ros.tracking.errors import OutputError, SourceError
from mot_ros.tracking.runtime.output_file import naming, OutputFile, write_bytes

CODECS = {'.mp4': ('mpeg4', 'yuv420p'), '.avi': ('mjpeg', 'yuvj420p')}
MOVFLAGS = 'hybrid_fragmented+frag_every_frame'
"""Of MP4: readable up to the last frame at any moment, a plain file after the end."""
QUALITY = 3
"""Quantiser scale, 1 to 31; lower is better."""
LAMBDA = 118
"""FFmpeg's FF_QP2LAMBDA, the unit of `global_quality`."""
MAX_TICKS = 65535
"""Largest numerator of a rate in MPEG-4."""


class VideoWriter:
    """
    Writes images as a video, .mp4 (MPEG-4) or .avi (Motion JPEG).

    The first image sets the size, made even; others are fitted into it. The video appears once
    the writer is closed and its packets were counted (`whole`: its frames decoded); an
    interrupted one is kept as far as it got. With `in_place` it has its name from the first
    image on, and a kill loses the last frame at most.
    """

    def __init__(
            self, path: str | Path, fps: float, *, whole: bool = False,
            in_place: bool = False) -> None:
        self.path = Path(path)
        suffix = self.path.suffix.lower()
        if suffix not in CODECS:
            raise SourceError(
                f'{path}: a video is written as {" or ".join(CODECS)}; change the ending')
        self._codec, self._format = CODECS[suffix]
        self._rate = _rate(fps)
        self._whole = whole
        self._output = OutputFile(path, in_place=in_place)
        self._file: _Sink | None = None
        self._container: Any = None
        self._stream: Any = None
        self._size = (0, 0)
        self._count = 0

    def write(self, image: Image) -> None:
        """Append one BGR image."""
        import av

        if self._container is None:
            self._open((int(image.shape[1]), int(image.shape[0])))
        width, height = self._stream.width, self._stream.height
        picture = np.ascontiguousarray(fit(image, self._size)[:height, :width])
        with self._naming():
            self._mux(av.VideoFrame.from_ndarray(picture, format='bgr24'))
        self._count += 1

    def _open(self, size: tuple[int, int]) -> None:
        import av

        self._size = size
        with naming(self.path):
            # through Python, whose writes report what FFmpeg's buffers hide
            self._file = _Sink(self._output.partial)
        self._container = av.open(
            self._file, 'w', format=self.path.suffix.lower()[1:],
            options={'movflags': MOVFLAGS} if self._codec == 'mpeg4' else {})
        self._stream = self._container.add_stream(self._codec, rate=self._rate)
        # 4:2:0 halves both sides
        self._stream.width, self._stream.height = (max(2, side & ~1) for side in size)
        self._stream.pix_fmt = self._format
        self._stream.options = {
            'flags': '+qscale', 'global_quality': str(QUALITY * LAMBDA)}
        try:
            self._stream.codec_context.open()
        except av.FFmpegError as error:
            raise SourceError(
                f'{self.path}: {self._codec} cannot encode {size[0]}x{size[1]} pixels '
                f'({error.strerror}); give another ending ({", ".join(CODECS)})') from error

    def _mux(self, frame: Any) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def close(self, *, keep: bool = True) -> None:
        """
        Finish the video, or throw it away; without an image there is none.

        Raises OutputError if it was not written in full.
        """
        container, self._container = self._container, None
        try:
            if container is not None:
                self._finish(container, complete=keep)
            if keep and self._count:
                self._output.close(check=self._check)
        except BaseException:
            self._output.abandon()
            raise
        self._output.close(keep=False)

    def _finish(self, container: Any, *, complete: bool) -> None:
        try:
            with self._naming():
                if complete:
                    for packet in self._stream.encode(None):
                        container.mux(packet)
                container.close()
        except OutputError:
            if complete:
                raise
        finally:
            if self._file is not None:
                self._file.close()

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        """Raise OutputError for what the disk or FFmpeg refuses within the block."""
        import av

        with naming(self.path):
            try:
                yield
            except av.FFmpegError as error:
                if self._file is not None and self._file.error is not None:
                    raise self._file.error from error
                raise OutputError(f'{self.path} cannot be written: {error.strerror}') from error

    def _check(self, path: Path) -> None:
        found = count_frames(path, decode=self._whole)
        if found != self._count:
            raise OutputError(
                f'{self.path} cannot be written: {found} of {self._count} frames can be read '
                'back; is the disk full or broken?')

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self.close(keep=kind is None or issubclass(kind, KeyboardInterrupt))


class _Sink:
    """A file that FFmpeg writes to; keeps the first error, which FFmpeg hides in its own."""

    def __init__(self, path: Path) -> None:
        self._file = path.open('r+b', buffering=0)
        self.error: OSError | None = None
        self.seek, self.tell, self.close = self._file.seek, self._file.tell, self._file.close

    def write(self, data: bytes) -> int:
        """Write all of the data."""
        view = memoryview(data)
        try:
            while view:
                # the last block of a disk takes a part
                view = view[self._file.write(view):]
        except OSError as error:
            self.error = self.error or error
            raise
        return len(data)


def count_frames(path: Path, *, decode: bool) -> int:
    """Count the packets of a video, or the frames that are decoded; 0 for an unreadable one."""
    import av

    try:
        with av.open(str(path)) as container:
            if decode:
                return sum(1 for _ in container.decode(video=0))
            return sum(1 for packet in container.demux(video=0) if packet.size)
    except (av.FFmpegError, IndexError):
        return 0


def encode_image(path: Path, image: Image, options: tuple[int, ...] = ()) -> bytes:
    """Return an image in the format of a path's ending."""
    try:
        encoded, data = cv2.imencode(path.suffix, image, options)
    except cv2.error:
        encoded = False
    if not encoded:
        raise SourceError(f'{path}: OpenCV cannot write it; take an ending such as .png')
    return data.tobytes()


def write_image(path: str | Path, image: Image) -> None:
    """Write an image in the format of its ending."""
    write_bytes(path, encode_image(Path(path), image))


def _rate(fps: float) -> Fraction:
    """Return a rate that MPEG-4 can state, 30000/1001 for 29.97."""
    most = max(1, min(1001, int(MAX_TICKS / max(fps, 1.0))))
    return max(Fraction(1, 1001), min(
        Fraction(fps).limit_denominator(most), Fraction(MAX_TICKS)))
