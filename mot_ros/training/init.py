# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Initialise a network for training, with the weights of another one where they fit."""

from __future__ import annotations

from mot_ros.data.datasets.reid_crops import ReidCrops
from mot_ros.data.datasets.tracked_images import TrackCrops
from mot_ros.data.synthetic.frame_pairs import FramePairs
from mot_ros.data.synthetic.person_crops import Crops, MixedCrops, PersonCrops
from mot_ros.tracking.errors import ConfigError, WeightsError
from mot_ros.tracking.nets.backbones import efficientnet_lite
from mot_ros.tracking.nets.siammot import network as siammot
from mot_ros.tracking.nets.siammot.network import BODY, SiamMotNetwork
from mot_ros.tracking.nets.slm import network as slm
from mot_ros.tracking.nets.slm.small import (
    SlmLite,
    SlmSmall,
    trunk_from_lite,
    trunk_from_ssd,
)
from mot_ros.tracking.nets.slm.stripes import SlmStripes
from mot_ros.tracking.nets.slm.variants import AnySlm, make_slm
from mot_ros.tracking.nets.ssd.network import SsdMobileNetV3
from mot_ros.tracking.weights import store as weights
from mot_ros.training.config import SlmTrainingConfig, SsdTrainingConfig, TrainingConfig
from mot_ros.training.datasets import Datasets
from mot_ros.training.overfit import OverfitSubset
from mot_ros.training.tasks.base import Task
from mot_ros.training.tasks.siammot import SiamMotTask
from mot_ros.training.tasks.slm import SlmTask
from mot_ros.training.tasks.ssd import SsdTask

SSD_BODY = 'blocks.0.'
"""Prefix of names that only the weights of the default detector have."""


def make_task(config: TrainingConfig, datasets: Datasets) -> tuple[Task, str]:
    """
    Make the task of a configuration on these datasets; also describe its initial weights.

    Raises WeightsError if the weights named by `init` do not fit.
    """
    if isinstance(config, SlmTrainingConfig):
        slm_network = make_slm(config.network.variant)
        initial = init_weights(slm_network, config.init)
        crops = make_crops(config, datasets)
        people = crops.people
        source = OverfitSubset(crops, config.repeat) if config.repeat else crops
        return SlmTask(slm_network, source, config.loss, people), initial
    pairs: FramePairs = config.samples.make(datasets, config.recipe.seed)
    if config.repeat:
        pairs = OverfitSubset(pairs, config.repeat)
    if isinstance(config, SsdTrainingConfig):
        detector = SsdMobileNetV3()
        if config.init:
            weights.fit(detector, weights.load(config.init))
        initial = f'begins with {config.init or "random weights"}'
        return SsdTask(detector, pairs, config.loss, config.least), initial
    network = config.network.make()
    initial = init_weights(network, config.init)
    return SiamMotTask(network, pairs, config.loss, config.least), initial


def make_crops(config: SlmTrainingConfig, datasets: Datasets) -> Crops:
    """Make crops of people from cut-outs, re-ID crops and annotated video, in turn."""
    seed, parts = config.recipe.seed, list[Crops]()
    if datasets.cutouts:
        parts.append(PersonCrops(datasets.cutouts, datasets.photographs, config.samples, seed))
    if datasets.crops:
        parts.append(ReidCrops(datasets.crops, config.samples, seed + 2))
    if datasets.sequences:
        parts.append(TrackCrops(datasets.sequences, config.samples, seed + 1))
    if not parts:
        raise ConfigError(
            'no crops of people: SLM learns from cut-outs (folders with masks or polygons), re-ID '
            f'crops and annotated video, and there are {len(datasets.images)} images with boxes '
            'only')
    return parts[0] if len(parts) == 1 else MixedCrops(parts)


def init_weights(network: AnySlm | SiamMotNetwork, name_or_path: str) -> str:
    """
    Copy weights into a network where names and shapes match; describe how many did.

    Weights of the SSD and a published EfficientNet-Lite0 are copied into a backbone of the same
    architecture. Raises
    WeightsError if nothing matches, or only a part of the backbone does.
    """
    if not name_or_path:
        return 'begins with random weights'
    body, inside = BODY, siammot.CHECKPOINT_KEY
    if not isinstance(network, SiamMotNetwork):
        body, inside = 'resnet.' if isinstance(network, slm.Slm) else 'trunk.', slm.CHECKPOINT_KEY
    state = weights.load(name_or_path, inside=inside)
    if efficientnet_lite.MARK in state and isinstance(network, SlmLite | SlmStripes):
        try:
            state = trunk_from_lite(state)
        except KeyError as error:
            raise WeightsError(
                f'{name_or_path} is no whole EfficientNet-Lite0: {error.args[0]} is missing; '
                'download it again') from error
    elif any(name.startswith(SSD_BODY) for name in state):
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
