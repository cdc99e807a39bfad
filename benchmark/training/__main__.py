"""``python -m unmaskbench.benchmark.training METHOD ...``: what torchrun and job scripts start, one process each."""

from __future__ import annotations

import argparse

from unmaskbench.benchmark.training.entry import train


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
    print(train(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
