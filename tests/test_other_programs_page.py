"""The page "What exists already": its remote service, asked as the page writes it, and its table of doors."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from tests.doc_examples import blocks
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.suite import parse
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.run.restore import Restorer

PAGE = Path(__file__).resolve().parents[1] / "docs" / "extend" / "other-programs.md"


class Service(BaseHTTPRequestHandler):
    """Paints the hole red."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        image, mask = (np.array(Image.open(io.BytesIO(base64.b64decode(asked[key])))) for key in ("image", "mask"))
        image[mask > 127] = (255, 0, 0)
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(buffer.getvalue())

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/restore"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_service_is_asked_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.chdir(tmp_path)
    ((title, code),) = blocks(PAGE, "py")
    Path(title).write_text(code, encoding="utf-8")
    (line,) = re.findall(r"^    bench run --methods '(command:python [^']+)'$", PAGE.read_text(encoding="utf-8"), re.M)
    entry = MethodEntry.model_validate(
        line.replace("http://gpu-box:8080/restore", address).replace("command:python", f"command:{sys.executable}")
    )
    assert entry.label == "service"
    image, mask = (torch.rand(2, 3, 16, 16) * 255).round() / 255, torch.zeros(2, 1, 16, 16)
    mask[..., 4:9, 4:9] = 1
    result = Restorer(entry, "cpu", "fp32").restore(image, mask, ["a", "b"])
    assert result.errors == ["", ""]
    assert torch.equal(result.raw, torch.where(mask > 0, torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1), image))
    gone = MethodEntry.model_validate(
        line.replace("http://gpu-box:8080", "http://127.0.0.1:9").replace("python", sys.executable, 1)
    )
    down = Restorer(gone, "cpu", "fp32").restore(image[:1], mask[:1], ["a"])
    assert "ended with code 1; its last words:" in down.errors[0]


def test_the_table_names_every_door() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8").split("## Published")[0], re.M))
    users = {name for name in METHODS if METHODS.card(name).provenance in ("user-model", "predictions-only")}
    assert told == {name for name in users if METHODS.get(name).__module__.startswith("unmaskbench.")}


def test_its_suite_is_valid() -> None:
    ((_, content),) = blocks(PAGE, "yaml")
    entry = parse(yaml.safe_load(content), "the page").methods[1]
    assert (entry.id, entry.label, entry.parameters["source"]) == (
        "diffusers",
        "sd",
        "runwayml/stable-diffusion-inpainting",
    )
