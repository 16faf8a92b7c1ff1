# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""
Find key frames and lost frames in H.264 and H.265 byte streams, without decoding them.

Written after the syntax tables of ITU-T H.264 (7.3) and H.265 (7.3, Annex B).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

H264, HEVC = 'h264', 'hevc'
HEADER_BYTES = 256
"""Bytes of a unit in which its header ends; scaling lists of H.264 take the most."""
START = b'\0\0\1'
IDR, SLICE, SEQUENCE = 5, 1, 7
"""Types of units of H.264."""
RANDOM_ACCESS = range(16, 24)
"""Types of units of H.265 at which decoding can begin."""
_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


class _Bits:
    """Bits of a unit from the front; IndexError beyond its end."""

    def __init__(self, unit: bytes) -> None:
        self._bytes = unit[:HEADER_BYTES].replace(b'\0\0\3', b'\0\0')
        self._place = 0

    def read(self, count: int) -> int:
        """Return the next `count` bits as a number."""
        value = 0
        for _ in range(count):
            byte, bit = divmod(self._place, 8)
            value = value << 1 | self._bytes[byte] >> (7 - bit) & 1
            self._place += 1
        return value

    def unsigned(self) -> int:
        """Return the next number in Exp-Golomb code."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise IndexError('no number of Exp-Golomb code')
        return (1 << zeros) - 1 + self.read(zeros)

    def signed(self) -> int:
        """Return the next number with a sign in Exp-Golomb code."""
        value = self.unsigned()
        return (value + 1) // 2 if value % 2 else -(value // 2)


@dataclass(frozen=True)
class _Sequence:
    """What a sequence parameter set of H.264 says of the numbers of frames."""

    bits: int
    gaps_allowed: bool
    planes: bool


def units(data: bytes) -> Iterator[bytes]:
    """Yield the units of a byte stream, each from the byte that states its type."""
    begin = data.find(START)
    while begin >= 0:
        end = data.find(START, begin + 3)
        unit = data[begin + 3:end if end >= 0 else len(data)]
        if unit:
            yield unit
        begin = end


def is_key(data: bytes, codec: str) -> bool:
    """Whether decoding can begin with this packet."""
    if codec == HEVC:
        return any(unit[0] >> 1 & 63 in RANDOM_ACCESS for unit in units(data))
    # without IDR frames, parameter sets are sent again where a refresh begins
    return any(unit[0] & 31 in (IDR, SEQUENCE) for unit in units(data))


class FrameNumbers:
    """Follows the numbers of the frames of an H.264 stream, whose decoder fills gaps silently."""

    def __init__(self) -> None:
        self._sequence: _Sequence | None = None
        self._last: int | None = None

    def restart(self) -> None:
        """Expect any number next."""
        self._last = None

    def lost(self, data: bytes) -> bool:
        """Take in a packet; return whether a frame that later ones refer to is missing before."""
        try:
            return self._lost(data)
        except IndexError:
            # cut off within a header: the decoder will say so
            return False

    def _lost(self, data: bytes) -> bool:
        for unit in units(data):
            kind = unit[0] & 31
            if kind == SEQUENCE:
                self._sequence = _read_sequence(unit)
            elif kind in (IDR, SLICE) and self._sequence is not None:
                return self._check(unit, self._sequence, kind)
        return False

    def _check(self, unit: bytes, sequence: _Sequence, kind: int) -> bool:
        bits = _Bits(unit)
        bits.read(8)
        for _ in range(3):
            bits.unsigned()
        if sequence.planes:
            bits.read(2)
        number = bits.read(sequence.bits)
        last = self._last
        if unit[0] >> 5 & 3:
            # later frames refer to it
            self._last = number
        return kind == SLICE and last is not None and not sequence.gaps_allowed and (
            number not in (last, (last + 1) % (1 << sequence.bits)))


def _read_sequence(unit: bytes) -> _Sequence:
    bits = _Bits(unit)
    bits.read(8)
    profile = bits.read(8)
    bits.read(16)
    bits.unsigned()
    planes = False
    if profile in _WITH_CHROMA:
        chroma = bits.unsigned()
        planes = chroma == 3 and bool(bits.read(1))
        bits.unsigned()
        bits.unsigned()
        bits.read(1)
        if bits.read(1):
            for number in range(12 if chroma == 3 else 8):
                if bits.read(1):
                    _skip_scaling(bits, 16 if number < 6 else 64)
    length = bits.unsigned() + 4
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.read(1)
        bits.signed()
        bits.signed()
        for _ in range(bits.unsigned()):
            bits.signed()
    bits.unsigned()
    return _Sequence(length, bool(bits.read(1)), planes)


def _skip_scaling(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last
