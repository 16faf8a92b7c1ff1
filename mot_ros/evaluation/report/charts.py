# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""Charts as inline SVG; their colours are CSS variables, so that they fit light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from mot_ros.evaluation.scores.track_events import Change, NOBODY, Span

SERIES = 6
"""Colours --s0 to --s5 that the page defines; further runs begin again, dashed."""
MOST_ROWS = 60
ROW, BAR = 13, 9
LABELS, WIDE = 56, 1000
BINS = 40


def legend(names: Sequence[str]) -> str:
    """Return the names of the runs with their lines."""
    items = ''.join(
        f'<span class="key"><svg width="26" height="8" aria-hidden="true"><line x1="1" y1="4" '
        f'x2="25" y2="4" {_stroke(number)}/></svg>{escape(name)}</span>'
        for number, name in enumerate(names))
    return f'<p class="legend">{items}</p>'


def curves(title: str, alphas: Sequence[float], by_run: Mapping[str, Sequence[float]]) -> str:
    """Return HOTA over the IoU threshold, one line per run."""
    width, height, left, bottom, top = 300, 200, 34, 28, 24

    def x(alpha: float) -> float:
        return left + alpha * (width - left - 8)

    def y(value: float) -> float:
        return top + (1 - value) * (height - top - bottom)

    parts = [_title(title, left, 15)]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(
            f'<line class="grid" x1="{left}" x2="{width - 8}" y1="{y(tick):.1f}" '
            f'y2="{y(tick):.1f}"/><text x="{left - 5}" y="{y(tick) + 4:.1f}" '
            f'text-anchor="end">{tick:g}</text>'
            f'<text x="{x(tick):.1f}" y="{height - bottom + 14}" '
            f'text-anchor="middle">{tick:g}</text>')
    parts.append(
        f'<text x="{x(0.5):.1f}" y="{height - 2}" text-anchor="middle">IoU &alpha;</text>')
    for number, (run, values) in enumerate(by_run.items()):
        if values:
            points = ' '.join(
                f'{x(alpha):.1f},{y(value):.1f}'
                for alpha, value in zip(alphas, values, strict=True))
            parts.append(
                f'<polyline fill="none" points="{points}" {_stroke(number)}>'
                f'<title>{escape(run)}: mean {np.mean(values):.3f}</title></polyline>')
    return _svg(width, height, f'HOTA over alpha, {title}', parts, 'curve')


def timeline(spans: Sequence[Span], switches: Sequence[Change]) -> str:
    """
    Return one row per person: coloured by track, hollow while nobody follows, switches marked.

    Of many people those with the most switches and the longest misses are shown.
    """
    if not spans:
        return '<p>Nobody is in the truth of these frames.</p>'
    people = {span.truth for span in spans}
    trouble = dict.fromkeys(people, 0)
    for change in switches:
        trouble[change.whose] += 1000
    for span in spans:
        trouble[span.truth] += (span.last - span.first + 1) * (span.track == NOBODY)
    shown = sorted(sorted(people, key=lambda person: (-trouble[person], person))[:MOST_ROWS])
    place = {person: number for number, person in enumerate(shown)}
    first, last = min(span.first for span in spans), max(span.last for span in spans)
    scale = (WIDE - LABELS - 8) / (last - first + 1)
    height = len(shown) * ROW + 24
    parts = [f'<text x="{LABELS - 6}" y="{place[person] * ROW + BAR}" text-anchor="end">'
             f'{person}</text>' for person in shown]
    for span in spans:
        if span.truth not in place:
            continue
        x, wide = LABELS + (span.first - first) * scale, (span.last - span.first + 1) * scale
        what = 'no track' if span.track == NOBODY else f'track {span.track}'
        look = 'class="miss"' if span.track == NOBODY else f'fill="{colour_of(span.track)}"'
        parts.append(
            f'<rect x="{x:.1f}" y="{place[span.truth] * ROW + 1}" width="{max(wide, 0.6):.1f}" '
            f'height="{BAR}" {look}><title>person {span.truth}, frames {span.first} to '
            f'{span.last}: {what}</title></rect>')
    for change in switches:
        if change.whose in place:
            x, y = LABELS + (change.frame - first) * scale, place[change.whose] * ROW
            parts.append(
                f'<path class="switch" d="M{x:.1f} {y - 1}v{BAR + 4}m-3 {-BAR - 4}h6l-3 4z">'
                f'<title>frame {change.frame}: person {change.whose} goes from track '
                f'{change.before} to {change.after}</title></path>')
    for tick in np.linspace(first, last, 6).astype(int).tolist():
        x = LABELS + (tick - first) * scale
        anchor = 'start' if tick == first else 'end' if tick == last else 'middle'
        parts.append(f'<text x="{x:.1f}" y="{height - 6}" text-anchor="{anchor}">{tick}</text>')
    chart = _svg(WIDE, height, 'tracks over time', parts, 'timeline')
    if len(shown) < len(people):
        chart += (f'<p class="note">{len(shown)} of {len(people)} people: those with the most '
                  'switches and the longest misses.</p>')
    return chart


def histogram(title: str, by_run: Mapping[str, Sequence[float]]) -> str:
    """Return how often a frame took how long, in ms on a logarithmic axis; runs may lack times."""
    every = np.concatenate([np.asarray(times, float) for times in by_run.values()])
    low, high = max(float(every.min()), 1e-4), max(float(every.max()), 2e-4)
    edges = np.geomspace(low * 0.95, high * 1.05, BINS + 1)
    counts = [np.histogram(times, edges)[0] / max(len(times), 1) for times in by_run.values()]
    width, height, left, bottom, top = 460, 190, 34, 30, 24
    peak = max(float(count.max()) for count in counts)

    def x(value: float) -> float:
        share = np.log(value / edges[0]) / np.log(edges[-1] / edges[0])
        return float(left + share * (width - left - 10))

    def y(value: float) -> float:
        return top + (1 - value / peak) * (height - top - bottom)

    parts = [_title(title, left, 15)]
    for share in (0, 0.5, 1):
        parts.append(
            f'<line class="grid" x1="{left}" x2="{width - 10}" y1="{y(peak * share):.1f}" '
            f'y2="{y(peak * share):.1f}"/><text x="{left - 5}" y="{y(peak * share) + 4:.1f}" '
            f'text-anchor="end">{peak * share:.0%}</text>')
    ticks = [lead * 10.0 ** power for power in range(-4, 6) for lead in (1, 2, 5)]
    inside = [tick for tick in ticks if edges[0] <= tick <= edges[-1]]
    for tick in inside[::max(1, len(inside) // 8 + (len(inside) % 8 > 0))]:
        parts.append(f'<text x="{x(tick):.1f}" y="{height - bottom + 14}" '
                     f'text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text x="{(left + width) / 2}" y="{height - 3}" '
                 'text-anchor="middle">ms per frame</text>')
    for number, (run, count) in enumerate(zip(by_run, counts, strict=True)):
        if not by_run[run]:
            continue
        steps = [(edge, share) for index, share in enumerate(count.tolist())
                 for edge in (edges[index], edges[index + 1])]
        points = ' '.join(f'{x(edge):.1f},{y(share):.1f}' for edge, share in steps)
        parts.append(f'<polyline fill="none" points="{points}" {_stroke(number)}>'
                     f'<title>{escape(run)}</title></polyline>')
    return _svg(width, height, title, parts, 'histogram')


def colour_of(track: int) -> str:
    """Return a colour that neighbouring ids do not share, for light and dark pages."""
    return f'hsl({track * 137.508 % 360:.0f} 62% {50 + 7 * (track % 3 - 1)}%)'


def _stroke(number: int) -> str:
    dashes = ' stroke-dasharray="5 3"' if number >= SERIES else ''
    return f'stroke="var(--s{number % SERIES})" stroke-width="2"{dashes}'


def _title(text: str, x: float, y: float) -> str:
    return f'<text class="title" x="{x}" y="{y}">{escape(text)}</text>'


def _svg(width: int, height: int, label: str, parts: Sequence[str], kind: str) -> str:
    return (f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{escape(label)}">{"".join(parts)}</svg>')
