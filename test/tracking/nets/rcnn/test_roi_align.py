# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import importlib.util
import math

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

from mot_ros.tracking.nets.rcnn import roi_align as module
from mot_ros.tracking.nets.rcnn.roi_align import CellTable, levels_of, roi_align
from test.tracking.waiting import no_waiting

SIZES = ((24, 40), (12, 20), (6, 10), (3, 5))
"""Rows and columns of P2 to P5 for an input of 160x96."""


def pyramid(channels=3, images=1, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(images, channels, *size, generator=generator).to(dtype) for size in SIZES]


def cell(plane, row, column):
    """Return the values (C,) of a cell, zero outside."""
    _, rows, columns = plane.shape
    if 0 <= row < rows and 0 <= column < columns:
        return plane[:, row, column]
    return plane.new_zeros(len(plane))


def bilinear(plane, y, x, outside):
    """Return what lies at a place between cells, corner by corner."""
    _, rows, columns = plane.shape
    if outside == 'clamp':
        if y < -1 or y > rows or x < -1 or x > columns:
            return plane.new_zeros(len(plane))
        y, x = min(max(y, 0.0), rows - 1.0), min(max(x, 0.0), columns - 1.0)
    top, left = math.floor(y), math.floor(x)
    down, right = y - top, x - left
    return (
        (1 - down) * (1 - right) * cell(plane, top, left)
        + (1 - down) * right * cell(plane, top, left + 1)
        + down * (1 - right) * cell(plane, top + 1, left)
        + down * right * cell(plane, top + 1, left + 1))


def slow(maps, boxes, batch, levels, size, sampling, outside):
    """Pool sample by sample."""
    result = torch.zeros(len(boxes), maps[0].shape[1], size, size, dtype=maps[0].dtype)
    for number, box in enumerate(boxes.tolist()):
        level = int(levels[number])
        plane = maps[level][int(batch[number])]
        x1, y1, x2, y2 = (value / (4 * 2 ** level) for value in box)
        width, height = max(x2 - x1, 1.0) / size, max(y2 - y1, 1.0) / size
        for row in range(size):
            for column in range(size):
                parts = [
                    bilinear(
                        plane, y1 + (row + (i + 0.5) / sampling) * height,
                        x1 + (column + (j + 0.5) / sampling) * width, outside)
                    for i in range(sampling) for j in range(sampling)]
                result[number, :, row, column] = sum(parts) / len(parts)
    return result


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_equals_the_slow_way(data):
    outside = data.draw(st.sampled_from(['clamp', 'zeros']))
    size, sampling = data.draw(st.sampled_from([(1, 1), (2, 2), (3, 2), (2, 3)]))
    maps = pyramid(images=2, dtype=torch.float64)
    side = st.floats(-90, 250, width=32)
    rows = data.draw(st.lists(
        st.tuples(side, side, side, side, st.integers(0, 1), st.integers(0, 3)), max_size=4))
    # inverted boxes too: they are one cell long
    boxes = torch.tensor([row[:4] for row in rows]).reshape(-1, 4)
    batch = torch.tensor([row[4] for row in rows], dtype=torch.int64)
    levels = torch.tensor([row[5] for row in rows], dtype=torch.int64)
    fast = roi_align(maps, boxes, batch, levels, size, sampling, outside)
    expected = slow(maps, boxes, batch, levels, size, sampling, outside)
    # a place is single precision: right on the line where samples end, either may be right
    far = (fast - expected).abs().amax(dim=(1, 2, 3)) > 1e-3
    moved = slow(maps, boxes + 1e-4, batch, levels, size, sampling, outside)
    back = slow(maps, boxes - 1e-4, batch, levels, size, sampling, outside)
    jumps = (moved - back).abs().amax(dim=(1, 2, 3)) > 1e-3
    assert not (far & ~jumps).any()


@pytest.mark.parametrize('outside', ['clamp', 'zeros'])
def test_equals_the_slow_way_at_the_sizes_in_use(outside):
    maps = pyramid(channels=2)
    boxes = torch.tensor([
        [3, 5, 40, 90], [-20, -30, 30, 20], [100, 60, 190, 140], [10, 10, 10, 10],
        [-300, -300, -200, -200], [0, 0, 159, 95]], dtype=torch.float32)
    batch, levels = torch.zeros(6, dtype=torch.int64), torch.tensor([0, 1, 2, 0, 1, 3])
    for size in (7, 15):
        fast = roi_align(maps, boxes, batch, levels, size, 2, outside)
        assert fast.shape == (6, 2, size, size)
        expected = slow(maps, boxes, batch, levels, size, 2, outside)
        torch.testing.assert_close(fast, expected, rtol=0, atol=1e-4)
        assert expected[0].abs().max() > 0.5 and not expected[4].any()


def test_zeros_outside_equal_a_padded_map():
    maps = pyramid(channels=2)
    pad = 128
    padded = [
        torch.nn.functional.pad(level, [pad // stride] * 4)
        for level, stride in zip(maps, (4, 8, 16, 32), strict=True)]
    boxes = torch.tensor([[-60, -40, 30, 50], [120, 70, 220, 150], [-90, -90, -80, -85.0]])
    batch, levels = torch.zeros(3, dtype=torch.int64), torch.tensor([0, 1, 2])
    torch.testing.assert_close(
        roi_align(maps, boxes, batch, levels, 6, outside='zeros'),
        roi_align(padded, boxes + pad, batch, levels, 6), rtol=0, atol=1e-4)


def test_boxes_of_many_images_and_levels_equal_one_by_one():
    maps = pyramid(channels=5, images=3, seed=4)
    generator = torch.Generator().manual_seed(5)
    corner = torch.rand(20, 2, generator=generator) * 100
    boxes = torch.cat([corner, corner + torch.rand(20, 2, generator=generator) * 80], dim=1)
    batch = torch.randint(0, 3, (20,), generator=generator)
    levels = torch.randint(0, 4, (20,), generator=generator)
    together = roi_align(maps, boxes, batch, levels, 7)
    for row in range(20):
        one = slice(row, row + 1)
        image = int(batch[row])
        alone = roi_align(
            [level[image:image + 1] for level in maps], boxes[one], batch[one] * 0, levels[one],
            7)
        torch.testing.assert_close(together[one], alone, rtol=0, atol=1e-5)


def test_a_ramp_is_read_where_the_bins_are():
    # the value of a cell is its column, so each bin reads the place of its own centre
    ramp = [torch.arange(size[1]).float().expand(1, 1, *size) for size in SIZES]
    pooled = roi_align(
        ramp, torch.tensor([[8.0, 8, 40, 40]]), torch.tensor([0]), torch.tensor([0]), 4)
    torch.testing.assert_close(pooled[0, 0, 0], torch.tensor([3.0, 5, 7, 9]))


@pytest.mark.parametrize('outside', ['clamp', 'zeros'])
def test_fixed_shapes_give_the_same_and_nobody_waits(outside):
    maps = pyramid(channels=5, images=2, seed=6)
    generator = torch.Generator().manual_seed(7)
    corner = torch.rand(60, 2, generator=generator) * 120 - 20
    boxes = torch.cat([corner, corner + torch.rand(60, 2, generator=generator) * 90], dim=1)
    batch = torch.randint(0, 2, (60,), generator=generator)
    levels = torch.randint(0, 4, (60,), generator=generator)
    table = CellTable.of(maps)
    with no_waiting():
        fixed = roi_align(table, boxes, batch, levels, 7, outside=outside)
        assert levels_of(boxes).shape == (60,)
    torch.testing.assert_close(
        fixed, roi_align(maps, boxes, batch, levels, 7, outside=outside), rtol=0, atol=1e-5)
    assert fixed.abs().max() > 1
    assert roi_align(table, boxes[:0], batch[:0], levels[:0], 7).shape == (0, 5, 7, 7)


def test_a_table_is_filled_anew_and_read_as_maps():
    maps, others = (pyramid(channels=5, images=2, seed=seed) for seed in (8, 9))
    table = CellTable.of(maps)
    address = table.cells.data_ptr()
    with no_waiting():
        table.fill(others)
    assert table.cells.data_ptr() == address
    for level, expected in zip(table.maps(), others[:4], strict=True):
        assert torch.equal(level, expected)
        assert level.is_contiguous(memory_format=torch.channels_last)
        # parts, no copies
        assert table.cells.data_ptr() <= level.data_ptr() < address + 4 * table.cells.numel()


def test_bins_are_the_sums_that_they_are_said_to_be():
    maps = pyramid(channels=5, images=2, seed=6)
    generator = torch.Generator().manual_seed(7)
    levels = torch.randint(0, 4, (50,), generator=generator)
    # the smallest level has 2 * 3 * 5 cells in both images
    rows, columns = torch.randint(0, 15, (2, 50, 2, 3), generator=generator)
    across, down = torch.rand(2, 50, 2, 3, generator=generator)
    taken = module._Taken(rows, across, columns, down)
    found = module._by_level(maps, taken, levels).reshape(50, 2, 2, 5)
    assert found.abs().max() > 1
    for box, y, x in np.ndindex(50, 2, 2):
        table = maps[levels[box]].permute(0, 2, 3, 1).reshape(-1, 5)
        by_hand = sum(
            across[box, y, a] * down[box, x, b] * table[rows[box, y, a] + columns[box, x, b]]
            for a in range(3) for b in range(3))
        torch.testing.assert_close(found[box, y, x], by_hand)


def test_no_boxes_and_damaged_boxes():
    maps = pyramid()
    none = torch.zeros(0, dtype=torch.int64)
    assert roi_align(maps, torch.zeros(0, 4), none, none, 7).shape == (0, 3, 7, 7)
    nan, inf = float('nan'), float('inf')
    boxes = torch.tensor([[nan] * 4, [0, 0, inf, 10], [-inf, 0, inf, 9], [1e30, 0, 1e35, 4]])
    levels = levels_of(boxes)
    assert levels.min() >= 0 and levels.max() <= 3
    for outside in ('clamp', 'zeros'):
        pooled = roi_align(maps, boxes, levels * 0, levels, 3, 2, outside)
        assert torch.isfinite(pooled).all()


def test_gradients_reach_the_maps():
    maps = [level.requires_grad_() for level in pyramid(channels=2, dtype=torch.float64)]
    boxes = torch.tensor([[3.0, 5, 40, 90], [-9, 20, 30, 60]])
    batch, levels = torch.zeros(2, dtype=torch.int64), torch.tensor([0, 1])
    fast = torch.autograd.grad(
        roi_align(maps, boxes, batch, levels, 3).square().sum(), maps[:2])
    plain = torch.autograd.grad(
        slow(maps, boxes, batch, levels, 3, 2, 'clamp').square().sum(), maps[:2])
    for one, other in zip(fast, plain, strict=True):
        assert other.abs().max() > 0.1
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_levels_of_the_published_boxes():
    boxes = torch.tensor([
        [0, 0, 49, 119], [0, 0, 110, 110], [0, 0, 111, 111], [0, 0, 223, 223], [0, 0, 447, 447],
        [0, 0, 10, 10], [0, 0, 5000, 5000]], dtype=torch.float32)
    assert levels_of(boxes).tolist() == [0, 0, 1, 2, 3, 0, 3]


def test_channels_last_maps_give_the_same():
    maps = pyramid(channels=4)
    last = [level.contiguous(memory_format=torch.channels_last) for level in maps]
    boxes, levels = torch.tensor([[3.0, 5, 40, 90]]), torch.tensor([1])
    pooled = roi_align(last, boxes, levels * 0, levels, 7)
    assert torch.equal(pooled, roi_align(maps, boxes, levels * 0, levels, 7))
    assert pooled.is_contiguous(memory_format=torch.channels_last)


def test_equals_torchvision_where_there_is_one():
    # no part of mot_ros needs torchvision, and most installations have none: the slow reference
    # above carries the specification, and this one confirms it where it can
    if importlib.util.find_spec('torchvision') is None:
        return
    from torchvision.ops import roi_align as other

    maps = pyramid(channels=4)
    boxes = torch.tensor([[3.0, 5, 40, 90], [-20, -30, 30, 20], [100, 60, 190, 140]])
    rows = torch.cat([torch.zeros(3, 1), boxes], dim=1)
    for level, features in enumerate(maps):
        levels = torch.full((3,), level)
        torch.testing.assert_close(
            roi_align(maps, boxes, levels * 0, levels, 7),
            other(features, rows, 7, 1 / (4 * 2 ** level), 2, False), rtol=0, atol=1e-5)
