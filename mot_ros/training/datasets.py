# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Datasets of a training: annotated images, video, re-ID crops, cut-outs and photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mot_ros.data.datasets.labelled_images import (
    check_split,
    coco_images,
    crowdhuman_images,
    LabelledImage,
    penn_fudan_images,
    yolo_images,
)
from mot_ros.data.datasets.reid_crops import read_crops, ReidCrop
from mot_ros.data.datasets.splits import splits
from mot_ros.data.datasets.tracked_images import read_tracked, TrackedImages
from mot_ros.data.synthetic.backgrounds import background_files
from mot_ros.data.synthetic.cutouts import Cutout, read_cutouts
from mot_ros.data.synthetic.figures import draw_figures
from mot_ros.tracking.errors import ConfigError, SourceError

FIGURES = 24
"""Number of figures drawn where there are no cut-outs."""
IMAGE_FOLDERS = ('images', 'Images')


@dataclass(frozen=True, eq=False)
class Datasets:
    """
    Hold annotated images, cut-outs of people, photographs without people, video, re-ID crops.

    `counts` describes in a line each what was found.
    """

    images: Sequence[LabelledImage] = ()
    cutouts: Sequence[Cutout] = ()
    photographs: Sequence[Path] = ()
    sequences: Sequence[TrackedImages] = ()
    crops: Sequence[ReidCrop] = ()
    counts: tuple[str, ...] = ()


def read_datasets(
        roots: Sequence[str], backgrounds: Sequence[Path] = (), seed: int = 0,
        hold_out: int = 0) -> Datasets:
    """
    Read folders and annotation files; each must hold something to train on.

    A folder has `images` and beside it `masks` (Penn-Fudan), `labels` or `polygons` (YOLO), or
    several of these; of YOLO's all splits are taken, or only the one that ROOT/images/SPLIT
    names. A file is CrowdHuman's (.odgt) or COCO's (.json), with its images in
    `images` beside it, or in DIR where it is given as FILE=DIR. A MOTChallenge sequence with
    images, or a folder of such, is video. A folder of crops named as in Market-1501, CUHK03 or
    CUHK01 is re-ID data; FOLDER=N takes its first N people. Without any root, figures are drawn.
    Of annotated images every `hold_out`th is left out with its cut-outs, as a test set. Raises
    SourceError for a root without training data, ConfigError for a hold_out of 1.
    """
    if hold_out < 0 or hold_out == 1:
        raise ConfigError(
            f'hold-out is {hold_out}; 2 leaves every second image out, 10 every tenth, 0 none')
    images: list[LabelledImage] = []
    cutouts: list[Cutout] = []
    sequences: list[TrackedImages] = []
    crops: list[ReidCrop] = []
    photographs = [file for folder in backgrounds for file in background_files(folder)]
    counts = []
    for root in roots:
        found = _without(_read(root), root, hold_out)
        if found.images:
            counts.append(str(check_split(root, found.images)))
        if found.cutouts:
            counts.append(f'{root}: {len(found.cutouts)} people to be cut out')
        counts += found.counts
        sequences += found.sequences
        crops += found.crops
        images += found.images
        cutouts += found.cutouts
        if not backgrounds:
            photographs += found.photographs
    if not roots:
        cutouts = draw_figures(FIGURES, seed)
        counts.append(f'no data: {FIGURES} drawn figures, which is enough for a trial only')
    counts.append(
        f'{len(photographs)} photographs to put people in front of' if photographs
        else 'no photographs without people: backgrounds are drawn')
    return Datasets(images, cutouts, photographs, sequences, crops, tuple(counts))


def held_out(files: Sequence[Path], hold_out: int) -> set[Path]:
    """Return every `hold_out`th of image files, the first one included; 0: none."""
    return set(sorted(set(files))[::hold_out]) if hold_out else set()


def held_out_people(
        roots: Sequence[str], backgrounds: Sequence[Path] = (), seed: int = 0,
        hold_out: int = 0) -> Datasets:
    """Return the cut-outs and photographs that `hold_out` keeps out of training; 0: all."""
    whole = read_datasets(roots, backgrounds, seed)
    if not (roots and hold_out):
        return whole
    known = read_datasets(roots, backgrounds, seed, hold_out)
    paths = {cutout.path for cutout in known.cutouts}
    return replace(
        whole, cutouts=[cutout for cutout in whole.cutouts if cutout.path not in paths],
        photographs=whole.photographs if backgrounds else [
            path for path in whole.photographs if path not in known.photographs])


def _read(root: str) -> Datasets:
    name, _, folder = root.partition('=')
    path = Path(name).expanduser()
    if path.is_file():
        return Datasets(_annotated(path, Path(folder).expanduser() if folder else None))
    if not path.is_dir():
        raise SourceError(f'{path} is neither a folder nor a file to train on')
    images: list[LabelledImage] = []
    photographs: list[Path] = []
    counts = []
    parts = splits(path)
    if crops := read_crops(path, folder):
        people = len({crop.person for crop in crops})
        return Datasets(crops=crops, counts=(f'{path}: {len(crops)} crops of {people} people',))
    masks = (path / 'masks').is_dir()
    labels, polygons = ((parts[0][0] / name).is_dir() for name in ('labels', 'polygons'))
    if not (masks or labels or polygons):
        return _video(path)
    if masks:
        images += penn_fudan_images(path)
    if labels:
        for base, split in parts:
            found = yolo_images(base, split)
            images += found
            if len(parts) > 1:
                # a split without annotations would be taken for images without people
                counts.append(str(check_split(str(base / split), found)))
        try:
            photographs += background_files(path)
        except SourceError:
            # there are people on all images
            photographs = []
    cutouts = read_cutouts(path) if masks or polygons else []
    return Datasets(images, cutouts, photographs, counts=tuple(counts))


def _without(found: Datasets, root: str, hold_out: int) -> Datasets:
    """Remove the held-out images, with their cut-outs, from what a root holds."""
    files = [image.path for image in found.images]
    files += [cutout.path for cutout in found.cutouts if cutout.path]
    hidden = held_out(files, hold_out)
    if not hidden:
        return found
    images = [image for image in found.images if image.path not in hidden]
    cutouts = [cutout for cutout in found.cutouts if cutout.path not in hidden]
    if not (any((~image.ignored).any() for image in images) or cutouts):
        raise SourceError(
            f'{root}: nothing is left to learn from without the {len(hidden)} images held out; '
            'hold out fewer')
    return replace(
        found, images=images, cutouts=cutouts,
        photographs=[path for path in found.photographs if path not in hidden],
        counts=(*found.counts, f'{root}: {len(hidden)} images held out'))


def _video(path: Path) -> Datasets:
    """Read MOTChallenge sequences."""
    if not any((folder / 'gt').is_dir() for folder in (path, *path.iterdir())):
        raise SourceError(
            f'{path} has none of the folders masks (as Penn-Fudan), labels and polygons (YOLO) '
            'beside its images, nor gt (MOTChallenge); for CrowdHuman or COCO name the '
            'annotation file')
    found = read_tracked(path)
    return Datasets(sequences=found, counts=tuple(
        f'{path}: {each.name}, {len(each.files)} images, {len(set(each.truth.ids.tolist()))} '
        f'people in {len(each.truth)} boxes' for each in found))


def _annotated(path: Path, folder: Path | None) -> list[LabelledImage]:
    """Read an annotation file whose images are in a folder."""
    if path.suffix not in ('.odgt', '.json'):
        raise SourceError(
            f'{path} is neither of CrowdHuman (.odgt) nor of COCO (.json); name a folder, or '
            'such a file')
    if folder is None:
        beside = [path.parent / name for name in IMAGE_FOLDERS if (path.parent / name).is_dir()]
        if not beside:
            raise SourceError(
                f'there is no folder images beside {path}; say where they are: '
                f'--data {path}=FOLDER')
        folder = beside[0]
    if path.suffix == '.odgt':
        return crowdhuman_images(path, folder)
    return coco_images(path, folder)
