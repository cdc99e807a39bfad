# The harness on a CPU, without CUDA's 5 GB:  docker build -t unmaskbench .
#   docker run --rm -v "$PWD/runs:/home/bench/runs" unmaskbench run --methods all
# For a GPU leave the first RUN out, and give --gpus all.
FROM python:3.13-slim

# torch and torchvision come from one index: a CPU-only torch beside PyPI's torchvision fails at import.
RUN python -m pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu "torch~=2.14.1" "torchvision~=0.29.1"

# OpenCV's wheels want these two; git says which commit a run was made from.
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 git && rm -rf /var/lib/apt/lists/*

COPY . /src
RUN python -m pip install --no-cache-dir /src && rm -rf /src

RUN useradd --create-home bench
USER bench
WORKDIR /home/bench
ENTRYPOINT ["bench"]
CMD ["--help"]
