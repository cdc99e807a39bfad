"""A run folder: its schema, its hashes, and that every part which it names is there and whole."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from unmaskbench.benchmark.plan.suite import SuiteError, digest, parse, samples_digest
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.store.folder import READABLE, SCHEMA, RunFolder, StoreError
from unmaskbench.benchmark.store.manifest import hash_of
from unmaskbench.benchmark.store.tables import ROWS, TABLE_ERRORS
from unmaskbench.benchmark.validate.findings import Findings, one_line
from unmaskbench.reports import board
from unmaskbench.reports.schema import BoardError

STATUSES = ("ok", "failed_restore", "failed_detect", "failed_score", "skipped")
HASHES = ("truth_sha256", "occluded_sha256", "mask_sha256")


def run_findings(folder: RunFolder) -> Findings:
    """What is wrong with a run on this machine (a URL's mirror is brought here first)."""
    findings = Findings(f"run {folder.path}", "run")
    try:
        run = folder.read_run()
    except StoreError as error:
        findings.problems.append(str(error))
        return findings
    schema = run.get("schema")
    if not findings.expect(schema in READABLE, f"run.json is of schema {schema!r}; this version reads {SCHEMA}"):
        return findings
    _check_suite(findings, run)
    units = run.get("units")
    if not isinstance(units, list) or not units:
        findings.problems.append("run.json names no unit of work")
        return findings
    keys = [str(unit["key"]) for unit in units if isinstance(unit, dict) and "key" in unit]
    absent = [key for key in keys if not folder.is_complete(key)]
    first = f", the first parts/{absent[0]}.parquet" if absent else ""
    findings.expect(
        not absent,
        f"{len(absent)} of {len(keys)} parts are absent or torn{first}; the same bench run computes them again",
    )
    _check_rows(findings, folder, [key for key in keys if key not in absent])
    _check_manifest(findings, folder.path, run)
    _check_board(findings, folder.path)
    present = {path.name.partition(".")[0] for path in (folder.path / "parts").glob("*.parquet")}
    strays = len(present - set(keys))
    if strays:
        findings.notes.append(f"{strays} parts belong to no unit of the last run")
    findings.facts |= {"units": len(keys), "suite": run.get("name")}
    return findings


def _check_board(findings: Findings, path: Path) -> None:
    try:
        board.load(path)
    except (BoardError, StoreError) as error:
        findings.problems.append(str(error))


def _check_suite(found: Findings, run: JsonObject) -> None:
    content = run.get("suite")
    try:
        parse(content, "run.json: suite")
        # As it was written: a suite of this version may have keys that an older run's had not.
        whole, of_samples = digest(content), samples_digest(content or {})
    except (SuiteError, KeyError) as error:
        found.problems.append(one_line(error))
        return
    found.expect(
        run.get("suite_hash") == whole, "run.json: suite_hash is not that of its suite: one of them was changed"
    )
    identity = run.get("identity")
    samples = identity.get("samples") if isinstance(identity, dict) else None
    found.expect(samples == of_samples, "run.json: identity is not that of its suite: one of them was changed")


def _check_rows(findings: Findings, folder: RunFolder, keys: list[str]) -> None:
    try:
        table = folder.rows(keys)
        names = set(table.collect_schema().names())
        if not findings.expect(
            set(ROWS) <= names, f"score tables lack the columns {', '.join(sorted(set(ROWS) - names))}"
        ):
            return
        counts = table.group_by("status").len().collect().rows()
    except TABLE_ERRORS as error:
        findings.problems.append(f"score tables cannot be read: {one_line(error)}")
        return
    statuses = {str(status): int(count) for status, count in counts}
    strange = sorted(set(statuses) - set(STATUSES))
    findings.expect(not strange, f"score rows have the statuses {', '.join(strange)}, which there are not")
    findings.facts["rows"] = statuses
    failed = sum(count for status, count in statuses.items() if status.startswith("failed"))
    if failed:
        findings.notes.append(f"{failed} of {sum(statuses.values())} score rows are failures")


def _check_manifest(findings: Findings, path: Path, run: JsonObject) -> None:
    try:
        rows = pl.read_parquet(path / "manifest.parquet")
    except (OSError, *TABLE_ERRORS) as error:
        findings.problems.append(f"manifest.parquet cannot be read: {one_line(error)}")
        return
    fits = hash_of(rows.iter_rows(named=True)) == run.get("manifest")
    findings.expect(fits, "manifest.parquet has not the hash that run.json names: samples were changed")
    unhashed = rows.filter((pl.col("status") == "ok") & pl.any_horizontal(pl.col(name) == "" for name in HASHES)).height
    findings.expect(unhashed == 0, f"{unhashed} samples of the manifest have no hash of their pixels")
