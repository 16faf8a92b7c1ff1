# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""JSON files that others wrote, checked key by key; complaints name file, entry and value."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from mot_ros.data.limits import EXACT, FARTHEST, MAX_JSON_BYTES, MAX_SIDE
from mot_ros.data.video.frame_source import MAX_RATE
from mot_ros.tracking.errors import SourceError
from mot_ros.tracking.runtime.user_files import read_text

LARGEST = 2**62
"""Of a whole number, as ids go into 64 bits."""


def load_json(path: Path) -> Any:
    """Return what stands in a JSON file."""
    try:
        return json.loads(read_text(path, MAX_JSON_BYTES))
    except OSError as error:
        raise SourceError(
            f'{path} cannot be read ({error.strerror or error}); name a JSON file that can') \
            from error
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f'{path} is no JSON ({str(error)[:200]}); is it complete, and the right file?') \
            from error


class JsonEntry:
    """One object of a file, checked key by key; complaints name where it stands."""

    # there may be millions
    __slots__ = ('_content', '_index', '_key', '_path')

    def __init__(self, path: Path, key: str, index: int | None, content: Any) -> None:
        self._path, self._key, self._index = path, key, index
        if not isinstance(content, dict):
            raise SourceError(
                f'{self.where} is {content!r:.60}; it must be an object with keys')
        self._content = content

    @property
    def where(self) -> str:
        """Where it stands: the file, the key and the index of the entry."""
        return f'{self._path}: {self._key}' + (
            '' if self._index is None else f'[{self._index}]')

    def has(self, key: str) -> bool:
        """Whether there is something under a key that is not null."""
        return self._content.get(key) is not None

    def whole(self, key: str, least: int = -LARGEST, most: int = LARGEST) -> int:
        """Return a whole number from `least` to `most`."""
        value = whole(self._get(key))
        if value is None or not least <= value <= most:
            kind = 'a whole number' + (f' from {least} on' if least > -LARGEST else '')
            limit = f' and at most {most}' if most < LARGEST else ''
            raise self.wrong(key, f'it must be {kind}{limit}')
        return value

    def wholes(self, key: str) -> tuple[int, ...]:
        """Return a list of whole numbers, empty where there is none."""
        values = self._content.get(key) or []
        if not isinstance(values, list) or not all(
                isinstance(value, int) and not isinstance(value, bool)
                and abs(value) <= LARGEST for value in values):
            raise self.wrong(key, 'it must be a list of ids')
        return tuple(values)

    def number(self, key: str) -> float:
        """Return a finite number."""
        value = _finite(self._get(key))
        if value is None:
            raise self.wrong(key, 'it must be a finite number')
        return value

    def text(self, key: str) -> str:
        """Return a text that is not empty."""
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, 'it must be a text')
        return value

    def flag(self, key: str) -> bool:
        """Return whether 1 or true stands there; nothing is 0."""
        value = self._content.get(key) or 0
        if value not in (0, 1):
            raise self.wrong(key, 'it must be 0 or 1')
        return bool(value)

    def rate(self, key: str) -> float | None:
        """Return a frame rate in Hz, None where there is none."""
        if not self.has(key):
            return None
        value = _finite(self._content[key])
        if value is None or not 0 < value <= MAX_RATE:
            raise self.wrong(key, f'it must be above 0 and at most {MAX_RATE:g} Hz')
        return value

    def size(self) -> tuple[int, int] | None:
        """Return (width, height), None where they are not both there."""
        if self.has('width') and self.has('height'):
            return self.whole('width', 1, MAX_SIDE), self.whole('height', 1, MAX_SIDE)
        return None

    def box(self) -> tuple[float, float, float, float]:
        """Return the bbox, x, y, width and height in pixels, as corners; a flat one as a point."""
        value = self._get('bbox')
        found = [_finite(number) for number in value] if isinstance(value, list) else []
        numbers = [number for number in found if number is not None]
        if len(numbers) != 4 or len(found) != 4 or max(map(abs, numbers)) > FARTHEST:
            raise self.wrong(
                'bbox', 'it must be four finite numbers of at most '
                f'{FARTHEST:g} pixels: x, y, width, height')
        x, y, width, height = numbers
        if not (width > 0 and height > 0):
            width = height = 0.0
        return x, y, x + width, y + height

    def inner(self, key: str) -> JsonEntry | None:
        """Return the object that stands there, None where none does."""
        item = self._content.get(key)
        if not isinstance(item, dict):
            return None
        place = '' if self._index is None else f'[{self._index}]'
        return JsonEntry(self._path, f'{self._key}{place}.{key}', None, item)

    def entries(self, key: str) -> list[JsonEntry]:
        """Return a list of objects, empty where there is none."""
        items = self._content.get(key) or []
        if not isinstance(items, list):
            raise self.wrong(key, 'it must be a list')
        return [JsonEntry(Path(self.where), key, index, item) for index, item in enumerate(items)]

    def wrong(self, key: str, remedy: str) -> SourceError:
        """Return the error for a value."""
        return SourceError(f'{self.where}.{key} is {self._content.get(key)!r:.80}; {remedy}')

    def _get(self, key: str) -> Any:
        if key not in self._content:
            keys = ', '.join(map(str, self._content)) or 'nothing'
            raise SourceError(
                f'{self.where} has no {key!r}, which is needed; it has {keys:.200}')
        return self._content[key]


def whole(value: Any) -> int | None:
    """Return a whole number; None for what is none, or a float that stands for several."""
    if isinstance(value, float) and abs(value) < EXACT and value == int(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _finite(value: Any) -> float | None:
    """Return a number, None for what is none or is not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
