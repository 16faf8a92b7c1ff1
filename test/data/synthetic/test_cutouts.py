# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""People cut out of images, and those that are drawn."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mot_ros.data.synthetic.backgrounds import background_files
from mot_ros.data.synthetic.cutouts import (
    cut_out,
    Cutout,
    CutoutFilter,
    read_cutouts,
    read_outlines,
)
from mot_ros.data.synthetic.figures import draw_figures
from mot_ros.data.synthetic.image_degradation import line_kernel
from mot_ros.data.synthetic.textures import noise, Texture
from mot_ros.tracking.errors import SourceError

SIZE = (160, 240)
"""Height and width of the images written here."""
WHOLE, AT_BORDER, SMALL, WIDE = (20, 20, 40, 100), (200, 20, 40, 100), (80, 20, 20, 40), (
    100, 60, 90, 90)


def write(folder: Path) -> Path:
    """Write one image with masks and outlines of four people: x, y, width, height."""
    for name in ('images', 'masks', 'polygons'):
        (folder / name).mkdir(parents=True)
    image, mask, lines = np.full((*SIZE, 3), 80, np.uint8), np.zeros(SIZE, np.uint8), []
    for number, (x, y, width, height) in enumerate((WHOLE, AT_BORDER, SMALL, WIDE), 1):
        image[y:y + height, x:x + width] = (number, 200, 2 * number)
        mask[y:y + height, x:x + width] = number
        right, low = x + width - 1, y + height - 1
        corners = [(x, y), (right, y), (right, low), (x, low)]
        lines.append(' '.join(['0', *(f'{a / SIZE[1]:.6f} {b / SIZE[0]:.6f}'
                                      for a, b in corners)]))
    cv2.imwrite(str(folder / 'images' / 'a.png'), image)
    cv2.imwrite(str(folder / 'masks' / 'a.png'), mask)
    (folder / 'polygons' / 'a.txt').write_text('\n'.join([*lines, '3 .1 .1 .2 .2 .3 .1']))
    return folder


@pytest.mark.parametrize('kind', ['masks', 'polygons'])
def test_only_whole_large_people_who_stand_are_cut_out(tmp_path: Path, kind: str) -> None:
    folder = write(tmp_path)
    other = {'masks': 'polygons', 'polygons': 'masks'}[kind]
    (folder / other).rename(folder / 'other')
    found, = read_cutouts(folder)
    # a soft edge makes it smaller by a pixel at most on each side
    assert abs(found.size[0] - WHOLE[2]) <= 2 and abs(found.size[1] - WHOLE[3]) <= 2
    assert found.image[50, 20].tolist() == [1, 200, 2, 255]
    assert found.label == 0
    low = read_cutouts(folder, CutoutFilter(30, (.5, 9)))
    assert len(low) == 3


def test_coco_counts_people_as_one(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / 'masks').rename(folder / 'other')
    file = folder / 'polygons' / 'a.txt'
    lines = file.read_text().splitlines()
    file.write_text('\n'.join(
        f'{int(line[0]) + 1}{line[1:]}' for line in lines))
    assert len(read_cutouts(folder)) == 1


def test_an_edge_is_soft_and_tight() -> None:
    mask = np.zeros((60, 60), bool)
    cv2.circle(view := mask.view(np.uint8), (30, 30), 20, 1, -1)
    assert view.any()
    cutout = cut_out(np.full((60, 60, 3), 9, np.uint8), mask)
    assert cutout is not None
    alpha = cutout.image[..., 3]
    opaque = alpha >= 128
    assert ((alpha > 0) & (alpha < 255)).any()
    assert opaque.any(axis=0)[[0, -1]].all() and opaque.any(axis=1)[[0, -1]].all()


def test_what_the_border_cuts_is_no_cutout() -> None:
    mask = np.zeros((50, 50), bool)
    mask[10:50, 10:20] = True
    assert cut_out(np.zeros((50, 50, 3), np.uint8), mask) is None
    assert cut_out(np.zeros((50, 50, 3), np.uint8), np.zeros((50, 50), bool)) is None


@pytest.mark.parametrize('text', ['0 .1 .1 .2 .2', '0 .1 .1 .2 .2 .3', '0 a b c d e f', '.5 ' * 7])
def test_a_broken_outline_names_its_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / 'a.txt'
    file.write_text(f'\n{text}\n')
    with pytest.raises(SourceError, match='line 2'):
        list(read_outlines(file))


def test_a_mask_in_colour_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    cv2.imwrite(str(folder / 'masks' / 'a.png'), np.ones((*SIZE, 3), np.uint8))
    with pytest.raises(SourceError, match='mask of one channel'):
        read_cutouts(folder)


def test_nobody_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match='polygons'):
        read_cutouts(tmp_path)
    (tmp_path / 'masks').mkdir()
    with pytest.raises(SourceError, match='nobody'):
        read_cutouts(tmp_path)
    with pytest.raises(SourceError, match='shape'):
        Cutout(np.zeros((4, 4, 3), np.uint8))


def test_drawn_figures_stand_and_differ() -> None:
    first, second = draw_figures(6, 1), draw_figures(6, 1)
    for one, two in zip(first, second, strict=True):
        assert one.image.tobytes() == two.image.tobytes()
        assert CutoutFilter().fits(*one.size)
        opaque = one.image[..., 3] >= 128
        assert opaque.any(axis=0)[[0, -1]].all() and opaque.any(axis=1)[[0, -1]].all()
    assert len({figure.image.tobytes() for figure in first}) == 6
    assert draw_figures(1, label=3)[0].label == 3


def test_images_with_people_are_no_background(tmp_path: Path) -> None:
    for name in ('images', 'labels'):
        (tmp_path / name).mkdir()
    for name, text in (('a', '0 .5 .5 .1 .1\n'), ('b', '7 .5 .5 .1 .1\n'), ('c', None)):
        cv2.imwrite(str(tmp_path / 'images' / f'{name}.png'), np.zeros((9, 9, 3), np.uint8))
        if text is not None:
            (tmp_path / 'labels' / f'{name}.txt').write_text(text)
    assert [file.stem for file in background_files(tmp_path)] == ['b', 'c']
    with pytest.raises(SourceError, match='without people'):
        background_files(tmp_path / 'labels')


@pytest.mark.parametrize('motion', [(0, 0), (5, 0), (0, -9), (7, 7), (-3.5, 12.25), (300, 10)])
def test_a_line_kernel_is_centred_and_as_long_as_the_motion(motion: tuple[float, float]) -> None:
    kernel = line_kernel(*motion)
    assert kernel.sum() == pytest.approx(1)
    assert kernel.shape[0] % 2 == 1 and kernel.shape[0] <= 43
    rows, columns = np.indices(kernel.shape) - kernel.shape[0] // 2
    mean = [(kernel * axis).sum() for axis in (columns, rows)]
    assert mean == pytest.approx([0, 0], abs=1e-4)
    if 5 <= np.hypot(*motion) < 40:
        # a line of length l has the variance l^2 / 12, to which the width of a pixel comes
        spread = np.sqrt(12 * (kernel * (columns ** 2 + rows ** 2)).sum())
        assert spread == pytest.approx(np.hypot(*motion), rel=.2)


def test_textures_go_on_where_they_end() -> None:
    field = noise(np.random.default_rng(0), (64, 128), (16,))
    steps = np.abs(np.diff(field, axis=1)).max()
    assert np.abs(field[:, 0] - field[:, -1]).max() <= 1.5 * steps
    copy, scale = Texture(np.zeros((64, 128, 3), np.uint8)).shrunk(4)
    assert (copy.shape, scale) == ((16, 32, 3), .25)
