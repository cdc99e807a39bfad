"""``bench doctor``: what is installed, which devices and weights are here, what each missing one would enable."""

from __future__ import annotations

import typer


def doctor() -> None:
    """Say what this machine has: versions, devices, weights, and what each missing weight file would enable.

    \b
    Example:
      bench doctor
    """
    import torch

    from unmaskbench.benchmark.cli.weights import catalogue
    from unmaskbench.benchmark.plugins import registry
    from unmaskbench.benchmark.plugins.weights.files import find, remedy, search_path
    from unmaskbench.benchmark.store import provenance

    typer.echo("versions")
    for package, version in provenance.versions().items():
        typer.echo(f"  {package:<16} {version}")
    machine = provenance.hardware()
    typer.echo("devices")
    typer.echo(f"  cpu              {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb'] or '?'} GB")
    typer.echo(f"  cuda             {machine['gpu'] or 'none seen by torch'}")
    amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
    typer.echo(f"  bf16 in hardware {'yes (AMX)' if amx else 'no: --precision bf16 will be slow'}")
    typer.echo(f"weights (looked for in {', '.join(map(str, search_path()))} and installed packages that carry them)")
    for weight in catalogue().values():
        path = find(weight)
        state = f"here  {path}" if path else f"not here: {remedy(weight)}"
        typer.echo(f"  {weight.id:<24} {state}")
        if path is None:
            typer.echo(f"  {'':<24} would enable {weight.enables}")
    broken = {
        f"{room.noun} {name}": reason
        for room in (registry.METHODS, registry.DATASETS, registry.OCCLUSIONS, registry.METRICS, registry.MATCHERS)
        for name, reason in ((room.names() and room.broken) or room.broken).items()
    }
    typer.echo("plug-ins")
    typer.echo("  all import" if not broken else "")
    for name, reason in broken.items():
        typer.echo(f"  {name}: {reason}")
