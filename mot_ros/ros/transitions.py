# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Answer every request for a lifecycle transition, also an impossible one."""

from __future__ import annotations

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode


def answer_impossible_transitions(node: LifecycleNode) -> None:
    """
    Have `~/change_state` answer "failed" where a transition is impossible in the present state.

    rclpy does the same from Kilted on. On Humble and Jazzy it raises in the service's callback,
    and the client waits forever.
    """
    service = next(each for each in node.services if each.srv_type is ChangeState)
    change_state = service.callback

    def answer(
            request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
        try:
            return change_state(request, response)
        # rcl's own error has no public name; what our transitions raise is caught before
        except RuntimeError as error:
            node.get_logger().error(f'no such transition now: {error}')
            response.success = False
            return response

    service.callback = answer
