# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
import torch

from mot_ros.tracking.nets.siammot.search_region import Memory, SearchRegion

BOX = torch.tensor([[100.0, 200, 149, 319]])


def memory(rows, cells=3):
    """Return a memory of which every row is different."""
    generator = torch.Generator().manual_seed(rows)
    corner = torch.rand(rows, 2, generator=generator) * 300
    template = torch.cat([corner, corner + 20 + torch.rand(rows, 2, generator=generator)], dim=1)
    features = torch.rand(rows, 4, cells, cells, generator=generator)
    return Memory(features, SearchRegion().around(template), template)


def test_region_of_the_published_code():
    padded = SearchRegion(scale=2).around(BOX) + 512
    assert padded.tolist() == [[587, 652, 686, 891]]


@pytest.mark.parametrize('scale', [1.5, 2, 3, 5])
def test_region_is_so_many_times_the_box_about_its_centre(scale):
    region = SearchRegion(scale=scale).around(BOX)[0]
    assert (region[2] - region[0] + 1).item() == pytest.approx(50 * scale)
    assert (region[3] - region[1] + 1).item() == pytest.approx(120 * scale)
    assert ((region[:2] + region[2:]) / 2).tolist() == [124.5, 259.5]


@pytest.mark.parametrize('scale', [2, 3, 5])
def test_minimum_side_holds_at_every_scale(scale):
    region = SearchRegion(scale=scale, minimum_side=320).around(BOX)[0]
    assert (region[2] - region[0] + 1).item() == pytest.approx(320)
    assert (region[3] - region[1] + 1).item() == pytest.approx(max(320, 120 * scale))


def test_widened_region_goes_by_the_height_of_narrow_boxes_only():
    options = SearchRegion(scale=2, widen=0.6)
    region = options.around(BOX)[0]
    assert (region[2] - region[0] + 1).item() == pytest.approx(2 * 0.6 * 120)
    assert (region[3] - region[1] + 1).item() == pytest.approx(2 * 120)
    broad = torch.tensor([[0.0, 0, 199, 99]])
    assert torch.equal(options.around(broad), SearchRegion(scale=2).around(broad))


def test_rows_go_together():
    rows = memory(4)
    chosen = rows[torch.tensor([2, 0])]
    assert len(chosen) == 2
    for field in ('features', 'search', 'template'):
        assert torch.equal(getattr(chosen, field)[0], getattr(rows, field)[2])
        assert torch.equal(getattr(chosen, field)[1], getattr(rows, field)[0])
    assert len(rows[torch.tensor([True, False, True, True])]) == 3


def test_a_row_put_aside_comes_back_unchanged():
    rows = memory(4)
    aside = rows[1:2]
    joined = Memory.joined([memory(3), aside, memory(0)])
    assert len(joined) == 4
    for field in ('features', 'search', 'template'):
        assert torch.equal(getattr(joined, field)[3], getattr(rows, field)[1])
