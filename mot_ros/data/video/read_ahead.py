# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Making items, and sending frames to a GPU, in a thread while earlier ones are worked on."""

from __future__ import annotations

from collections.abc import Generator, Iterable
import contextlib
from queue import Empty, Queue
import threading
from typing import Any, TypeVar

from mot_ros.tracking.types import Frame

_Item = TypeVar('_Item')


def read_ahead(items: Generator[_Item, None, None], depth: int) -> Generator[_Item, None, None]:
    """
    Yield `items`, at most `depth` of them made in advance by a thread of its own.

    An error in making an item is raised where that item would have come. Closing the generator
    ends the thread before it returns.
    """
    ready: Queue[tuple[_Item | None, BaseException | None]] = Queue(depth)
    stop = threading.Event()
    end = StopIteration()

    def work() -> None:
        try:
            with contextlib.closing(items):
                for item in items:
                    ready.put((item, None))
                    if stop.is_set():
                        return
            ready.put((None, end))
        except BaseException as error:  # whatever it is, it belongs to the reader
            ready.put((None, error))

    thread = threading.Thread(target=work, name='read_ahead', daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is end:
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        while thread.is_alive():
            # make room for a thread that waits to hand over an item
            with contextlib.suppress(Empty):
                ready.get_nowait()
            thread.join(0.01)


def sent_ahead(frames: Iterable[Frame], device: Any) -> Generator[Frame, None, None]:
    """
    Yield frames, of which the next is on its way to a GPU while this one is worked on.

    `device` is where they are worked on; unless that is a GPU, as torch tells, nothing is sent.
    """
    if getattr(device, 'type', '') != 'cuda':
        yield from frames
        return
    # here and not above: torch takes seconds to load
    from mot_ros.tracking.runtime.upload import Uploads

    with contextlib.closing(read_ahead(_sent(frames, Uploads(device)), 1)) as sent:
        yield from sent


def _sent(frames: Iterable[Frame], uploads: Any) -> Generator[Frame, None, None]:
    for frame in frames:
        if frame.image is not None:
            # no memory, say: who works on the frame will see
            with contextlib.suppress(RuntimeError):
                uploads.prefetch(frame)
        yield frame
