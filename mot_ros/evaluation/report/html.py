# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0


"""The report as one HTML file that needs nothing else: tables, charts, pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
import json
from typing import Any

from mot_ros.evaluation import live
from mot_ros.evaluation.job import Outcome
from mot_ros.evaluation.report.charts import curves, histogram, legend, timeline
from mot_ros.evaluation.report.summary import (
    COMBINED,
    Comparison,
    Document,
    rows,
    stages_of,
    track_fractions,
)
from mot_ros.evaluation.scores.scoring import FRACTIONS, LOWER_IS_BETTER, NEITHER

COLUMNS = ('HOTA', 'DetA', 'AssA', 'MOTA', 'IDF1', 'switches', 'transfers', 'fragments', 'FP',
           'FN', 'mostly tracked', 'mostly lost', 'truth boxes')
COMPARED = ('HOTA', 'DetA', 'AssA', 'MOTA', 'IDF1', 'switches', 'transfers', 'fragments', 'FP',
            'FN')
STYLE = """
:root{color-scheme:light dark;--paper:#fbfbf9;--card:#fff;--ink:#1d2127;--soft:#626a75;
--line:#dfe2e6;--good:#0b7a4b;--goodbg:#e0f4e9;--bad:#b3261e;--badbg:#fbe4e1;--miss:#e9ebee;
--s0:#1f6fd6;--s1:#d4570c;--s2:#128a5e;--s3:#8b45c9;--s4:#a87b00;--s5:#c22a6d}
@media(prefers-color-scheme:dark){:root{--paper:#14171b;--card:#1c2026;--ink:#e7e9ec;
--soft:#9aa3ae;--line:#333a43;--good:#5fd39b;--goodbg:#15372a;--bad:#ff9087;--badbg:#43211f;
--miss:#2b3138;--s0:#6aa9ff;--s1:#ff9650;--s2:#4fcf9c;--s3:#c493ff;--s4:#e2b93b;--s5:#ff7fb3}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1240px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:27px;margin:0 0 2px;letter-spacing:-.01em}
h2{font-size:19px;margin:36px 0 8px}h3{font-size:15px;margin:16px 0 4px}
p{margin:4px 0 10px}.lead,.note{color:var(--soft)}.note{font-size:13px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px;
overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13px}
th,td{padding:5px 6px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600;vertical-align:bottom}
th:first-child,td:first-child,.text{text-align:left}
tbody tr:last-child td{border-bottom:0}tr.first td{border-top:2px solid var(--line)}
tr.all td{font-size:15px}.best{font-weight:700}.error{color:var(--bad);white-space:normal}
.better{color:var(--good);background:var(--goodbg)}.worse{color:var(--bad);background:var(--badbg)}
.wrap td{white-space:normal;overflow-wrap:anywhere}td.told{white-space:normal;min-width:150px}
.grid2{display:grid;gap:12px;grid-template-columns:repeat(auto-fill,minmax(320px,1fr))}
.hists{display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(360px,1fr))}
.gallery{display:flex;flex-wrap:wrap;gap:12px}figure{margin:0;max-width:462px}
figure img{display:block;max-width:100%;border-radius:6px}
figcaption{font-size:12.5px;color:var(--soft);max-width:460px}
figcaption b{color:var(--ink)}figure.one{max-width:231px}
svg{display:block;width:100%;height:auto}.hists svg{max-width:620px}
svg.timeline{min-width:820px}.key svg{display:inline-block;width:26px;margin-right:5px}
svg text{font-size:11px;fill:var(--soft)}svg text.title{font-size:12.5px;fill:var(--ink);
font-weight:600}.timeline text{font-size:9.5px}
.grid{stroke:var(--line);stroke-width:1}.miss{fill:var(--miss)}
.switch{stroke:var(--ink);fill:var(--ink);stroke-width:1.1}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px}.key{white-space:nowrap}
details{margin:8px 0}summary{cursor:pointer;font-weight:600}
details>.card{margin-top:6px}code{font-size:12.5px}
"""


def render(
        report: Document, outcomes: Sequence[Outcome], times: Sequence[Mapping[str, Any]],
        comparison: Comparison | None = None, compared_with: str = '',
        overhead: float | None = None) -> str:
    """Return the page; `overhead` is the share of the time outside detector and tracker."""
    parts = [
        _head(report), _combined_table(report, times), _whole_tracks(report),
        live.section(report['results']), _problems(report),
        _comparison(comparison, compared_with) if comparison else '',
        _table(report, times), _curves(report), _timelines(outcomes), _worst_frames(outcomes),
        _latency(outcomes, overhead), _origin(report)]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>mot_ros evaluation</title><style>{STYLE}</style></head><body><main>\n'
        + '\n'.join(part for part in parts if part) + '\n</main></body></html>\n')


def _head(report: Document) -> str:
    options = report['options']
    names = sorted({result['sequence'] for result in report['results']})
    what = [
        f'{len(report["runs"])} run{"s" * (len(report["runs"]) != 1)} on {len(names)} '
        f'sequence{"s" * (len(names) != 1)}', f'detections: {escape(options["detections"])}',
        f'IoU of a match: {options["iou"]:g}']
    if options['fps']:
        what.append(f'frames thinned to {options["fps"]:g} Hz')
    if options['drop']:
        what.append(f'{options["drop"]:.0%} of frames dropped (seed {options["seed"]})')
    if options['frames']:
        what.append(f'first {options["frames"]} frames')
    return (f'<h1>Tracking evaluation</h1><p class="lead">{" · ".join(what)} · mot_ros '
            f'{escape(report["mot_ros"])}, scores by TrackEval {escape(report["trackeval"])}</p>')


def _combined_table(report: Document, times: Sequence[Mapping[str, Any]]) -> str:
    whole = [row for row in rows(report) if row['sequence'] == COMBINED]
    medians: dict[str, list[float]] = {}
    for row in times:
        if 'tracker_ms_median' in row:
            medians.setdefault(row['run'], []).append(row['tracker_ms_median'])
    body = ''.join(
        f'<tr class="all"><td>{escape(row["run"])}</td>{_cells(row, whole)}'
        f'<td>{_range(medians.get(row["run"], []))}</td></tr>' for row in whole)
    return (f'<h2>All sequences as one</h2><div class="card"><table><thead><tr><th>run</th>'
            f'{_headings()}<th>update ms<br>(median)</th></tr></thead><tbody>{body}</tbody>'
            '</table></div><p class="note">Counts are pooled over the sequences as TrackEval '
            'does; only frames that were processed are scored. A transfer is a track that goes '
            'over to another person.</p>')


def _whole_tracks(report: Document) -> str:
    names = track_fractions(report)
    if not names:
        return ''
    body = ''.join(
        f'<tr class="all"><td>{escape(row["run"])}</td>'
        + ''.join(f'<td>{row[name]:.3f}</td>' if name in row else '<td>-</td>' for name in names)
        + '</tr>' for row in rows(report) if row['sequence'] == COMBINED)
    headings = ''.join(f'<th>{escape(name)}</th>' for name in names)
    return ('<h2>Whole tracks</h2><div class="card"><table><thead><tr><th>run</th>'
            f'{headings}</tr></thead><tbody>{body}</tbody></table></div><p class="note">Average '
            'precision of tracks over all sequences of TAO, by the overlap of their volumes in '
            'the annotated frames: TAP50 at .5, TAP75 at .75, TAP the mean of .5 to .95.</p>')


def _range(medians: Sequence[float]) -> str:
    if not medians:
        return '-'
    low, high = f'{min(medians):.2f}', f'{max(medians):.2f}'
    return low if low == high else f'{low} to {high}'


def _problems(report: Document) -> str:
    items = [
        f'<tr><td>{escape(result["run"])}</td><td class="text">{escape(result["sequence"])}</td>'
        f'<td class="text {kind}">{escape(text)}</td></tr>'
        for result in report['results']
        for kind, text in [*[('error', text) for text in [result['error']] if text],
                           *[('', text) for text in result['warnings']]]]
    if not items:
        return ''
    return ('<h2>Failures and warnings</h2><div class="card wrap"><table><tbody>'
            + ''.join(items) + '</tbody></table></div>')


def _comparison(comparison: Comparison, compared_with: str) -> str:
    body = ''
    for run, sequence, differences in comparison.figures:
        cells = ''
        for name in COMPARED:
            if name not in differences:
                cells += '<td></td>'
                continue
            change = differences[name]
            sign = '' if change.better is None else ' ▲' if change.now > change.before else ' ▼'
            look = {None: '', True: 'better', False: 'worse'}[change.better]
            cells += (f'<td class="{look}" title="before: {_number(name, change.before)}">'
                      f'{_number(name, change.now)}'
                      f'<br><small>{_signed(name, change.now - change.before)}{sign}</small></td>')
        start = ' class="all first"' if sequence == COMBINED else ''
        body += (f'<tr{start}><td>{escape(run)}</td><td class="text">{escape(sequence)}</td>'
                 f'{cells}</tr>')
    settings = ''.join(
        f'<tr><td>{escape(name)}</td><td class="text">{escape(before)}</td>'
        f'<td class="text">{escape(now)}</td></tr>' for name, before, now in comparison.settings)
    table = (f'<h3>Settings that differ</h3><div class="card wrap"><table><thead><tr><th>setting'
             f'</th><th class="text">before</th><th class="text">now</th></tr></thead><tbody>'
             f'{settings}</tbody></table></div>') if settings else (
        '<p class="note">No setting differs.</p>')
    alone = f'<p class="note">Not compared: {escape("; ".join(comparison.alone))}.</p>' \
        if comparison.alone else ''
    headings = ''.join(f'<th>{escape(name)}</th>' for name in COMPARED)
    return (f'<h2>Compared with {escape(compared_with)}</h2><div class="card"><table><thead><tr>'
            f'<th>run</th><th class="text">sequence</th>{headings}</tr></thead><tbody>{body}'
            f'</tbody></table></div>{alone}{table}')


def _table(report: Document, times: Sequence[Mapping[str, Any]]) -> str:
    by_name = {(row['run'], row['sequence']): row for row in times}
    every = [row for row in rows(report) if row['sequence'] != COMBINED]
    body = ''
    for sequence in sorted({row['sequence'] for row in every}):
        rivals = [row for row in every if row['sequence'] == sequence]
        for number, row in enumerate(rivals):
            time = by_name.get((row['run'], sequence), {})
            update = '-' if 'tracker_ms_median' not in time else (
                f'{time["tracker_ms_median"]:.2f} / {time["tracker_ms_p99"]:.2f}')
            start = ' class="first"' if number == 0 and body else ''
            cells = (f'<td class="text error" colspan="{len(COLUMNS)}">{escape(row["error"])}</td>'
                     if row['error'] else _cells(row, rivals))
            body += (f'<tr{start}><td>{escape(sequence) if number == 0 else ""}</td>'
                     f'<td class="text">{escape(row["run"])}</td><td>{row["frames"]}</td>{cells}'
                     f'<td>{update}</td></tr>')
    return (f'<h2>By sequence</h2><div class="card"><table><thead><tr><th>sequence</th>'
            f'<th class="text">run</th><th>frames</th>{_headings()}<th>update ms<br>'
            f'median / p99</th></tr></thead><tbody>{body}</tbody></table></div>')


def _headings() -> str:
    return ''.join(f'<th>{"<br>".join(escape(name).split())}</th>' for name in COLUMNS)


def _cells(row: Mapping[str, Any], rivals: Sequence[Mapping[str, Any]]) -> str:
    """Return the figures of a row; the best among its rivals stand out."""
    found = ''
    for name in COLUMNS:
        if name not in row:
            found += '<td>-</td>'
            continue
        values = [rival[name] for rival in rivals if name in rival]
        best = (min if name in LOWER_IS_BETTER else max)(values)
        mark = ' class="best"' if (
            name not in NEITHER and row[name] == best and min(values) != max(values)) else ''
        found += f'<td{mark}>{_number(name, row[name])}</td>'
    return found


def _number(name: str, value: float) -> str:
    return f'{value:.3f}' if name in FRACTIONS else f'{value:.0f}'


def _signed(name: str, value: float) -> str:
    if name in FRACTIONS:
        return f'{value:+.3f}'
    return f'{value:+.0f}' if value else '±0'


def _curves(report: Document) -> str:
    runs = list(report['runs'])
    charts = [curves('all sequences', report['alphas'], {
        run: report['combined'][run]['hota_over_alpha'] for run in runs})]
    names = sorted({result['sequence'] for result in report['results']})
    for name in names if len(names) > 1 else []:
        values = {result['run']: result['hota_over_alpha'] for result in report['results']
                  if result['sequence'] == name}
        charts.append(curves(name, report['alphas'], values))
    cards = ''.join(f'<div class="card">{chart}</div>' for chart in charts)
    return (f'<h2>HOTA over the overlap that is asked for</h2>{legend(runs)}'
            f'<div class="grid2">{cards}</div>')


def _timelines(outcomes: Sequence[Outcome]) -> str:
    parts: list[str] = []
    for outcome in outcomes:
        if outcome.error:
            continue
        parts.append(
            f'<details{" open" * (not parts)}><summary>{escape(outcome.sequence)} · '
            f'{escape(outcome.run)}: {len(outcome.switches)} switches, '
            f'{len(outcome.transfers)} transfers</summary><div class="card">'
            f'{timeline(outcome.spans, outcome.switches)}</div></details>')
    if not parts:
        return ''
    return ('<h2>Who was followed by which track</h2><p class="note">One row per person of the '
            'truth, a colour per track, pale where nobody follows; ▾ marks a switch. Point at a '
            'bar for its frames and ids.</p>' + ''.join(parts))


def _worst_frames(outcomes: Sequence[Outcome]) -> str:
    parts: list[str] = []
    for outcome in outcomes:
        if not outcome.worst_frames:
            continue
        figures = ''.join(
            f'<figure{" class=one" * (moment.kind != "switch")}><img alt="{escape(moment.text)}" '
            f'src="data:image/jpeg;base64,{base64.b64encode(moment.jpeg).decode()}">'
            f'<figcaption><b>{escape(moment.kind)}</b> {escape(moment.text)}</figcaption></figure>'
            for moment in outcome.worst_frames)
        parts.append(f'<h3>{escape(outcome.sequence)} · {escape(outcome.run)}</h3>'
                     f'<div class="gallery">{figures}</div>')
    if not parts:
        return ''
    return ('<h2>Worst moments</h2><p class="note">Green: the truth. Orange: tracks with their '
            'ids. The frame is in the corner; a switch shows the last frame with the old track '
            'and the first with the new one.</p>' + ''.join(parts))


def _latency(outcomes: Sequence[Outcome], overhead: float | None) -> str:
    charts: list[str] = []
    timed = [outcome for outcome in outcomes if not outcome.error]
    # all of them in every chart, so that each keeps its colour
    names = list(dict.fromkeys(
        outcome.run for outcome in timed if any(outcome.stages_ms.values())))
    for stage in stages_of(outcomes):
        by_run: dict[str, list[float]] = {name: [] for name in names}
        for outcome in timed:
            if outcome.stages_ms.get(stage):
                by_run[outcome.run].extend(outcome.stages_ms[stage])
        charts.append(f'<div class="card">{histogram(stage, by_run)}</div>')
    if not charts:
        return ''
    spent = '' if overhead is None else (
        f' Everything but detector and tracker took {overhead:.1%} of the time.')
    return (f'<h2>Time per frame</h2>{legend(names)}<div class="hists">{"".join(charts)}</div>'
            '<p class="note">The detector runs once per frame for all methods; its time is that '
            'of the first, afterwards it only looks up. Decoding runs ahead in a thread of its '
            f'own.{spent}</p>')


def _origin(report: Document) -> str:
    settings = ''.join(
        f'<details><summary>{escape(run)}</summary><div class="card wrap">'
        f'{_pairs(values.items())}</div></details>' for run, values in report['runs'].items())
    sums = ''.join(
        f'<tr><td>{escape(result["sequence"])}</td><td class="text">{escape(result["run"])}</td>'
        f'<td class="text">{escape(name)}</td><td class="text"><code>{escape(digest)}</code></td>'
        '</tr>' for result in report['results'] for name, digest in result['sha256'].items())
    rules = sorted({(result['sequence'], result['rule'], result['rate'])
                    for result in report['results'] if result['rule']})
    return (
        f'<h2>What produced this</h2>{settings}<details><summary>options</summary>'
        f'<div class="card wrap">{_pairs(report["options"].items())}</div></details>'
        '<details><summary>sequences</summary><div class="card wrap">'
        + _pairs((name, f'rule {rule}, {rate:g} Hz') for name, rule, rate in rules)
        + '</div></details><details><summary>SHA-256 of truth, detections and tracks</summary>'
        f'<div class="card wrap"><table><tbody>{sums}</tbody></table></div></details>')


def _pairs(items: Iterable[tuple[str, Any]]) -> str:
    body = ''.join(
        f'<tr><td>{escape(name)}</td><td class="text"><code>'
        f'{escape(value if isinstance(value, str) else json.dumps(value))}</code></td></tr>'
        for name, value in items)
    return f'<table><tbody>{body}</tbody></table>'
