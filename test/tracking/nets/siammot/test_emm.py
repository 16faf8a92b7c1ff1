# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import dataclasses
import math

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mot_ros.tracking.nets.rcnn.roi_align import levels_of
from mot_ros.tracking.nets.siammot.emm import (
    correlate,
    DECODED_TOGETHER,
    Emm,
    EmmPredictor,
)
from mot_ros.tracking.nets.siammot.emm_decode import (
    cosine_window,
    decode,
    EmmOptions,
    position,
    ranked,
    Response,
    scale_penalty,
    UPSAMPLING,
    upsampling,
)
from mot_ros.tracking.nets.siammot.search_region import Memory, SearchRegion

BOX = torch.tensor([[100.0, 200, 149, 319]])
WIDTH = 8


def pyramid(seed=0, width=WIDTH, images=1, size=(320, 192)):
    """Return P2 to P6 of an input of (width, height), filled by chance."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(images, width, size[1] // stride, size[0] // stride, generator=generator)
            for stride in (4, 8, 16, 32, 64)]


def emm(width=WIDTH, seed=0, **options):
    torch.manual_seed(seed)
    return Emm(width, EmmOptions(**options)).eval()


def some_boxes():
    """Return boxes of several levels, some partly or wholly outside the image."""
    return torch.tensor([
        [20.0, 30, 60, 110], [-30, 40, 25, 160], [100, -50, 260, 150], [290, 150, 380, 260],
        [400, 300, 440, 380], [-900, -900, -820, -700], [5, 5, 9, 14], [10, 20, 300, 180]])


def sampled(plane, y, x):
    """Return one bilinear sample of a map (C, H, W), zero if more than a cell outside."""
    height, width = plane.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(len(plane))
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    low_y, low_x = int(y), int(x)
    high_y, high_x = min(low_y + 1, height - 1), min(low_x + 1, width - 1)
    b, a = y - low_y, x - low_x
    return ((1 - b) * (1 - a) * plane[:, low_y, low_x] + (1 - b) * a * plane[:, low_y, high_x]
            + b * (1 - a) * plane[:, high_y, low_x] + b * a * plane[:, high_y, high_x])


def padded_roi_align(features, region, level, cells, pad):
    """Pool one region as the published code does: pad the map, shift the region, ROIAlign."""
    stride = 4 * 2 ** level
    plane = F.pad(features[level][0], [pad // stride] * 4).double().numpy()
    x1, y1, x2, y2 = ((region.double() + pad) / stride).tolist()
    bin_w, bin_h = max(x2 - x1, 1) / cells, max(y2 - y1, 1) / cells
    pooled = np.zeros((len(plane), cells, cells))
    for row in range(cells):
        for column in range(cells):
            for dy in (0.25, 0.75):
                for dx in (0.25, 0.75):
                    pooled[:, row, column] += sampled(
                        plane, y1 + (row + dy) * bin_h, x1 + (column + dx) * bin_w) / 4
    return torch.from_numpy(pooled)


def seven_maps(response, search, template, options):
    """Decode as the published code does: all maps, all locations, one track at a time."""
    boxes, visibilities = [], []
    for row in range(len(search)):
        classes, centre, sides = (
            F.interpolate(part[row:row + 1].double(), scale_factor=UPSAMPLING, mode='bicubic',
                          align_corners=False)[0]
            for part in (response.classes, response.centerness, response.sides))
        n = classes.shape[-1]
        points = options.search_cells * UPSAMPLING
        cut = (points - n) // 2
        x1, y1, x2, y2 = search[row].double() + 512
        xs = torch.linspace(x1, x2, points, dtype=torch.float64)[cut:cut + n] - 512
        ys = torch.linspace(y1, y2, points, dtype=torch.float64)[cut:cut + n] - 512
        visible = classes.softmax(0)[1]
        quality = visible * centre[0].sigmoid() if options.centerness else visible
        w, h = (template[row, 2:] - template[row, :2]).double()
        cw = (sides[0] + sides[2]).clamp(min=1e-3)
        ch = (sides[1] + sides[3]).clamp(min=1e-3)
        hann = torch.tensor(
            [0.5 - 0.5 * math.cos(2 * math.pi * i / n) for i in range(n)], dtype=torch.float64)
        window = torch.outer(hann, hann)
        weight = options.window_weight
        if options.ranking == 'code':
            change = torch.maximum(cw / w, w / cw) * torch.maximum(ch / h, h / ch)
            rank = (1 - weight) * quality * torch.exp(options.penalty * (1 - change)) \
                + weight * window
        else:
            same = torch.exp(-((cw / w).log() ** 2 + (ch / h).log() ** 2) / 0.5)
            rank = quality * (weight * window + (1 - weight) * same)
        at = int(rank.argmax())
        y, x = divmod(at, n)
        left, top, right, bottom = sides[:, y, x]
        boxes.append(torch.stack([xs[x] - left, ys[y] - top, xs[x] + right, ys[y] + bottom]))
        visibilities.append(visible[y, x])
    return torch.stack(boxes).float(), torch.stack(visibilities).float()


def planted(row, column, sides, cells=16, peak=4.0):
    """Return a response that sees the track at one cell only, its sides the same everywhere."""
    classes = torch.zeros(1, 2, cells, cells)
    classes[:, 1] = -peak
    classes[0, 1, row, column] = peak
    return Response(
        classes, torch.zeros(1, 1, cells, cells),
        torch.tensor(sides)[None, :, None, None].expand(1, 4, cells, cells))


def by_chance(rows, cells=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (rows, 7, cells, cells)
    maps = torch.randn(shape, generator=generator)
    return Response(maps[:, :2] * 3, maps[:, 2:3], (maps[:, 3:] * 30 + 20).relu())


class TestGrid:
    """The golden vectors of the published code."""

    def test_finer_grid(self):
        search, options = SearchRegion().around(BOX), EmmOptions()
        index = torch.tensor([0, 255, 128])
        x, y = position(search.expand(3, 4), index, index, options, UPSAMPLING)
        assert x.tolist() == pytest.approx([98.14825, 150.85181, 124.60333], abs=5e-5)
        assert y.tolist() == pytest.approx([195.88306, 323.11688, 259.74945], abs=5e-5)

    def test_grid_of_cells(self):
        search, options = SearchRegion().around(BOX), EmmOptions()
        index = torch.tensor([0, 15])
        x, y = position(search.expand(2, 4), index, index, options)
        assert x.tolist() == pytest.approx([98.89655, 150.10345], abs=1e-5)
        assert y.tolist() == pytest.approx([197.68964, 321.31036], abs=3e-5)

    def test_window(self):
        window = cosine_window(256, BOX)
        assert [window[at].item() for at in ((0, 0), (64, 64), (128, 128), (128, 64))] \
            == pytest.approx([0, 0.25, 1, 0.5], abs=1e-6)

    def test_scale_penalty(self):
        width, height = torch.tensor([49.0, 98, 24.5]), torch.tensor([119.0, 119, 238])
        penalty = scale_penalty(width, height, torch.tensor(49.0), torch.tensor(119.0), 0.1)
        assert penalty.tolist() == pytest.approx([1, 0.90484, 0.74082], abs=5e-6)
        assert penalty[1].item() == pytest.approx(math.exp(-0.1))

    @pytest.mark.parametrize(('weight', 'centerness', 'box', 'visibility'), [
        (0.4, True, (96.74945, 210.72650, 146.74945, 328.72650), 0.969417),
        (0.1, True, (96.33612, 211.22546, 146.33612, 329.22546), 0.981394),
        (0.4, False, (96.54279, 210.72650, 146.54279, 328.72650), 0.975941)])
    def test_synthetic_decode(self, weight, centerness, box, visibility):
        options = EmmOptions(window_weight=weight, centerness=centerness)
        boxes, seen = decode(
            planted(9, 5, [20.0, 60, 30, 58]), SearchRegion().around(BOX), BOX, options)
        assert boxes[0].tolist() == pytest.approx(box, abs=5e-5)
        assert seen.item() == pytest.approx(visibility, abs=1e-6)

    @pytest.mark.parametrize(('scale', 'cells', 'searched', 'response'), [
        (2, 15, 30, 16), (3, 15, 45, 31), (4, 15, 60, 46), (5, 7, 35, 29)])
    def test_sizes(self, scale, cells, searched, response):
        options = EmmOptions(SearchRegion(scale=scale), cells)
        assert (options.search_cells, options.response_cells) == (searched, response)

    @pytest.mark.parametrize('template_cells', [3, 6, 7, 14, 15])
    @pytest.mark.parametrize('scale', [1.1, 2, 2.5, 5])
    def test_as_far_to_all_sides(self, template_cells, scale):
        options = EmmOptions(SearchRegion(scale=scale), template_cells)
        for finer in (1, UPSAMPLING):
            ends = torch.tensor([0, options.response_cells * finer - 1])
            x, y = position(options.region.around(BOX).expand(2, 4), ends, ends, options, finer)
            assert (x.mean().item(), y.mean().item()) == pytest.approx((124.5, 259.5), abs=1e-3)

    @pytest.mark.parametrize(('scale', 'reach'), [(2, 0.517), (3, 1.0), (4, 1.5)])
    def test_reach_in_widths_of_the_box(self, scale, reach):
        options = EmmOptions(SearchRegion(scale=scale))
        last = torch.tensor([options.response_cells - 1])
        x, _ = position(options.region.around(BOX), last, last, options)
        assert (x.item() - 124.5) / 50 == pytest.approx(reach, abs=0.02)


class TestDecode:
    """Four maps of a track instead of seven, and no locations."""

    @pytest.mark.parametrize('ranking', ['code', 'paper'])
    @pytest.mark.parametrize('centerness', [True, False])
    def test_as_with_all_maps(self, ranking, centerness):
        options = EmmOptions(ranking=ranking, centerness=centerness)
        template = some_boxes()
        search = options.region.around(template)
        response = by_chance(len(template))
        boxes, visibility = decode(response, search, template, options)
        expected, seen = seven_maps(response, search, template, options)
        assert torch.allclose(boxes, expected, atol=2e-3)
        assert torch.allclose(visibility, seen, atol=1e-5)

    def test_as_with_all_maps_of_the_airborne_preset(self):
        options = EmmOptions(SearchRegion(scale=5), 7, 0.1, False)
        response = by_chance(1, options.response_cells)
        search = options.region.around(BOX)
        boxes, visibility = decode(response, search, BOX, options)
        expected, seen = seven_maps(response, search, BOX, options)
        assert torch.allclose(boxes, expected, atol=2e-3)
        assert torch.allclose(visibility, seen, atol=1e-5)

    @pytest.mark.parametrize('scale', [2, 3])
    @pytest.mark.parametrize(('row', 'column'), [(0, 0), (3, 12), (15, 15), (8, 7)])
    def test_planted_cell_gives_the_box_there(self, scale, row, column):
        options = EmmOptions(SearchRegion(scale=scale), window_weight=0.0)
        search = options.region.around(BOX)
        x, y = position(search, torch.tensor([row]), torch.tensor([column]), options)
        truth = torch.stack([x - 25, y - 60, x + 24, y + 59], dim=1)
        response = planted(row, column, [25.0, 60, 24, 59], options.response_cells)
        boxes, _ = decode(response, search, BOX, options)
        # to half a cell: the finer grid goes on from edge to edge of the outermost cells, and
        # at the border the peak has no other side
        step = (search[0, 2:] - search[0, :2]) / options.search_cells
        assert ((boxes - truth).abs()[0] <= step.repeat(2)).all()

    def test_negative_sides_do_no_harm(self):
        sides = torch.zeros(1, 4, 16, 16)
        # bicubic upsampling overshoots below zero beside this
        sides[:, :, 8, 8] = 80
        classes = torch.zeros(1, 2, 16, 16)
        response = Response(classes, torch.zeros(1, 1, 16, 16), sides)
        boxes, visibility = decode(response, SearchRegion().around(BOX), BOX, EmmOptions())
        assert boxes.isfinite().all()
        assert visibility.item() == pytest.approx(0.5)

    def test_a_template_of_one_pixel(self):
        template = torch.tensor([[50.0, 50, 50, 50]])
        boxes, visibility = decode(
            by_chance(1), SearchRegion().around(template), template, EmmOptions())
        assert boxes.isfinite().all() and visibility.isfinite().all()

    @pytest.mark.parametrize('ranking', ['code', 'paper'])
    def test_a_template_without_an_inside(self, ranking):
        # of half a pixel by the +1 convention; every other size is far from that
        template = torch.tensor([[50.0, 50, 49.5, 49.5]])
        options = EmmOptions(ranking=ranking)
        quality, size = torch.full((1, 8, 8), 0.5), torch.full((1, 8, 8), 20.0)
        rank = ranked(quality, size, size, template, options)
        window = cosine_window(8, quality)
        expected = 0.4 * window * (0.5 if ranking == 'paper' else 1)
        assert torch.allclose(rank[0], expected, atol=1e-6)

    def test_upsampling_is_bicubic(self):
        maps = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
        matrix = upsampling(16, maps)
        expected = F.interpolate(maps, scale_factor=16, mode='bicubic', align_corners=False)
        assert torch.allclose(matrix @ maps @ matrix.mT, expected, atol=1e-5)

    def test_paper_ranking_wants_to_be_seen(self):
        # the window alone does not make a position the best, as with the code's sum
        quality = torch.zeros(1, 32, 32)
        quality[0, 3, 4] = 0.1
        size = torch.full((1, 32, 32), 49.0), torch.full((1, 32, 32), 119.0)
        best = {ranking: int(ranked(quality, *size, BOX, EmmOptions(ranking=ranking)).argmax())
                for ranking in ('code', 'paper')}
        assert best == {'code': 16 * 32 + 16, 'paper': 3 * 32 + 4}

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 1000), st.floats(-300, 300), st.floats(-300, 300))
    def test_regions_elsewhere_give_the_same_box_there(self, seed, dx, dy):
        response, options = by_chance(1, seed=seed), EmmOptions()
        move = torch.tensor([[dx, dy, dx, dy]])
        here, seen = decode(response, options.region.around(BOX), BOX, options)
        there, again = decode(response, options.region.around(BOX + move), BOX + move, options)
        # between positions of equal rank rounding decides
        if torch.allclose(seen, again, atol=1e-4):
            assert torch.allclose(here + move, there, atol=0.5)
        assert 0 <= seen.item() <= 1


class TestPooling:
    """Search regions of unpadded maps."""

    @pytest.mark.parametrize(('cells', 'scale'), [(3, 2), (2, 3)])
    def test_as_with_padded_maps(self, cells, scale):
        features, boxes = pyramid(), some_boxes()
        module = emm(template_cells=cells, region=SearchRegion(scale=scale))
        seen = []
        module.predictor.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        memory = module.extract_templates(features, boxes)
        # a template of one 1 at its corner passes the upper left of the region on as it is
        features_of_one = torch.zeros_like(memory.features)
        features_of_one[:, :, 0, 0] = 1
        module.respond(features, dataclasses.replace(memory, features=features_of_one))
        n = module.options.response_cells
        for row, level in enumerate(levels_of(boxes).tolist()):
            expected = padded_roi_align(
                features, memory.search[row], level, module.options.search_cells, 512)
            assert torch.allclose(seen[0][row].double(), expected[:, :n, :n], atol=1e-4)

    def test_level_is_that_of_the_template(self):
        features = [torch.full((1, WIDTH, 48 >> level, 80 >> level), float(level))
                    for level in range(5)]
        # the box belongs to P2, a region of three times its size would not
        box = torch.tensor([[100.0, 50, 190, 140]])
        module = emm(region=SearchRegion(scale=3))
        assert levels_of(module.options.region.around(box)).item() > 0
        seen = []
        module.predictor.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        memory = module.extract_templates(features, box)
        module.respond(features, memory)
        assert (memory.features == 0).all()
        assert (seen[0] == 0).all()


class TestCorrelation:
    def test_one_by_one(self):
        generator = torch.Generator().manual_seed(0)
        searched = torch.randn(3, 4, 9, 9, generator=generator)
        templates = torch.randn(3, 4, 4, 4, generator=generator)
        result = correlate(searched, templates)
        assert result.shape == (3, 4, 6, 6)
        for k in range(3):
            for c in range(4):
                for y in range(6):
                    for x in range(6):
                        window = searched[k, c, y:y + 4, x:x + 4]
                        expected = (window * templates[k, c]).sum().item()
                        assert result[k, c, y, x].item() == pytest.approx(expected, abs=1e-5)

    @pytest.mark.parametrize(('row', 'column'), [(0, 0), (15, 15), (3, 11)])
    def test_planted_template_peaks_where_it_is(self, row, column):
        generator = torch.Generator().manual_seed(2)
        template = torch.randn(1, 16, 15, 15, generator=generator)
        searched = torch.zeros(1, 16, 30, 30)
        searched[:, :, row:row + 15, column:column + 15] = template
        response = correlate(searched, template).sum(1)
        assert divmod(int(response.argmax()), 16) == (row, column)

    @pytest.mark.parametrize(('scale', 'reached', 'lost'), [(2, 0.48, 0.8), (3, 0.95, 1.4)])
    def test_how_far_a_track_is_found(self, scale, reached, lost):
        """A texture that moves by so much of its width is found within the reach of r only."""
        options = EmmOptions(SearchRegion(scale=scale))
        box = torch.tensor([[280.0, 150, 359, 229]])
        found = {}
        for fraction in (reached, lost):
            shift = round(fraction * 80 / 4) * 4
            features = pyramid(3, 16, size=(640, 384))
            features[0] = F.avg_pool2d(features[0], 3, 1, 1)
            moved = [torch.roll(features[0], shift // 4, dims=3), *features[1:]]
            module = Emm(16, options)
            seen = []
            module.predictor.register_forward_pre_hook(
                lambda _, inputs, seen=seen: seen.append(inputs[0]))
            module.respond(moved, module.extract_templates(features, box))
            best = seen[0].sum(1).flatten(1).argmax(1)
            n = options.response_cells
            x, y = position(options.region.around(box), best // n, best % n, options)
            centre = (box[0, 0] + box[0, 2]) / 2 + shift
            found[fraction] = abs(x.item() - centre.item()) < 6 and abs(y.item() - 189.5) < 6
        assert found == {reached: True, lost: False}


class TestModule:
    def test_names_and_shapes_of_the_published_tensors(self):
        shapes = {name: tuple(tensor.shape) for name, tensor in Emm(128).state_dict().items()}
        towers = {
            f'predictor.{tower}.{name}': shape for tower in ('cls_tower', 'reg_tower')
            for name, shape in (
                ('0.weight', (128, 128, 3, 3)), ('1.weight', (128,)), ('1.bias', (128,)))}
        assert shapes == towers | {
            'predictor.cls.weight': (2, 128, 3, 3), 'predictor.cls.bias': (2,),
            'predictor.center.weight': (1, 128, 3, 3), 'predictor.center.bias': (1,),
            'predictor.reg.weight': (4, 128, 3, 3), 'predictor.reg.bias': (4,)}

    @pytest.mark.parametrize(('width', 'groups'), [(128, 32), (64, 32), (48, 16), (8, 8)])
    def test_groups_fit_the_width(self, width, groups):
        assert EmmPredictor(width).cls_tower[1].num_groups == groups

    def test_sides_are_not_negative(self):
        response = EmmPredictor(8)(torch.randn(2, 8, 16, 16))
        assert (response.sides >= 0).all()
        assert response.classes.shape == (2, 2, 16, 16)
        assert response.centerness.shape == (2, 1, 16, 16)

    @torch.no_grad()
    def test_together_as_one_by_one(self):
        module, features, later = emm(), pyramid(0), pyramid(1)
        boxes = some_boxes().repeat(3, 1)
        boxes += torch.arange(len(boxes))[:, None]
        assert len(boxes) > DECODED_TOGETHER['cpu'] // 256 ** 2
        memory = module.extract_templates(features, boxes)
        found, visibility = module.search(later, memory)
        for row in range(len(boxes)):
            alone = module.extract_templates(features, boxes[row:row + 1])
            assert torch.allclose(alone.features[0], memory.features[row], atol=1e-5)
            box, seen = module.search(later, alone)
            assert torch.allclose(box[0], found[row], atol=1e-3)
            assert torch.allclose(seen[0], visibility[row], atol=1e-5)

    @torch.no_grad()
    def test_no_tracks(self):
        module, features = emm(), pyramid()
        memory = module.extract_templates(features, torch.zeros(0, 4))
        assert memory.features.shape == (0, WIDTH, 15, 15)
        boxes, visibility = module.search(features, memory)
        assert boxes.shape == (0, 4) and visibility.shape == (0,)
        assert len(Memory.joined([memory, module.extract_templates(features, some_boxes())])) == 8

    @torch.no_grad()
    def test_boxes_beyond_the_image_stay_there(self):
        module, features = emm(), pyramid()
        boxes, visibility = module.search(
            features, module.extract_templates(features, some_boxes()[5:6]))
        assert (boxes < 0).all()
        assert visibility.isfinite().all()

    @torch.no_grad()
    def test_options_of_one_call(self):
        features, later = pyramid(0), pyramid(1)
        boxes = some_boxes()
        wider = EmmOptions(SearchRegion(scale=3, widen=0.6), window_weight=0.1)
        module = emm()
        found, visibility = module.search(later, module.extract_templates(features, boxes), wider)
        module.options = wider
        expected, seen = module.search(later, module.extract_templates(features, boxes))
        assert torch.equal(found, expected) and torch.equal(visibility, seen)

    @torch.no_grad()
    def test_a_moved_memory_is_searched_elsewhere(self):
        module, features = emm(), pyramid()
        memory = module.extract_templates(features, some_boxes()[:1])
        later = [torch.roll(level, 64 >> number, dims=3)
                 for number, level in enumerate(pyramid(1)[:4], 2)]
        across = torch.tensor([64.0, 0, 64, 0])
        elsewhere = Memory(
            memory.features, memory.search + across, memory.template + across)
        there, _ = module.search(later, elsewhere)
        here, _ = module.search(pyramid(1), memory)
        assert torch.allclose(there, here + torch.tensor([64.0, 0, 64, 0]), atol=0.1)

    def test_images_of_a_batch(self):
        module, pair = emm(), pyramid(images=2)
        boxes, batch = some_boxes(), torch.tensor([0, 1, 0, 1, 0, 1, 0, 1])
        memory = module.extract_templates(pair, boxes, batch=batch)
        response = module.respond(pair, memory, batch=1 - batch)
        for image in (0, 1):
            own = [level[image:image + 1] for level in pair]
            other = [level[1 - image:2 - image] for level in pair]
            rows = batch == image
            alone = module.extract_templates(own, boxes[rows])
            assert torch.allclose(alone.features, memory.features[rows], atol=1e-6)
            expected = module.respond(other, alone)
            assert torch.allclose(expected.sides, response[rows].sides, atol=1e-4)

    @torch.no_grad()
    def test_half_precision_decodes_in_full(self):
        module, features, boxes = emm(), pyramid(), some_boxes()[:1]
        expected, seen = module.search(features, module.extract_templates(features, boxes))
        with torch.autocast('cpu', torch.bfloat16):
            memory = module.extract_templates(features, boxes)
            found, visibility = module.search(features, memory)
        assert found.dtype == visibility.dtype == torch.float32
        assert torch.allclose(found, expected, atol=2)
        assert torch.allclose(visibility, seen, atol=0.02)

    @pytest.mark.skipif(not torch.cuda.is_available(), reason='needs CUDA: this one has none')
    @torch.no_grad()
    def test_cuda_as_cpu(self):
        module, features, boxes = emm(), pyramid(), some_boxes()
        expected, seen = module.search(features, module.extract_templates(features, boxes))
        module, features = module.cuda(), [level.cuda() for level in features]
        found, visibility = module.search(
            features, module.extract_templates(features, boxes.cuda()))
        assert torch.allclose(found.cpu(), expected, atol=0.05)
        assert torch.allclose(visibility.cpu(), seen, atol=1e-4)
