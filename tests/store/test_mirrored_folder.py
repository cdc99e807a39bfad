"""A run at a URL is the run of a folder: same board, same resuming, and nothing of the URL leads out of its mirror."""

from __future__ import annotations

import importlib.util
import json
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import object_store, tiny
from tests.faults.launch import board, table
from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store import mirrored_folder
from unmaskbench.benchmark.store.folder import RunFolder, StoreError

fsspec = pytest.importorskip("fsspec")
SECRET = "9sEcReT"


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    tiny.CALLS.clear()
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with object_store.served("bucket", SECRET) as url:
        yield url


@pytest.fixture
def memory() -> Iterator[str]:
    yield "memory://place/run"
    store = fsspec.filesystem("memory")
    store.store.clear()
    store.pseudo_dirs[:] = [""]


def bench(*words: str) -> None:
    """Run a command in this process; errors come as they are."""
    import typer.main

    typer.main.get_command(app).main(list(words), standalone_mode=False)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tiny.suite(), tmp_path_factory.mktemp("alone") / "run", speed=False)


def test_a_run_on_s3_is_the_run_of_a_folder_and_goes_on_anywhere(server: str, alone: Path, cache: Path) -> None:
    url = f"{server}/runs/first"
    mirror = run(tiny.suite(), url, speed=False)
    assert mirror.is_relative_to(cache)
    assert board(mirror) == board(alone)
    place = fsspec.filesystem("s3")
    names = {name.removeprefix("bucket/runs/first/") for name in place.find("bucket/runs/first")}
    assert names == {p.relative_to(mirror).as_posix() for p in mirror.rglob("*") if p.is_file() and p.name != ".lock"}

    shutil.rmtree(mirror)  # another machine
    tiny.CALLS.clear()
    assert board(run(tiny.suite(), url, speed=False)) == board(alone)
    assert not tiny.CALLS

    units = json.loads((mirror / "run.json").read_text())["units"]
    key = next(unit["key"] for unit in units if unit["method"] == "tiny_fill")
    place.rm_file(f"bucket/runs/first/parts/{key}.parquet")
    run(tiny.suite(), url, speed=False)
    assert len(tiny.CALLS) == next(unit["samples"] for unit in units if unit["key"] == key)
    assert place.exists(f"bucket/runs/first/parts/{key}.parquet")
    assert table(mirror).equals(table(alone))

    with pytest.raises(StoreError, match="different samples"):
        run(tiny.suite(datasets=[{"id": "tiny_faces", "limit": 2}]), url, speed=False)
    run(tiny.suite(datasets=[{"id": "tiny_faces", "limit": 2}]), url, speed=False, fresh=True)
    assert not place.exists(f"bucket/runs/first/parts/{key}.parquet")
    assert SECRET.encode() not in b"".join(p.read_bytes() for p in mirror.rglob("*") if p.is_file())


def test_the_commands_take_urls(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"{server}/runs/second"
    mirror = run(tiny.suite(), url, speed=False)
    before = board(mirror)
    place = fsspec.filesystem("s3")
    place.rm_file("bucket/runs/second/board.json")
    bench("score", url)
    place.invalidate_cache()
    assert place.exists("bucket/runs/second/board.json")
    shutil.rmtree(mirror)
    bench("report", url)
    assert b"<html" in place.cat_file("bucket/runs/second/index.html")
    assert board(mirror) == before
    baseline = tmp_path / "baseline.json"
    bench("check", url, "--baseline", str(baseline), "--update")
    bench("check", url, "--baseline", str(baseline))
    bench("compare", url, url)
    assert "0 worse, 0 better" in capsys.readouterr().out


def test_run_writes_its_page_to_the_url(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    suite = tmp_path / "tiny.yaml"
    suite.write_text(json.dumps(tiny.suite(gallery=0).model_dump(mode="json")), encoding="utf-8")
    bench("run", "--suite", str(suite), "--out", f"{server}/third", "--no-speed")
    assert b"<html" in fsspec.filesystem("s3").cat_file("bucket/third/index.html")


def test_what_another_machine_has_written_is_taken_in(
    memory: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = run(tiny.suite(), memory, speed=False)
    units = json.loads((mirror / "run.json").read_text())["units"]
    monkeypatch.setenv("UNMASKBENCH_CACHE", f"{cache}2")
    folder = pickle.loads(pickle.dumps(mirrored_folder.folder_of(memory)))
    assert folder.path != mirror
    for unit in units:
        assert folder.receive(unit["key"])
    assert not folder.receive("0" * 32)
    keys = [unit["key"] for unit in units]
    assert folder.rows(keys).collect().equals(RunFolder(mirror).rows(keys).collect())


@pytest.mark.parametrize("name", ["parts/../../x", "../x", "parts/./../../x", "parts\\..\\x"])
def test_a_name_that_leads_out_of_the_mirror_is_refused(
    memory: str, cache: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tiny.suite(), memory, speed=False)
    before = set(cache.rglob("*"))
    store = fsspec.filesystem("memory")
    found = store.find("/place/run", detail=True)
    evil = {**found, f"/place/run/{name}": {"size": 4, "type": "file"}}
    monkeypatch.setattr(type(store), "find", lambda self, *args, **more: evil)
    monkeypatch.setattr(type(store), "cat_file", lambda self, *args, **more: b"evil")
    with pytest.raises(StoreError, match="could lead out of a run folder"):
        run(tiny.suite(), memory, speed=False)
    with pytest.raises(StoreError, match="could lead out of a run folder"):
        mirrored_folder.local_copy(memory)
    assert set(cache.rglob("*")) == before


def test_s3_keys_with_dots_are_refused(server: str, cache: Path) -> None:
    place = fsspec.filesystem("s3")
    place.pipe_file("bucket/evil/run.json", b"{}")
    place.call_s3("put_object", Bucket="bucket", Key="evil/parts/../../../x", Body=b"evil")
    with pytest.raises(StoreError):
        mirrored_folder.local_copy(f"{server}/evil")
    assert not [path for path in cache.parent.rglob("*") if path.name == "x"]


def test_companions_that_lead_out_are_not_fetched(memory: str, cache: Path) -> None:
    import polars as pl

    from unmaskbench.benchmark.store.folder import COMPANIONS

    folder = mirrored_folder.folder_of(memory)
    pl.DataFrame({"a": [1]}).write_parquet(
        cache.parent / "p.parquet", metadata={COMPANIONS: json.dumps(["../../x.npz"])}
    )
    fsspec.filesystem("memory").pipe_file("/place/run/parts/k.parquet", (cache.parent / "p.parquet").read_bytes())
    with pytest.raises(StoreError, match="could lead out"):
        folder.receive("k")


def test_a_place_that_holds_something_else_is_left_alone(memory: str) -> None:
    fsspec.filesystem("memory").pipe_file("/place/run/thesis.tex", b"years of work")
    for fresh in (False, True):
        with pytest.raises(StoreError, match="holds no run"):
            run(tiny.suite(), memory, fresh=fresh)
    assert fsspec.filesystem("memory").cat_file("/place/run/thesis.tex") == b"years of work"
    with pytest.raises(StoreError, match="holds no run"):
        mirrored_folder.local_copy("memory://nothing/here")


def test_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    for secret in (SECRET, f"a/{SECRET}"):
        with pytest.raises(StoreError, match="no place for credentials") as caught:
            mirrored_folder.folder_of(f"s3://AKIA:{secret}@bucket/run")
        assert SECRET not in str(caught.value)
        assert "AKIA" not in str(caught.value)
    with pytest.raises(StoreError, match="cannot be a run folder") as caught:
        mirrored_folder.folder_of(f"https://place/run?token={SECRET}")
    assert SECRET not in str(caught.value)


def test_an_error_of_the_store_names_the_url_and_no_secret(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError, match=r"cannot write s3://no-such-bucket/run") as caught:
        run(tiny.suite(), "s3://no-such-bucket/run", speed=False)
    assert SECRET not in str(caught.value)


def test_a_file_url_is_the_folder_itself(tmp_path: Path, alone: Path) -> None:
    out = run(tiny.suite(), f"file://{tmp_path}/run", speed=False)
    assert out == tmp_path / "run"
    assert board(out) == board(alone)


def test_what_cannot_be_a_run_folder_is_said() -> None:
    with pytest.raises(StoreError, match="give it as text"):
        mirrored_folder.folder_of(Path("s3://bucket/run"))
    with pytest.raises(StoreError, match="whole path"):
        mirrored_folder.folder_of("file://run")
    with pytest.raises(StoreError, match="cannot be a run folder"):
        mirrored_folder.folder_of("simplecache::s3://bucket/run")


@pytest.mark.skipif(importlib.util.find_spec("gcsfs") is not None, reason="gcsfs is installed")
def test_a_missing_package_is_named_with_its_command() -> None:
    with pytest.raises(StoreError, match=r"needs a package that is not here: pip install .* gcsfs"):
        mirrored_folder.local_copy("gs://bucket/run")


@pytest.mark.parametrize("scheme", ["az", "abfs"])
@pytest.mark.skipif(importlib.util.find_spec("adlfs") is not None, reason="adlfs is installed")
def test_every_name_of_a_store_has_its_own_command(scheme: str) -> None:
    with pytest.raises(StoreError, match=r"needs a package that is not here: pip install .* adlfs"):
        mirrored_folder.local_copy(f"{scheme}://container/run")


@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_a_run_at_google_or_azure_is_the_run_of_a_folder_and_goes_on_elsewhere(scheme: str, alone: Path) -> None:
    url = f"{scheme}://bucket/runs/first"
    with object_store.keys_alone(scheme) as objects:
        mirror = run(tiny.suite(), url, speed=False)
        assert board(mirror) == board(alone)
        names = {key.removeprefix("bucket/runs/first/") for key in objects}
        assert names == {
            p.relative_to(mirror).as_posix() for p in mirror.rglob("*") if p.is_file() and p.name != ".lock"
        }

        shutil.rmtree(mirror)  # another machine
        tiny.CALLS.clear()
        assert board(run(tiny.suite(), url, speed=False)) == board(alone)
        assert not tiny.CALLS

        units = json.loads((mirror / "run.json").read_text())["units"]
        key = next(unit["key"] for unit in units if unit["method"] == "tiny_fill")
        del objects[f"bucket/runs/first/parts/{key}.parquet"]
        assert board(run(tiny.suite(), url, speed=False)) == board(alone)
        assert f"bucket/runs/first/parts/{key}.parquet" in objects


def test_a_second_run_on_this_machine_is_kept_out(memory: str) -> None:
    first = mirrored_folder.folder_of(memory)
    first.open({})
    with pytest.raises(StoreError, match="another run is writing"):
        mirrored_folder.folder_of(memory).open({})
    assert mirrored_folder.local_copy(memory) == first.path  # reading is allowed, and leaves the mirror alone
    first.close()
