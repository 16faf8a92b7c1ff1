# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""A local HTTP server that streams pictures as network cameras do."""

from collections.abc import Iterator
import contextlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
import threading

import av
import cv2

from test.data.video.videos import picture

STEP = 0.01
"""Seconds between two pictures."""


class Camera:
    """
    Serves /mjpeg, /mpegts, /silent and /file (the bytes of `file`) at `url`.

    A stream ends after `frames` pictures; `connections` counts how often one was opened.
    """

    def __init__(self, frames: int = 10_000, file: Path | None = None) -> None:
        self.frames, self.connections = frames, 0
        self.stop = threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.connections += 1
                with contextlib.suppress(OSError):
                    getattr(camera, f'send_{self.path[1:]}')(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.file = file
        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.url = f'http://127.0.0.1:{self.server.server_address[1]}'
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def begin(self, handler: BaseHTTPRequestHandler, kind: str, length: int = 0) -> None:
        handler.send_response(200)
        handler.send_header('Content-Type', kind)
        if length:
            handler.send_header('Content-Length', str(length))
        handler.end_headers()

    def send_mjpeg(self, handler: BaseHTTPRequestHandler) -> None:
        self.begin(handler, 'multipart/x-mixed-replace; boundary=frame')
        for number in range(self.frames):
            data = cv2.imencode('.jpg', picture(number))[1].tobytes()
            handler.wfile.write(
                b'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: '
                + str(len(data)).encode() + b'\r\n\r\n' + data + b'\r\n')
            if self.stop.wait(STEP):
                return

    def send_mpegts(self, handler: BaseHTTPRequestHandler) -> None:
        self.begin(handler, 'video/mp2t')
        with av.open(handler.wfile, 'w', format='mpegts') as container:
            stream = container.add_stream('mpeg2video', rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 64, 'yuv420p'
            for number in range(self.frames):
                frame = av.VideoFrame.from_ndarray(picture(number), format='bgr24')
                container.mux(stream.encode(frame))
                if self.stop.wait(STEP):
                    return

    def send_silent(self, handler: BaseHTTPRequestHandler) -> None:
        self.stop.wait(30)

    def send_file(self, handler: BaseHTTPRequestHandler) -> None:
        data = self.file.read_bytes() if self.file else b''
        self.begin(handler, 'application/octet-stream', len(data))
        handler.wfile.write(data)

    def close(self) -> None:
        self.stop.set()
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def camera(frames: int = 10_000, file: Path | None = None) -> Iterator[Camera]:
    """Run a Camera."""
    made = Camera(frames, file)
    try:
        yield made
    finally:
        made.close()
