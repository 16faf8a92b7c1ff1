# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Recognise the addresses of cameras and streams, and check those of devices."""

from __future__ import annotations

from dataclasses import dataclass, field
import os
from pathlib import Path
import re

from mot_ros.tracking.errors import SourceError

SCHEMES = ('http', 'https', 'rtmp', 'rtp', 'rtsp', 'rtsps', 'srt', 'tcp', 'udp')
URL = re.compile(rf'({"|".join(SCHEMES)})://.+')
DEVICE = re.compile(r'/dev/video\d+')
ANALYSED = '1000000'
"""Microseconds of a stream that FFmpeg reads before it states what is in it."""


@dataclass(frozen=True)
class LiveAddress:
    """Address as FFmpeg takes it, with the input format of a device, None for a URL."""

    url: str
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the address without user name and password."""
        return re.sub(r'//[^/@]*@', '//', self.url)


def is_live(source: str | Path) -> bool:
    """Say whether a source is a URL, a camera device or the number of one."""
    text = str(source)
    if URL.fullmatch(text) or DEVICE.fullmatch(text):
        return True
    return text.isdecimal() and not Path(text).exists()


def live_address(source: str | Path) -> LiveAddress:
    """Return the address of a live source; SourceError for a device that cannot be read."""
    text = str(source)
    if URL.fullmatch(text):
        # over UDP, packets that are lost damage the image; for files over HTTP this is no option
        options = {'rtsp_transport': 'tcp'} if text.startswith('rtsp') else {}
        return LiveAddress(text, options={'analyzeduration': ANALYSED, **options})
    device = Path(f'/dev/video{text}' if text.isdecimal() else text)
    if not device.exists():
        found = ', '.join(sorted(str(path) for path in Path('/dev').glob('video*'))) or 'none'
        raise SourceError(
            f'{device} does not exist; the cameras here are: {found}. In a container the device '
            f'has to be passed on: --device {device}')
    if not os.access(device, os.R_OK):
        raise SourceError(
            f'{device} may not be read by this user; add the user to the group of the device '
            '(sudo usermod -aG video $USER) and log in again')
    return LiveAddress(str(device), 'v4l2')
