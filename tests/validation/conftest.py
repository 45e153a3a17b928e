"""A Dask cluster of two worker processes, for all tests that need one."""

import pytest


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    from benchmarks._cluster import Cluster

    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running.start(workers=2)
