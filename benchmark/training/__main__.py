"""``python -m unmaskbench.benchmark.training METHOD ...``: what torchrun and job scripts start, one process each."""

from __future__ import annotations

import argparse

from unmaskbench.benchmark.host.terminal import say
from unmaskbench.benchmark.training.mmengine_import import import_mmengine


def main() -> None:
    """Parse the arguments of ``train`` and print the path of the weights."""
    parser = argparse.ArgumentParser(prog="python -m unmaskbench.benchmark.training", description=__doc__)
    parser.add_argument("method")
    parser.add_argument("--recipe", default="compact")
    parser.add_argument("--data", default="lfw")
    parser.add_argument("--root")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16"))
    parser.add_argument("--out")
    arguments = vars(parser.parse_args())
    import_mmengine()  # several of these start at once, also on a fresh installation
    from unmaskbench.benchmark.training.train import train

    say(str(train(**arguments)))


if __name__ == "__main__":
    main()
