# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Training of the networks: losses, samples and the trainer."""
