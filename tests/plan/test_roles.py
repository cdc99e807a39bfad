"""What roles ask of a suite: who is judged, what is refused, what is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests import tiny
from unmaskbench.benchmark.plan.method_rows import expand_methods
from unmaskbench.benchmark.plan.roles import role_remarks
from unmaskbench.benchmark.plan.suite import Suite, SuiteError
from unmaskbench.benchmark.plugins.types import Role, SampleRef


@pytest.fixture(autouse=True)
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def _refs(*given: tuple[str, str | None, Role]) -> list[SampleRef]:
    return [SampleRef(f"{person}/{n}", person, role) for n, (_, person, role) in enumerate(given)]


def _said(suite: Suite, refs: Sequence[SampleRef]) -> list[str]:
    return role_remarks(suite.datasets[0], refs, suite)


def test_drawn_over_worn_masks_is_refused() -> None:
    suite = tiny.suite()
    mixed = _refs(("", "a", "probe"), ("", "a", "gallery"))
    assert _said(suite, mixed) == [
        "tiny_faces: 1 of 2 photographs show masks that people wear; tiny_block is not drawn over them (the occlusion worn "
        "judges them)"
    ]
    with pytest.raises(SuiteError, match=r"all of its 1 photographs show masks .* use the occlusion worn"):
        _said(suite, mixed[:1])
    assert _said(suite, mixed[1:]) == []
    # An occlusion that leaves the cloth as it is draws nothing over it.
    assert _said(tiny.suite(occlusions=[{"id": "given", "parameters": {"level": None}}]), mixed[:1]) == []


def test_worn_needs_probes_and_a_gallery() -> None:
    suite = tiny.suite(occlusions=["worn"])
    with pytest.raises(SuiteError, match=r"no photograph has the role probe.*labels\.csv"):
        _said(suite, _refs(("", "a", "truth")))
    assert _said(suite, _refs(("", "a", "probe"), ("", "a", "gallery"))) == []
    assert "no photograph has the role gallery" in _said(suite, _refs(("", "a", "probe")))[0]
    assert (
        "stand aside under worn" in _said(suite, _refs(("", "a", "probe"), ("", "a", "gallery"), ("", "b", "truth")))[0]
    )


def test_people_that_cannot_be_judged_well_are_named() -> None:
    suite = tiny.suite(occlusions=["worn"])
    refs = _refs(("", "anna", "probe"), ("", "anna", "gallery"), ("", "ben", "probe"), ("", "anna", "calibration"))
    said = _said(suite, [*refs, SampleRef("stray", None, "probe")])
    assert len(said) == 3
    assert "1 worn photographs are nobody's" in said[0]
    assert (
        "1 people have a worn photograph and no bare one in the gallery (1 of them has one photograph), the first 'ben'"
        in said[1]
    )
    assert said[2].startswith("warning: tiny_faces: calibration shares 1 people with the probes, the first 'anna'")


def test_worn_and_drawn_do_not_stand_together() -> None:
    with pytest.raises(SuiteError, match="worn and tiny_block do not stand in one suite"):
        expand_methods(tiny.suite(occlusions=["worn", "tiny_block"]))


def test_holes_are_predicted_unless_masks_are_given() -> None:
    asked = tiny.suite(occlusions=["worn"], segmenter="tiny_segmenter")
    assert [(e.label, e.mask_source) for e in expand_methods(asked)] == [
        ("untouched", "predicted:tiny_segmenter"),
        ("tiny_fill", "predicted:tiny_segmenter"),
    ]
    given = asked.replaced(datasets=[{"id": "folder", "root": "x", "parameters": {"masks": "m"}}])
    assert [e.mask_source for e in expand_methods(given)] == ["", "oracle"]
    assert [e.mask_source for e in expand_methods(given.replaced(mask_source="predicted"))] == [
        "predicted:tiny_segmenter"
    ] * 2


def test_people_with_one_photograph_are_told_of_where_others_can_be_added() -> None:
    refs = [SampleRef("a/1", "anna"), SampleRef("a/2", "anna"), SampleRef("b/1", "ben"), SampleRef("x")]
    own = tiny.suite(datasets=[{"id": "folder", "root": "x"}])
    assert _said(own, refs) == [
        "folder: 1 of 2 people has one photograph, the first 'ben': it stands in impostor pairs alone"
    ]
    assert _said(own.replaced(matchers=[]), refs) == []
    assert _said(tiny.suite(), refs) == []
