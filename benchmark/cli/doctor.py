"""``bench doctor``: what is installed, which devices and weights are here, what each missing one would enable."""

from __future__ import annotations

from unmaskbench.benchmark.host.terminal import say


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

    say("versions")
    for package, version in provenance.versions().items():
        say(f"  {package:<16} {version}")
    machine = provenance.hardware()
    say("devices")
    say(f"  cpu              {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb'] or '?'} GB")
    say(f"  cuda             {machine['gpu'] or 'none seen by torch'}")
    amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
    say(f"  bf16 in hardware {'yes (AMX)' if amx else 'no: --precision bf16 will be slow'}")
    say(f"weights (looked for in {', '.join(map(str, search_path()))} and installed packages that carry them)")
    for weight in catalogue().values():
        path = find(weight)
        state = f"here  {path}" if path else f"not here: {remedy(weight)}"
        say(f"  {weight.id:<24} {state}")
        if path is None:
            say(f"  {'':<24} would enable {weight.enables}")
    broken = {
        f"{room.noun} {name}": reason
        for room in (registry.METHODS, registry.DATASETS, registry.OCCLUSIONS, registry.METRICS, registry.MATCHERS)
        for name, reason in ((room.names() and room.broken) or room.broken).items()
    }
    say("plug-ins")
    say("  all import" if not broken else "")
    for name, reason in broken.items():
        say(f"  {name}: {reason}")
