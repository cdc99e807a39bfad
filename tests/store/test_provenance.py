"""Where numbers come from, and that no secret comes with them."""

from __future__ import annotations

import json
import sys

import pytest

from unmaskbench.benchmark.store import provenance


@pytest.mark.parametrize(
    "text",
    [
        "bench run --token=SECRET", "bench run --token SECRET", "bench run --api-key SECRET --limit 4",
        "bench run --hf_token=SECRET", "HF_TOKEN=SECRET bench run", "bench run --root https://me:SECRET@host/data",
        "bench run --root https://SECRET@host/data", "bench run --root https://me:SEC/x@y:SECRET@host/d".replace("SEC/x@y:", ""),
        "bench run --root 'https://host/d?token=SECRET&x=1'", "https://host/d?X-Amz-Signature=SECRET&y=2",
        "--header 'Authorization: Bearer SECRET'", "--password SECRET", "password: SECRET",
    ],
)  # fmt: skip
def test_secrets_are_struck_out(text: str) -> None:
    cleaned = provenance.without_secrets(text)
    assert "SECRET" not in cleaned
    assert "***" in cleaned


@pytest.mark.parametrize(
    "text",
    ["bench run --suite quick --limit 4", "bench run --root https://host/lfw --methods a,b", "bench run --out token"],
)
def test_the_rest_stays(text: str) -> None:
    assert provenance.without_secrets(text) == text


def test_the_command_is_as_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/opt/env/bin/bench", "run", "--token", "abc123", "--limit", "4"])
    assert provenance.command() == "bench run --token *** --limit 4"


def test_versions_and_hardware_are_plain_and_free_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET_VARIABLE", "hunter2")
    found = {"versions": provenance.versions(), "hardware": provenance.hardware(), "git": provenance.commit()}
    assert "hunter2" not in json.dumps(found)
    assert found["versions"]["torch"] != "absent"  # type: ignore[index]
    assert found["hardware"]["cores"] >= 1  # type: ignore[index]
