"""An S3-compatible server of this process, for tests of run folders that are not on a disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import fsspec
import pytest


@contextmanager
def served(bucket: str, secret: str = "testing") -> Iterator[str]:
    """The URL of a new bucket, s3://<bucket>, and an environment that leads every client of this process and of its
    children there.

    fsspec keeps one client for all who ask with the same arguments, and the address is no argument: without a look at
    the environment it would go on calling the server of an earlier test. So it forgets its clients at both ends.
    """
    s3fs = pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        try:
            fsspec.filesystem("s3").mkdir(bucket)
            yield f"s3://{bucket}"
        finally:
            s3fs.S3FileSystem.clear_instance_cache()
            server.stop()
