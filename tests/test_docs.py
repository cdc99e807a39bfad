"""What the documentation says is true: links lead somewhere, commands parse, code runs, tables name what is there."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.doc_examples import FENCE, blocks

CHECKOUT = Path(__file__).resolve().parents[1]
DOCS = CHECKOUT / "docs"
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
EXAMPLES = sorted((DOCS / "extend").glob("*.md"))
IMAGE_LIMIT_BYTES = 300_000

LINK = re.compile(r"\]\(([^)\s]+)\)")
INLINE = re.compile(r"`([^`]+)`", re.S)
OPERATORS = re.compile(r"&&|\|\||[|;]")


def name_of(page: Path) -> str:
    """A page's path in the checkout, for the names of tests."""
    return page.relative_to(CHECKOUT).as_posix()


def without_code(text: str) -> str:
    """The prose of a page: fenced and indented blocks taken out."""
    return re.sub(r"^(?: {4}|\t).*$", "", FENCE.sub("", text), flags=re.M)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as MkDocs and GitHub make them."""
    headings = re.findall(r"^#+ +(.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in headings)
    return {re.sub(r"[\s\-]+", "-", heading) for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.is_file(), f"{name_of(page)} links to {target}, which is not there"
        if anchor:
            assert anchor in anchors(there), f"{name_of(page)}: {path or 'the page'} has no heading #{anchor}"


def test_every_page_is_in_the_navigation() -> None:
    named = set(re.findall(r"([\w/-]+\.md)\s*$", (CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8"), re.M))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert pages == named, f"mkdocs.yml, nav: add {sorted(pages - named)}, take out {sorted(named - pages)}"


def test_images_are_used_and_small() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for image in sorted((DOCS / "images").iterdir()):
        assert f"images/{image.name}" in text, f"no page shows {image.name}"
        assert image.stat().st_size <= IMAGE_LIMIT_BYTES, f"{image.name} is larger than 300 kB"


# ------------------------------------------------------------------------------------------------------- commands


def commands(page: Path) -> Iterator[str]:
    """Every `bench ...` of a page: in shell blocks, indented blocks and inline code."""
    text = page.read_text(encoding="utf-8")
    prose = FENCE.sub(lambda found: found[3] if found[1] in (None, "bash", "sh", "text") else "", text)
    lines = [line.strip() for line in prose.splitlines() if line.startswith("    ")]
    inline = [" ".join(code.split()) for code in INLINE.findall(without_code(text))]
    for line in (*lines, *inline):
        for part in OPERATORS.split(line):
            if part.strip().startswith("bench "):
                yield part.strip()


def parse(command: Any, arguments: list[str], name: str) -> None:
    """Parse arguments down to the last sub-command, without running any of it."""
    context = command.make_context(name, list(arguments))
    if hasattr(command, "commands"):
        # A group keeps its sub-command's name apart from what follows it.
        word, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        parse(found, rest, word)


def is_a_name(command: Any, words: list[str]) -> bool:
    """Whether the words are the name of a command, without any argument."""
    for word in words:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            return False
    return True


def test_every_command_line_is_one_that_bench_takes() -> None:
    import typer.main

    from unmaskbench.benchmark.cli.main import app

    bench = typer.main.get_command(app)
    seen = 0
    for page in PAGES:
        for line in commands(page):
            if "..." in line or line.isupper() or re.fullmatch(r"bench [A-Z].*", line):
                continue  # a pattern of commands, not one
            words = shlex.split(line, comments=True)[1:]
            if is_a_name(bench, words) or words in (["--version"], ["--install-completion"]):  # these act when parsed
                continue
            try:
                parse(bench, words, "bench")
            except Exception as error:
                message = getattr(error, "format_message", lambda error=error: str(error))()
                pytest.fail(f"{name_of(page)}: `{line}`: {message}")
            seen += 1
    assert seen > 80


def test_every_command_has_a_section() -> None:
    import typer.main

    from unmaskbench.benchmark.cli.main import app

    told = anchors(DOCS / "commands.md")
    names = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert {f"bench-{name}" for name in names} <= told


def options(command: Any) -> Iterator[str]:
    """Every long option of a command and its sub-commands, but --help."""
    for parameter in command.params:
        yield from (name for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("--"))
    for inner in getattr(command, "commands", {}).values():
        yield from options(inner)


def test_every_option_is_told_in_its_commands_section() -> None:
    import typer.main

    from unmaskbench.benchmark.cli.main import app

    sections = re.split(r"^## bench ", (DOCS / "commands.md").read_text(encoding="utf-8"), flags=re.M)
    told = {text.split("\n", 1)[0].strip(): text for text in sections[1:]}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for option in set(options(command)) - {"--help"}:
            assert re.search(rf"{option}\b", told[name]), f"docs/commands.md does not tell of bench {name} {option}"


def test_the_newcomers_two_commands_are_what_ci_runs() -> None:
    script = (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8").replace("pip install -q ", "pip install ")
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    lines = ("python -m pip install . && bench run --methods all", "python -m pip install tox && tox")
    for line in lines:
        assert f"\n    {line}\n" in readme
        for part in line.split(" && "):
            assert re.search(rf"(^|\s){re.escape(part)}(\s|$)", script), f".ci/run does not run: {part}"


# ----------------------------------------------------------------------------------------------------------- code


@pytest.fixture
def plugins_restored() -> Iterator[None]:
    """Plug-ins that a test registers are taken out again."""
    from unmaskbench.benchmark.plugins import registry

    rooms = [room for room in vars(registry).values() if isinstance(room, registry.PluginRegistry)]
    before = [set(room.names()) for room in rooms]
    modules = set(sys.modules)
    yield
    for room, names in zip(rooms, before, strict=True):
        for name in set(room.names()) - names:
            del room.classes[name]
    for module in set(sys.modules) - modules:
        if module.startswith("example_"):
            del sys.modules[module]


def load_as_file(code: str, title: str, folder: Path) -> None:
    """Write a page's file and import it, as its place in the tree would be."""
    path = folder / title
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code, encoding="utf-8")
    name = f"example_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


@pytest.mark.usefixtures("plugins_restored")
@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_the_examples_work(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    for title, code in blocks(page, "python"):
        if title:
            load_as_file(code, title, tmp_path)
        else:
            exec(compile(code, f"{name_of(page)}", "exec"), space)
    result = space.get("result")
    if result is None:
        return
    board = json.loads((result.folder / "board.json").read_text(encoding="utf-8"))
    values = {
        row["method"]: row["value"] for row in board["rows"] if row["region"] == "hole" and row["output"] == "raw"
    }
    assert len(values) == 2, f"{name_of(page)}: expected untouched and one more row, got {values}"
    assert all(status["status"] == "ok" for status in board["statuses"]), board["statuses"]
    other = next(value for name, value in values.items() if name != "untouched")
    assert other > values["untouched"], "filling a black block with anything near the face's colour raises PSNR"


def test_the_snippets_on_suites_and_boards_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs" / "quick").mkdir(parents=True)
    board = CHECKOUT / "tests" / "golden" / "board_small" / "board.json"
    (tmp_path / "runs" / "quick" / "board.json").write_bytes(board.read_bytes())
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    for page in (DOCS / "suites.md", DOCS / "board.md"):
        for _, code in blocks(page, "python"):
            exec(compile(code, name_of(page), "exec"), space)
    assert (space["small"].size, space["mine"].name) == (64, "mine")
    assert not space["rows"].is_empty()


@pytest.mark.parametrize(("page", "title"), [(p, t) for p in PAGES for t, _ in blocks(p, "python") if t])
def test_files_stand_where_plugins_are_searched(page: Path, title: str) -> None:
    assert (CHECKOUT / title).parent.is_dir(), f"{name_of(page)} puts a file into {Path(title).parent}"
    assert not (CHECKOUT / title).exists()


def test_the_readers_suites_are_valid() -> None:
    from unmaskbench.benchmark.plan.suite import parse as parse_suite

    seen = 0
    for page in PAGES:
        for title, content in blocks(page, "yaml"):
            loaded = yaml.safe_load(content)
            if isinstance(loaded, dict) and "datasets" in loaded:
                parse_suite({**loaded}, f"{name_of(page)}: {title}")
                seen += 1
    assert seen >= 3


def test_the_readers_recipe_is_valid(tmp_path: Path) -> None:
    from unmaskbench.benchmark.training.recipes import load_recipe

    (content,) = [body for title, body in blocks(DOCS / "training.md", "yaml") if title == "gentle.yaml"]
    (tmp_path / "gentle.yaml").write_text(content, encoding="utf-8")
    recipe = load_recipe("ra_unet", tmp_path / "gentle.yaml")
    assert (recipe.steps, recipe.optimiser.rate) == (2000, 5e-4)


def test_the_readers_model_file_is_valid(tmp_path: Path) -> None:
    from unmaskbench.benchmark.plugins.model_file import read_convention

    (content,) = [body for _, body in blocks(DOCS / "extend" / "model-files.md", "yaml")]
    (tmp_path / "mine.yaml").write_text(content, encoding="utf-8")
    (tmp_path / "mine.onnx").write_bytes(b"model")
    convention = read_convention(tmp_path / "mine.onnx")
    assert convention.needs_mask
    assert convention.range == (-1.0, 1.0)


def test_the_readers_tolerances_are_valid() -> None:
    from unmaskbench.benchmark.gate.tolerance import Tolerance

    (content,) = [body for _, body in blocks(DOCS / "gate.md", "json")]
    assert [Tolerance.model_validate(entry).metric for entry in json.loads(content)] == ["psnr", "ssim", "*"]


# --------------------------------------------------------------------------------------------------------- tables


def rows_of(page: Path) -> dict[str, list[str]]:
    """The cells of every table row whose first cell is one `word`; of two such rows the first."""
    found: dict[str, list[str]] = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and re.fullmatch(r"`[\w.-]+`", cells[0]):
            found.setdefault(cells[0].strip("`"), cells[1:])
    return found


def test_the_table_of_a_suites_keys_is_the_models() -> None:
    from unmaskbench.benchmark.plan import entries, suite

    told = rows_of(DOCS / "suites.md")
    nested = {"crop": entries.Crop(), "pairs": suite.Pairs(), "statistics": suite.Statistics()}
    for key, field in suite.Suite.model_fields.items():
        assert key in told, f"docs/suites.md does not tell of '{key}'"
        if key in nested or field.is_required():
            continue
        default = [] if field.default_factory is not None else field.default
        assert yaml.safe_load(told[key][0].strip("`")) == default, f"docs/suites.md: default of '{key}'"
    for name in ("pairs", "statistics"):
        for key, value in nested[name].model_dump().items():
            assert yaml.safe_load(told[f"{name}.{key}"][0].strip("`")) == value
    assert {*entries.DatasetEntry.model_fields, *entries.MethodEntry.model_fields} <= set(told)


def test_the_table_of_a_model_files_keys_is_the_conventions() -> None:
    from dataclasses import fields

    from unmaskbench.benchmark.plugins.model_file import Convention

    assert set(rows_of(DOCS / "extend" / "model-files.md")) == {field.name for field in fields(Convention)}


def test_layouts_are_those_of_the_datasets() -> None:
    from unmaskbench.benchmark.plugins.registry import DATASETS

    text = (DOCS / "datasets.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"<!-- layout: (\w+) -->\n```text\n(.*?)\n```", text, re.S))
    assert set(told) == {name for name in DATASETS if "ROOT/" in DATASETS.card(name).layout}
    for name, layout in told.items():
        assert layout == DATASETS.card(name).layout, f"docs/datasets.md: the layout of {name} is another"


def test_every_weight_file_that_can_be_got_is_named() -> None:
    from unmaskbench.benchmark.cli.weights import catalogue
    from unmaskbench.benchmark.plugins.weights.files import remedy

    told = rows_of(DOCS / "weights.md")
    for name, weight in catalogue().items():
        if weight.filename.endswith("_features.safetensors"):
            continue  # another form of a file that is named
        assert name in told, f"docs/weights.md does not name '{name}'"
        command = remedy(weight) if weight.package else f"bench weights {'fetch' if weight.url else 'add'} {name}"
        assert command in told[name][-1], f"docs/weights.md: '{name}' is got by `{command}`"


def test_the_readme_lists_every_plugin_and_is_short() -> None:
    from unmaskbench.benchmark.plan.suite_file import names
    from unmaskbench.benchmark.plugins import registry

    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 200
    rooms = (registry.METHODS, registry.DATASETS, registry.OCCLUSIONS, registry.METRICS, registry.MATCHERS)
    box = text[text.index("## What is in the box") : text.index("## Weights")]
    # other tests register plug-ins of their own in the same process
    ours = [name for room in rooms for name in room if room.get(name).__module__.startswith("unmaskbench.")]
    for name in [*ours, *names()]:
        assert f"`{name}`" in box, f"README's table does not name '{name}'"
    ready = "".join(line.split("|")[2] for line in box.splitlines() if line.startswith("| "))
    for room in rooms:
        for name in room:
            if f"`{name}`" in ready:
                assert not room.missing(name), f"README calls '{name}' ready, and it is not"
