"""Downloads: https only, whole, checked, bounded; nothing is left of one that failed. No network is opened here."""

from __future__ import annotations

import hashlib
import http.client
import io
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from unmaskbench.benchmark.plugins.weights.download import DownloadError, _HttpsOnly, download
from unmaskbench.benchmark.plugins.weights.files import WeightFile

CONTENT = b"w" * 5000
SHA = hashlib.sha256(CONTENT).hexdigest()
WEIGHT = WeightFile("w", "w.bin", "MIT", "its author", "things", url="https://example.org/w.bin", sha256=SHA)


class Answer(io.BytesIO):
    def __init__(self, content: bytes, length: str | None) -> None:
        super().__init__(content)
        self.headers = Message()
        if length is not None:
            self.headers["Content-Length"] = length


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    return tmp_path / "weights"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    def answer(what: Any) -> None:
        def open_(self: Any, url: str, timeout: float) -> Any:
            assert timeout > 0
            if isinstance(what, Exception):
                raise what
            return what

        monkeypatch.setattr(urllib.request.OpenerDirector, "open", open_)

    return answer


@pytest.mark.parametrize("length", [str(len(CONTENT)), None, "many"])
def test_a_whole_file_is_kept_under_its_name(cache: Path, serve: Any, length: str | None) -> None:
    serve(Answer(CONTENT, length))
    assert download(WEIGHT) == cache / "w.bin"
    assert (cache / "w.bin").read_bytes() == CONTENT
    assert [path.name for path in cache.iterdir()] == ["w.bin"]


@pytest.mark.parametrize(
    ("answer", "weight", "said"),
    [
        (Answer(b"other", None), WEIGHT, "gave another file: sha256 .* it was removed"),
        (Answer(CONTENT[:-1], "5000"), replace(WEIGHT, sha256=""), "ended after 4999 of 5000 bytes"),
        (urllib.error.URLError("no route"), WEIGHT, "cannot be reached .*no route.*bench weights add w FILE"),
        (TimeoutError("too slow"), WEIGHT, "cannot be reached"),
        (http.client.BadStatusLine("nonsense"), WEIGHT, "cannot be reached"),
        (Answer(CONTENT, None), replace(WEIGHT, url=""), "has no address to fetch from: get w.bin from its author"),
        (Answer(CONTENT, None), replace(WEIGHT, url="http://example.org/w.bin"), "only https"),
        (Answer(CONTENT, None), replace(WEIGHT, url="file:///etc/passwd"), "only https"),
    ],
)
def test_a_failed_download_leaves_nothing(cache: Path, serve: Any, answer: Any, weight: WeightFile, said: str) -> None:
    serve(answer)
    with pytest.raises(DownloadError, match=said):
        download(weight)
    assert not cache.exists() or list(cache.iterdir()) == []


def test_an_endless_file_is_stopped(cache: Path, serve: Any) -> None:
    serve(Answer(CONTENT, None))
    with pytest.raises(DownloadError, match=r"larger than .* stopped"):
        download(WEIGHT, limit_bytes=4000)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("target", ["http://example.org/w", "file:///etc/passwd", "ftp://example.org/w"])
def test_redirects_may_not_leave_https(target: str) -> None:
    request = urllib.request.Request("https://example.org/w.bin")
    with pytest.raises(DownloadError, match="only https"):
        _HttpsOnly().redirect_request(request, io.BytesIO(), 302, "Found", Message(), target)
    kept = _HttpsOnly().redirect_request(request, io.BytesIO(), 302, "Found", Message(), "https://cdn.example.org/w")
    assert kept.full_url == "https://cdn.example.org/w"
