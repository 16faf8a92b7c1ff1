# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

from hypothesis import given
from hypothesis import strategies as st
import pytest
import torch

from mot_ros.tracking.errors import WeightsError
from mot_ros.tracking.weights.key_matching import match_keys, state_dict_of, without_prefixes


def tensors(*names, shape=(2,)):
    return {name: torch.full(shape, float(number)) for number, name in enumerate(names)}


# finding the tensors

def test_tensors_are_found_in_the_first_container_that_has_any():
    inner, other = tensors('a'), tensors('b')
    assert state_dict_of(inner).keys() == {'a'}
    assert state_dict_of({'model': inner, 'ema': other, 'epoch': 3}).keys() == {'a'}
    assert state_dict_of({'model': {}, 'ema': other}).keys() == {'b'}
    assert state_dict_of({'own': inner, 'model': other}, ('own',)).keys() == {'a'}
    assert state_dict_of({'model': {'state_dict': inner}}).keys() == {'a'}


def test_what_is_no_tensor_is_passed_over():
    assert state_dict_of({'a': torch.zeros(1), 'version': 3, 7: torch.zeros(1)}).keys() == {'a'}


@pytest.mark.parametrize('content, found', [
    ({'epoch': 1, 'loss': 2.0}, 'the keys epoch, loss'), ([torch.zeros(1)], 'a list'),
    ({}, 'the keys ')])
def test_no_tensors_at_all(content, found):
    with pytest.raises(WeightsError, match=f'nor under model or ema or state_dict.*{found}'):
        state_dict_of(content)


def test_prefixes_go_as_often_as_they_stand_there():
    named, found = without_prefixes(tensors('module.module.a', 'b', 'x.module.c'))
    assert named.keys() == {'a', 'b', 'x.module.c'} and found == ('module.',)
    assert without_prefixes(tensors('a'))[1] == ()


def test_two_names_that_become_one():
    with pytest.raises(WeightsError, match=r'has a\.b twice, with and without module\.'):
        without_prefixes(tensors('a.b', 'module.a.b'))


# matching names

def test_equal_names_before_ends():
    state = tensors('head.weight', 'old.head.weight')
    found = match_keys(state, tensors('head.weight'))
    assert found.tensors['head.weight'] is state['head.weight']
    assert found.unexpected == ('old.head.weight',) and found.matched == ()


def test_a_longer_name_of_theirs_belongs_to_ours_if_it_is_the_only_one():
    found = match_keys(tensors('net.a.weight', 'net.b.weight'), tensors('a.weight', 'b.weight'))
    assert found.matched == ('net.a.weight -> a.weight', 'net.b.weight -> b.weight')
    assert found.complete and found.unexpected == ()
    found = match_keys(tensors('one.a.weight', 'two.a.weight'), tensors('a.weight'))
    assert found.missing == ('a.weight',)
    assert found.unexpected == ('one.a.weight', 'two.a.weight')


def test_of_shorter_names_of_theirs_the_longest_end_counts():
    state = tensors('weight', 'conv.weight')
    found = match_keys(state, tensors('body.conv.weight'))
    assert found.tensors['body.conv.weight'] is state['conv.weight']
    assert found.unexpected == ('weight',)


def test_one_name_of_theirs_for_two_of_ours_belongs_to_none():
    found = match_keys(tensors('conv.weight'), tensors('a.conv.weight', 'b.conv.weight'))
    assert found.tensors == {} and found.missing == ('a.conv.weight', 'b.conv.weight')
    assert found.unexpected == ('conv.weight',)


def test_ends_begin_after_a_dot():
    assert match_keys(tensors('xa.weight'), tensors('a.weight')).missing == ('a.weight',)


def test_what_is_known_to_be_unused_fills_no_gap():
    found = match_keys(
        tensors('aux.a.weight', 'b.num', 'c'), tensors('a.weight'), unused=('aux.', '.num'))
    assert found.missing == ('a.weight',)
    assert found.unused == ('aux.a.weight', 'b.num') and found.unexpected == ('c',)


names = st.lists(
    st.lists(st.sampled_from(['a', 'b', 'c', 'module']), min_size=1, max_size=4)
    .map('.'.join), unique=True, max_size=8)


@given(names, names)
def test_every_name_ends_up_in_one_place(theirs, ours):
    state = tensors(*theirs)
    try:
        named, _ = without_prefixes(state)
    except WeightsError:
        return
    found = match_keys(state, tensors(*ours))
    assert sorted([*found.tensors, *found.missing]) == sorted(ours)
    assert len(found.unexpected) + len(found.tensors) == len(named)
    # the slow way: whoever stands alone at the longest common end
    for name, tensor in found.tensors.items():
        source = next(other for other in named if named[other] is tensor)
        assert source == name or source.endswith(f'.{name}') or name.endswith(f'.{source}')
        if source != name:
            assert name not in named
    assert set(found.tensors) >= set(ours) & set(named)


# the report

def test_the_report_says_everything():
    state = {**tensors('module.a', 'net.b', 'aux.x'), 'c': torch.zeros(3),
             **tensors(*(f'extra{n}' for n in range(7)))}
    found = match_keys(
        state, tensors('a', 'b', 'c', 'd'), {'body': 'dla34', 'classes': '2'}, unused=('aux.',))
    assert found.report().splitlines() == [
        '2 tensors taken: body dla34, classes 2',
        'prefix taken off: module.',
        '1 matched by the end of the name: net.b -> b',
        '1 missing: d',
        '1 of another shape: c is (3,), expected (2,)',
        '1 left out, the network does not run them: aux.x',
        '7 left out, unknown: extra0, extra1, extra2, extra3, extra4 and 2 more']
    assert not found.complete
    with pytest.raises(WeightsError) as caught:
        found.check('x.pth')
    assert str(caught.value) == (
        'x.pth does not hold this network: 1 missing: d | 1 of another shape: c is (3,), '
        'expected (2,); choose the kind that the file is of')
    whole = match_keys(tensors('a'), tensors('a'))
    whole.check('x.pth')
    assert whole.report() == '1 tensors taken'
