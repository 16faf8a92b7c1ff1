# Copyright 2026 mot_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

from hypothesis import given
from hypothesis import strategies as st
import pytest
import torch

from mot_ros.tracking.nets.search_region import Memory, SearchRegion

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


def test_moved_by_hand():
    rows = Memory(torch.ones(1, 1, 1, 1), torch.tensor([[10.0, 20, 30, 60]]),
                  torch.tensor([[15.0, 30, 25, 50]]))
    warp = torch.tensor([[2.0, 0, 5], [0, 2, -3]])
    moved = rows.moved(warp, torch.tensor([[1.0, 10]]))
    # the centre (20, 40) goes to (45, 77) and on to (46, 87), sides double
    assert moved.search.tolist() == [[26, 47, 66, 127]]
    assert moved.template.tolist() == [[36, 67, 56, 107]]
    assert moved.features is rows.features


def test_a_rotation_keeps_sizes():
    rows = memory(3)
    turn = torch.tensor([[0.0, -1, 640], [1, 0, 0]])
    moved = rows.moved(turn)
    assert torch.allclose(moved.template[:, 2:] - moved.template[:, :2],
                          rows.template[:, 2:] - rows.template[:, :2], atol=1e-4)
    centres = (rows.template[:, :2] + rows.template[:, 2:]) / 2
    expected = torch.stack([640 - centres[:, 1], centres[:, 0]], dim=1)
    assert torch.allclose(
        (moved.template[:, :2] + moved.template[:, 2:]) / 2, expected, atol=1e-4)


def test_every_row_may_have_its_own_warp():
    rows = memory(2)
    warps = torch.stack([torch.eye(2, 3), torch.tensor([[3.0, 0, 1], [0, 3, 2]])])
    moved = rows.moved(warps)
    assert torch.allclose(moved.search[0], rows.search[0], atol=1e-4)
    assert torch.allclose(moved.search[1], rows[1:].moved(warps[1]).search[0])


def test_not_moved_at_all():
    rows = memory(2)
    assert torch.allclose(rows.moved().search, rows.search, atol=1e-4)


@given(st.floats(-200, 200), st.floats(-200, 200), st.floats(0.5, 2))
def test_regions_move_as_the_boxes_they_are_around(dx, dy, scale):
    rows = memory(2)
    warp = torch.tensor([[scale, 0, dx], [0, scale, dy]])
    moved = rows.moved(warp)
    # apart from the +1 of the sides, which does not grow
    assert torch.allclose(moved.search, SearchRegion().around(moved.template), atol=1.1)
