"""The five paper suites load, name what exists, and measure every figure that stands beside a published one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unmaskbench.benchmark.cli.run import changed
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.suite_file import load_suite
from unmaskbench.benchmark.plugins.registry import DATASETS, MATCHERS, METRICS, OCCLUSIONS
from unmaskbench.reports.papers import COSTS, load_published

PAPERS = {
    "tsai2026": ("celeba_hq", "test", 224, "h2a_ms2a_gan"),
    "plesko2025": ("celeba", "test", 178, "modified_vnet"),
    "hosen2022": ("celeba", "test", 256, "ra_unet"),
    "jabbar2021": ("celeba", "test", 256, "fd_stackgan"),
    "randhawa2022": ("lfw", "view2", 256, "psp_unmask"),
}
ASKED_FOR_NOTHING = dict.fromkeys(
    (
        "methods",
        "dataset",
        "root",
        "split",
        "occlusions",
        "metrics",
        "matchers",
        "mask_source",
        "precision",
        "slice_by",
    ),
    "",
) | {"limit": 0}


def asked(name: str, **options: Any) -> Suite:
    """The suite as ``bench run --suite NAME`` would run it with these options."""
    return changed(load_suite(name), **(ASKED_FOR_NOTHING | options))


@pytest.mark.parametrize("name", PAPERS)
def test_suite_has_the_papers_protocol(name: str) -> None:
    dataset, split, size, method = PAPERS[name]
    suite = load_suite(name)
    assert suite.name == name
    assert [(entry.id, entry.split) for entry in suite.datasets] == [(dataset, split)]
    assert suite.size == size
    assert {"untouched", method} <= {entry.id for entry in suite.methods}
    assert "Reproduces" in suite.notes
    assert "stand in for the paper's" in suite.notes or "stands in for the paper's" in suite.notes


@pytest.mark.parametrize("name", PAPERS)
def test_suite_names_what_exists(name: str) -> None:
    suite = load_suite(name)
    for entry in suite.datasets:
        assert entry.split in DATASETS.card(entry.id).splits
    for entry in suite.occlusions:
        OCCLUSIONS.build(entry.id, **entry.parameters)
    for metric in suite.metrics:
        METRICS.get(metric.id)
    for matcher in suite.matchers:
        MATCHERS.get(matcher.id)


@pytest.mark.parametrize("name", PAPERS)
def test_suite_measures_what_stands_beside_its_paper(name: str) -> None:
    """Each rule's metric, matcher, output, dataset and occlusion is in the suite, for the suite's own data set."""
    suite = load_suite(name)
    paper = next(paper for paper in load_published() if paper["paper"]["id"] == name)
    metrics, matchers = {entry.id for entry in suite.metrics}, {entry.id for entry in suite.matchers}
    methods = {entry.id for entry in suite.methods}
    seen = 0
    for table in paper["tables"]:
        if table["protocol"]["dataset"] != suite.datasets[0].id:
            continue
        for rule in table["measured"]:
            seen += 1
            if rule["metric"] in COSTS:
                continue  # every run that times its methods has them
            if rule["setting"]:
                assert rule["matcher"] in matchers
                assert rule["output"] in suite.matcher_outputs
            else:
                assert rule["metric"] in metrics
                assert rule["output"] in suite.outputs
        if table["measured"]:
            assert any(entry.id in table["protocol"]["occlusion"] for entry in suite.occlusions)
            # enhancers come with their users' weights and are rows only there
            named = {row["method"] for row in table["rows"] if row["method"] and "+" not in row["method"]}
            assert named <= methods
        for row in table["rows"]:
            if row.get("beside", {}).get("output"):
                assert row["beside"]["output"] in suite.matcher_outputs
    assert seen > 0


@pytest.mark.parametrize("name", ["randhawa2022", "plesko2025"])
def test_runs_on_view_2_with_another_matcher(name: str) -> None:
    suite = asked(name, dataset="lfw", split="view2", root="faces", matchers="edgeface")
    entry = suite.datasets[0]
    assert (entry.id, entry.split, entry.root) == ("lfw", "view2", "faces")
    assert [matcher.id for matcher in suite.matchers] == ["edgeface"]
    assert suite.pairs.official
    assert "raw" in suite.matcher_outputs


@pytest.mark.parametrize("name", ["tsai2026", "plesko2025", "hosen2022", "jabbar2021"])
def test_other_datasets_take_their_place(name: str) -> None:
    suite = asked(name, dataset="synthetic")
    assert [(entry.id, entry.split, entry.limit) for entry in suite.datasets] == [("synthetic", "test", None)]


@pytest.mark.parametrize("name", ["randhawa2022", "plesko2025"])
def test_view_2_gives_the_6000_official_pairs_at_the_suites_size(name: str, home: Path) -> None:
    from unmaskbench.benchmark.plan.geometry import fit
    from unmaskbench.benchmark.plan.units import build_dataset

    root = home / "data" / "lfw"
    if not root.is_dir():
        pytest.skip(f"needs LFW at {root}")
    suite = asked(name, dataset="lfw", split="view2", root=str(root), matchers="edgeface")
    dataset = build_dataset(suite.datasets[0], suite.size)
    pairs = dataset.pairs()  # type: ignore[attr-defined]
    assert (len(pairs), sum(pair.genuine for pair in pairs)) == (6000, 3000)
    face = fit(dataset[0], suite.crop, suite.size)
    assert tuple(face.image.shape) == (3, suite.size, suite.size)


@pytest.mark.parametrize(("name", "split"), [("randhawa2022", "view2"), ("plesko2025", "test")])
def test_a_limit_of_eight_or_more_leaves_trials_of_both_kinds(name: str, split: str, home: Path) -> None:
    """On LFW, as the suites that recognise anybody run there."""
    from unmaskbench.benchmark.plan.limit import kept_samples
    from unmaskbench.benchmark.plan.units import build_dataset

    root = home / "data" / "lfw"
    if not root.is_dir():
        pytest.skip(f"needs LFW at {root}")
    suite = asked(name, dataset="lfw", root=str(root), matchers="edgeface")
    entry = suite.datasets[0]
    assert entry.split == split
    dataset = build_dataset(entry, suite.size)
    pairs = dataset.pairs()  # type: ignore[attr-defined]
    samples = dataset.samples
    for limit in (8, 9, 16, 33):
        kept = {samples[i].id for i in kept_samples(dataset, entry.model_copy(update={"limit": limit}), suite)}
        assert len(kept) == limit
        assert {pair.genuine for pair in pairs if pair.a in kept and pair.b in kept} == {True, False}, limit
