"""Download a file of weights: https only, redirects too, bounded in size, checked, and never half-written."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO

from unmaskbench.benchmark.plugins.weights.files import WeightFile, cache_folder, remedy

LIMIT_BYTES = 4 << 30
TIMEOUT_SECONDS = 60


class DownloadError(RuntimeError):
    """A download that failed or was refused; the message says why and what to do."""


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """A redirect from https to a file or to plain http is a trick, or an accident of the same effect."""

    def redirect_request(
        self,
        request: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        message: str,
        headers: http.client.HTTPMessage,
        url: str,
    ) -> urllib.request.Request | None:
        _require_https(url)
        return super().redirect_request(request, fp, code, message, headers, url)


def _require_https(url: str) -> None:
    if urllib.parse.urlsplit(url).scheme != "https":
        raise DownloadError(f"refused to fetch {url}: only https addresses are fetched")


def download(weight: WeightFile, limit_bytes: int = LIMIT_BYTES) -> Path:
    """Fetch ``weight`` into the cache and return its path. Raises DownloadError with the next step."""
    if not weight.url:
        raise DownloadError(f"'{weight.id}' has no address to fetch from: {remedy(weight)}")
    _require_https(weight.url)
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=weight.filename)
    try:
        with os.fdopen(handle, "wb") as target:
            digest = _fetch(weight, target, limit_bytes)
        if weight.sha256 and digest != weight.sha256:
            raise DownloadError(
                f"{weight.url} gave another file: sha256 {digest}, expected {weight.sha256}; it was removed"
            )
        os.replace(temporary, folder / weight.filename)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return folder / weight.filename


def _fetch(weight: WeightFile, target: IO[bytes], limit_bytes: int) -> str:
    from rich.progress import DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    digest = hashlib.sha256()
    opener = urllib.request.build_opener(_HttpsOnly())
    try:
        with (
            opener.open(weight.url, timeout=TIMEOUT_SECONDS) as stream,
            Progress(
                TextColumn(weight.filename),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                transient=True,
            ) as bars,
        ):
            stated = stream.headers.get("Content-Length") or ""
            size = int(stated) if stated.isdigit() else 0
            task = bars.add_task("", total=size or None)
            total = 0
            while block := stream.read(1 << 20):
                total += len(block)
                if total > limit_bytes:
                    raise DownloadError(f"{weight.url} is larger than {limit_bytes >> 20} MB: stopped")
                digest.update(block)
                target.write(block)
                bars.advance(task, len(block))
            if size and total != size:
                raise ConnectionError(f"the connection ended after {total} of {size} bytes")
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise DownloadError(
            f"{weight.url} cannot be reached ({error}); fetch it on another machine, then: bench weights add {weight.id} FILE"
        ) from error
    return digest.hexdigest()
