# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

import itertools

import numpy as np
import pytest

from mot_ros.data.synthetic.figures import draw_figures
from mot_ros.data.synthetic.person_crops import (
    bent,
    CropChoice,
    cut,
    dressed,
    erased,
    lit,
    MixedCrops,
    PersonCrops,
    recoloured,
)
from mot_ros.tracking.errors import ConfigError

FIGURES = draw_figures(6, 3)


def plain(**more):
    values = {'recolour': 0.0, 'crowd': 0.0, 'cover': 0.0, 'bend': 0.0, 'blur': 0.0, 'erase': 0.0}
    return CropChoice(**{**values, **more})


def test_a_sample_is_the_same_whenever_it_is_made():
    one, other = PersonCrops(FIGURES), PersonCrops(FIGURES)
    for index in (5, 0, 13):
        a, b = one.sample(index), other.sample(index)
        assert a.identity == b.identity
        np.testing.assert_array_equal(a.views, b.views)
        assert a.views.shape == (4, 128, 64, 3) and a.views.dtype == np.uint8
    assert not np.array_equal(
        one.sample(0).views, PersonCrops(FIGURES, seed=1).sample(0).views)


def test_a_round_shows_everybody_once_and_the_next_one_in_another_order():
    crops = PersonCrops(FIGURES, choice=plain())
    rounds = [[crops.sample(6 * number + place).identity for place in range(6)]
              for number in range(3)]
    assert all(sorted(found) == list(range(6)) for found in rounds)
    assert len({tuple(found) for found in rounds}) > 1


def test_another_colour_is_another_person():
    crops = PersonCrops(FIGURES, choice=plain(recolour=1.0))
    found = [crops.sample(index).identity for index in range(18)]
    assert len(set(found)) == 18 and min(found) >= 6


def test_views_differ_and_still_show_the_same_person():
    crops = PersonCrops(FIGURES, choice=plain(heights=(120.0, 190.0)))

    def middles(index):
        """Return the colours of chest and legs in each view."""
        views = crops.sample(index).views.astype(float)
        return np.concatenate([views[:, 40:60, 24:40].mean((1, 2)),
                               views[:, 80:100, 24:40].mean((1, 2))], axis=1)

    seen = {crops.sample(index).identity: middles(index) for index in range(6)}
    for views in seen.values():
        assert np.ptp(views, axis=0).max() > 5
    own = np.mean([np.linalg.norm(views[0] - views[1]) for views in seen.values()])
    others = np.mean([np.linalg.norm(seen[a][0] - seen[b][1])
                      for a in seen for b in seen if a != b])
    assert own < 0.8 * others


def test_light_leaves_the_outline():
    figure, generator = FIGURES[0].image, np.random.default_rng(0)
    for change in (lit, recoloured):
        changed = change(figure, generator)
        np.testing.assert_array_equal(changed[..., 3], figure[..., 3])
        assert np.abs(changed[..., :3].astype(int) - figure[..., :3]).mean() > 3


def test_a_twin_is_the_one_before_in_other_colours():
    crops = PersonCrops(FIGURES, choice=plain(twin=1.0, light=0.0, heights=(150.0, 150.0)))
    for number in range(0, 12, 2):
        first, second = crops.sample(number), crops.sample(number + 1)
        assert first.identity < 6 <= second.identity
        middle = (slice(None), slice(30, 100), slice(26, 38))
        apart = np.abs(first.views[middle].astype(int) - second.views[middle])
        assert apart.mean() > 15, number
    assert len({crops.sample(number).identity for number in range(1, 24, 2)}) == 12


def test_who_is_dressed_has_the_outline_of_one_and_the_colours_of_the_other():
    for figure, model in itertools.permutations(FIGURES[:4], 2):
        seen = dressed(figure.image, model.image)
        np.testing.assert_array_equal(seen[..., 3], figure.image[..., 3])

        def coat(image):
            part = image[image.shape[0] * 5 // 16:image.shape[0] * 7 // 16]
            return part[part[..., 3] > 127][:, :3].mean(axis=0)

        far = np.linalg.norm(coat(figure.image) - coat(model.image))
        near = np.linalg.norm(coat(seen) - coat(model.image))
        assert near < max(12, 0.35 * far)


def test_a_stripe_without_anything_gets_the_colours_of_the_whole():
    half = FIGURES[0].image.copy()
    half[:half.shape[0] // 2, :, 3] = 0
    assert dressed(half, FIGURES[1].image).shape == half.shape
    assert dressed(FIGURES[1].image, half).shape == FIGURES[1].image.shape


def test_all_views_are_dressed_if_they_shall_be():
    """Coats of dressed views are nearer to the person's own than to those of others."""
    def coats(dress):
        crops = PersonCrops(FIGURES, choice=plain(
            dress=dress, light=0.0, jitter=0.0, views=8, heights=(150.0, 150.0)))
        seen = {crops.sample(number).identity: crops.sample(number).views for number in range(6)}
        return seen, {who: views[:, 48:64, 28:36].astype(float).mean((0, 1, 2))
                      for who, views in seen.items()}

    views, dressed_coats = coats(1.0)
    before, own = coats(0.0)
    right = [who for who, coat in dressed_coats.items() if who == min(
        own, key=lambda other: np.linalg.norm(own[other] - coat))]
    assert len(right) >= 5
    assert not any(np.array_equal(views[who], before[who]) for who in views)


def test_who_bends_keeps_the_size_of_the_image_and_of_the_person():
    figure = FIGURES[0].image
    covers = [(bent(figure, np.random.default_rng(seed))[..., 3] > 127).mean()
              for seed in range(8)]
    before = (figure[..., 3] > 127).mean()
    assert np.ptp(covers) > 0.01
    assert all(0.5 * before < cover < 1.6 * before for cover in covers)


def test_boxes_are_cut_to_the_image():
    image = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30, 1).repeat(3, 2).astype(np.uint8)
    np.testing.assert_array_equal(cut(image, np.array([-5, 3.4, 7.6, 40])), image[3:20, 0:8])
    assert cut(image, np.array([40, 50, 60, 70])).shape == (2, 2, 3)


def test_what_is_erased_is_a_rectangle_of_a_part_of_the_crop():
    for seed in range(20):
        crop = erased(np.zeros((128, 64, 3), np.uint8), np.random.default_rng(seed))
        changed = crop.any(axis=2)
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        whole = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert changed.sum() == pytest.approx(whole[0] * whole[1], rel=0.01)
        assert 0.03 < whole[0] * whole[1] / (128 * 64) < 0.27


def test_choices_without_sense_are_refused():
    with pytest.raises(ConfigError, match='heights from 8 to 200'):
        CropChoice(heights=(30.0, 400.0))
    with pytest.raises(ConfigError, match='probabilities lie in'):
        CropChoice(blur=1.5)
    with pytest.raises(ConfigError, match='1 cut-outs; nobody can be told'):
        PersonCrops(FIGURES[:1])


def test_clothes_of_two_others_make_another_person():
    crops = PersonCrops(FIGURES, choice=plain(recolour=1.0, outfit=1.0, light=0.0))
    assert all(crops.sample(index).identity >= crops.people for index in range(6))
    # nothing is mirrored in hue: every colour is near one that somebody wears
    worn = np.concatenate([figure.image[..., :3][figure.image[..., 3] > 127]
                           for figure in FIGURES]).mean(0)
    shown = np.mean([crops.sample(index).views.mean((0, 1, 2)) for index in range(12)], axis=0)
    assert abs(shown - worn).max() < 60


def test_sources_in_turn_keep_their_people_apart():
    parts = [PersonCrops(FIGURES, choice=plain(recolour=.5)),
             PersonCrops(FIGURES[:4], choice=plain(recolour=.5))]
    mixed = MixedCrops(parts)
    assert mixed.people == 10
    once = set()
    for index in range(80):
        number, part = divmod(index, 2)
        own, found = parts[part].sample(number).identity, mixed.sample(index).identity
        if own < parts[part].people:
            assert found == own + 6 * part
        else:
            assert found >= 10 and found not in once
            once.add(found)
    assert len(once) > 20
