# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What real time cost a run: frames that were not looked at, the age of the tracks, quality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
import dataclasses
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

STAGE = 'live'
"""Name of the stage from an image sent to its tracks received."""
QUALITY = ('HOTA', 'MOTA', 'IDF1')
PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class LiveCost:
    """
    One pass of a bag through the node: counts of images, times in ms.

    `age_ms` is that of the tracks when they are received, counted from when their image was
    sent; `lag_ms` how late the images were sent. Both by percentile, `p50` and so on.
    """

    rate: float
    """Speed of the replay: 1 as recorded, 0 as fast as the images were taken."""
    queue: str
    images: int
    """In the bag."""
    sent: int
    received: int
    processed: int
    """Images whose tracks came back."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """By the reason that the node gives, beside those that it never received."""
    resets: Mapping[str, int] = field(default_factory=dict)
    age_ms: Mapping[str, float] = field(default_factory=dict)
    lag_ms: Mapping[str, float] = field(default_factory=dict)
    offline: str = ''
    """Name of the run of the same method without real time."""

    @property
    def lost(self) -> int:
        """Images that the middleware lost, or overwrote with newer ones before they were taken."""
        return self.sent - self.received

    @property
    def share(self) -> float:
        """Part of the images in the bag whose tracks came back."""
        return self.processed / self.images if self.images else 0.0


def percentiles(times: Sequence[float]) -> dict[str, float]:
    """Return the percentiles of times by name; none of no times."""
    if not len(times):
        return {}
    return {f'p{share}': float(value)
            for share, value in zip(PERCENTILES, np.percentile(times, PERCENTILES), strict=True)}


def described(cost: LiveCost) -> dict[str, Any]:
    """Return what report.json holds of it."""
    return {**dataclasses.asdict(cost), 'lost': cost.lost, 'share': cost.share}


def with_changes(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each live result what its scores gained (lost, below 0) against the offline run."""
    scores = {(result['run'], result['sequence']): result['scores'] for result in results}
    found = []
    for result in results:
        if 'live' in result:
            before = scores.get((result['live']['offline'], result['sequence']), {})
            now = result['scores']
            result = {**result, 'live': {**result['live'], 'change': {
                name: now[name] - before[name]
                for name in QUALITY if name in now and name in before}}}
        found.append(result)
    return found


def columns(results: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the columns of report.csv by run and sequence; empty where nothing ran live."""
    found = {}
    for result in results:
        if 'live' not in result:
            continue
        live = result['live']
        found[result['run'], result['sequence']] = {
            **{f'live_{name}': live[name] for name in (
                'rate', 'queue', 'images', 'sent', 'received', 'processed', 'share')},
            'live_dropped': sum(live['dropped'].values()),
            **{f'live_age_ms_p{share}': live['age_ms'].get(f'p{share}') for share in PERCENTILES},
            **{f'live_lag_ms_p{share}': live['lag_ms'].get(f'p{share}') for share in PERCENTILES},
            **{f'live_change_{name}': live['change'].get(name) for name in QUALITY}}
    return found


def section(results: Iterable[Mapping[str, Any]]) -> str:
    """Return the part of the page on live runs; nothing where there is none."""
    body = ''.join(_row(result) for result in results if 'live' in result)
    if not body:
        return ''
    return (
        '<h2>Live</h2><div class="card"><table><thead><tr><th>run</th><th class="text">sequence'
        '</th><th>speed</th><th class="text">queue</th><th>images<br>in bag</th><th>received</th>'
        '<th>processed</th><th>share</th><th class="text">not processed</th><th>age of tracks ms'
        '<br>p50 / p95 / p99</th><th>sent late ms<br>p50 / p95 / p99</th>'
        + ''.join(f'<th>{name}<br>live - offline</th>' for name in QUALITY)
        + f'</tr></thead><tbody>{body}</tbody></table></div><p class="note">The bag was played '
        'through the node, another process, and its messages were recorded. The age of tracks is '
        'the time from sending the image to receiving its tracks. An image that was not processed '
        'has no tracks and counts as such in the scores.</p>')


def sentences(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what to tell of each live run, in one line."""
    found = []
    for result in results:
        if 'live' not in result:
            continue
        live = result['live']
        missing = _missing(live)
        line = (f'{result["run"]}: {live["processed"]} of {live["images"]} images processed'
                + (f' ({missing})' if missing else ''))
        if live['age_ms']:
            line += f', age of tracks {_times(live["age_ms"])} ms (p50 / p95 / p99)'
        if live['change']:
            line += ', against offline ' + ', '.join(
                f'{name} {value:+.3f}' for name, value in live['change'].items())
        found.append(line)
    return found


def _missing(live: Mapping[str, Any]) -> str:
    reasons = {'not sent': live['images'] - live['sent'],
               'lost or overtaken before the node took them': live['lost'],
               **{f'dropped: {reason}': count for reason, count in live['dropped'].items()}}
    return ', '.join(f'{count} {reason}' for reason, count in reasons.items() if count)


def _row(result: Mapping[str, Any]) -> str:
    live = result['live']
    speed = f'{live["rate"]:g}' if live['rate'] else 'as fast as it goes'
    return (
        f'<tr><td>{escape(result["run"])}</td><td class="text">{escape(result["sequence"])}</td>'
        f'<td>{speed}</td><td class="text">{escape(live["queue"])}</td><td>{live["images"]}</td>'
        f'<td>{live["received"]}</td><td>{live["processed"]}</td><td>{live["share"]:.1%}</td>'
        f'<td class="text told">{escape(_missing(live)) or "-"}</td>'
        f'<td>{_times(live["age_ms"])}</td><td>{_times(live["lag_ms"])}</td>'
        + ''.join(_change(live['change'].get(name)) for name in QUALITY) + '</tr>')


def _times(times: Mapping[str, float]) -> str:
    return ' / '.join(f'{times[name]:.1f}' for name in (
        f'p{share}' for share in PERCENTILES) if name in times) or '-'


def _change(value: float | None) -> str:
    if value is None:
        return '<td>-</td>'
    look = '' if abs(value) < 5e-4 else ' class="better"' if value > 0 else ' class="worse"'
    return f'<td{look}>{value:+.3f}</td>'
