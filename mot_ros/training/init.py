# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What a training begins with: a network with the weights of another one where they fit."""

from __future__ import annotations

from mot_ros.data.datasets.tracked_images import TrackCrops
from mot_ros.data.synthetic.frame_pairs import FramePairs
from mot_ros.data.synthetic.person_crops import Crops, MixedCrops, PersonCrops
from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.nets.siammot import network as siammot
from mot_ros.tracking.nets.siammot.network import BODY, SiamMotNetwork
from mot_ros.tracking.nets.slm import network as slm
from mot_ros.tracking.nets.slm.small import SlmSmall, trunk_from_ssd
from mot_ros.tracking.nets.slm.variants import AnySlm, make_slm
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.weights import store as weights
from mot_ros.training.config import Plan, SlmPlan, SsdPlan
from mot_ros.training.datasets import Supplies
from mot_ros.training.overfit import Repeated
from mot_ros.training.tasks.base import Task
from mot_ros.training.tasks.siammot import SiamMotTask
from mot_ros.training.tasks.slm import SlmTask
from mot_ros.training.tasks.ssd import SsdTask

SSD_BODY = 'blocks.0.'
"""Names so only begin in the weights of the default detector."""


def make_task(plan: Plan, supplies: Supplies) -> tuple[Task, str]:
    """
    Return the task of a plan on these supplies, and a sentence about the weights it begins with.

    Raises WeightsError where the plan names weights that do not fit at all.
    """
    if isinstance(plan, SlmPlan):
        looks = make_slm(plan.network.variant)
        said = begin(looks, plan.init)
        crops = make_crops(plan, supplies)
        if plan.repeat:
            crops = Repeated(crops, plan.repeat)
        return SlmTask(looks, crops, plan.loss), said
    pairs: FramePairs = plan.samples.make(supplies, plan.recipe.seed)
    if plan.repeat:
        pairs = Repeated(pairs, plan.repeat)
    if isinstance(plan, SsdPlan):
        detector = SsdMobileNetV3()
        if plan.init:
            weights.fit(detector, weights.load(plan.init))
        said = f'begins with {plan.init or "random weights"}'
        return SsdTask(detector, pairs, plan.loss, plan.least), said
    network = plan.network.make()
    said = begin(network, plan.init)
    return SiamMotTask(network, pairs, plan.loss, plan.least), said


def make_crops(plan: SlmPlan, supplies: Supplies) -> Crops:
    """Return people out of cut-outs and out of video, whichever there are, in turn."""
    seed, parts = plan.recipe.seed, list[Crops]()
    if supplies.cutouts:
        parts.append(PersonCrops(supplies.cutouts, supplies.photographs, plan.samples, seed))
    if supplies.sequences:
        parts.append(TrackCrops(supplies.sequences, plan.samples, seed + 1))
    if not parts:
        raise ConfigError(
            f'nobody to look at: SLM learns from cut-outs (folders with masks or polygons) and '
            f'from annotated video, and there are {len(supplies.images)} images with boxes only')
    return parts[0] if len(parts) == 1 else MixedCrops(parts)


def begin(network: AnySlm | SiamMotNetwork, name_or_path: str) -> str:
    """
    Copy into a network what fits of weights, by names and shapes; return what was done.

    The weights of the default detector go into a body of their kind. Raises WeightsError where
    nothing fits, and where a part of the body does not: it would be half trained.
    """
    if not name_or_path:
        return 'begins with random weights'
    body, inside = BODY, siammot.CHECKPOINT_KEY
    if not isinstance(network, SiamMotNetwork):
        body, inside = 'trunk.' if isinstance(network, SlmSmall) else 'resnet.', slm.CHECKPOINT_KEY
    state = weights.load(name_or_path, inside=inside)
    if any(name.startswith(SSD_BODY) for name in state):
        state = trunk_from_ssd(state) if isinstance(network, SlmSmall) else {
            f'{BODY}{name}': tensor for name, tensor in state.items()}
    wanted = network.state_dict()
    fitting = {
        name: tensor for name, tensor in state.items()
        if name in wanted and wanted[name].shape == tensor.shape}
    missing = [
        name for name in wanted if name.startswith(body) and name not in fitting]
    if not fitting or missing:
        raise WeightsError(
            f'{name_or_path} does not fit {type(network).__name__}: {len(fitting)} of its '
            f'{len(wanted)} tensors are there, and of the body {len(missing)} are not; name '
            "other weights with --init, or 'none'")
    network.load_state_dict(fitting, strict=False)
    return (f'begins with {len(fitting)} of {len(wanted)} tensors of {name_or_path}, random '
            'numbers in the rest')
