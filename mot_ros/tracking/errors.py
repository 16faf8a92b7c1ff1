# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""One error hierarchy: every message says what was wrong, the value, and what to do."""


class MotError(Exception):
    """Base class of all errors that mot_ros raises on purpose."""


class ConfigError(MotError):
    """A setting is unknown, of the wrong type, out of range, or contradicts another."""


class FrameError(MotError):
    """One frame cannot be used; the tracker's state is unchanged."""


class WeightsError(MotError):
    """Weights are missing, altered, or do not fit the network."""


class SourceError(MotError):
    """A video, an image folder, a text file or a bag cannot be read."""


class OutputError(MotError):
    """A file or a folder cannot be written, or another run is writing it."""
