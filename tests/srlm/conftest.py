"""What tests of several packages of srlm need."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Ray head that computes nothing, and two nodes on this machine with room for one worker each."""
    from ray.cluster_utils import Cluster

    memory = {"object_store_memory": 100_000_000}
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **memory})
    for _ in range(2):
        found.add_node(num_cpus=1, **memory)
    yield found
    found.shutdown()
