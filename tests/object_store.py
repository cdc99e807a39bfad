"""An S3-compatible server of this process, for tests of run folders that are not on a disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import fsspec
import pytest
from fsspec.registry import _registry


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


@contextmanager
def keys_alone(scheme: str) -> Iterator[dict[str, bytes]]:
    """A store behind ``scheme`` as Google's and Azure's are: objects under keys without a leading slash, and no folders.

    What lies in it, by key. It stands where their packages are asked for, which need an account or an emulator.
    """

    class KeysAlone(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
        protocol = scheme
        cachable = False
        objects: ClassVar[dict[str, bytes]] = {}

        def find(self, path: str, **options: object) -> dict[str, dict[str, object]]:
            under = {key: value for key, value in self.objects.items() if key.startswith(f"{path}/")}
            return {key: {"name": key, "size": len(value), "type": "file"} for key, value in under.items()}

        def cat_file(self, path: str, **options: object) -> bytes:
            try:
                return self.objects[path]
            except KeyError:
                raise FileNotFoundError(path) from None

        def pipe_file(self, path: str, value: bytes, **options: object) -> None:
            self.objects[path] = bytes(value)

        def rm_file(self, path: str) -> None:
            del self.objects[path]

        def makedirs(self, path: str, exist_ok: bool = False) -> None:
            raise AssertionError(f"a store of keys has no folder {path}")

    before = fsspec.registry.get(scheme)
    fsspec.register_implementation(scheme, KeysAlone, clobber=True)
    try:
        yield KeysAlone.objects
    finally:
        _registry.pop(scheme, None)
        if before is not None:
            fsspec.register_implementation(scheme, before, clobber=True)
