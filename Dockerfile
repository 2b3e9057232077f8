# A machine with NVIDIA GPUs: the trainer and the harness in /opt/srlm; with vLLM once more in /opt/vllm, because each
# build of vLLM names one version of torch. CUDA's libraries come with torch; the host has the driver and NVIDIA's
# container toolkit.
#
#   docker build --tag srlm .
#   docker run --gpus all --ipc host --volume "$PWD:/work" srlm srlm train --run example:pocket
#   docker run --gpus all --ipc host --volume "$PWD:/work" srlm srlm-vllm train --run mine.yaml --set engine.kind=vllm
#   docker run --gpus all --ipc host --volume "$PWD:/work" --publish 8000:8000 srlm vllm serve runs/mine/M2/model
#
# Written from the libraries' documentation: we have had no machine yet that has both Docker and a GPU.
FROM python:3.12-slim AS wheel
COPY . /src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist /src

FROM python:3.12-slim
# Triton compiles its kernels when they are first called. git: weights and data of the Hub do not need it, pip's may.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc g++ git \
    && rm -rf /var/lib/apt/lists/*
COPY --from=wheel /dist /dist
RUN python -m venv /opt/srlm \
    && /opt/srlm/bin/pip install --no-cache-dir "$(echo /dist/*.whl)[agreement,nlp]"
RUN python -m venv /opt/vllm \
    && /opt/vllm/bin/pip install --no-cache-dir "$(echo /dist/*.whl)[ray,vllm]" \
    && ln -s /opt/vllm/bin/vllm /usr/local/bin/vllm \
    && ln -s /opt/vllm/bin/srlm /usr/local/bin/srlm-vllm \
    && ln -s /opt/vllm/bin/srlm-eval /usr/local/bin/srlm-eval-vllm
ENV PATH="/opt/srlm/bin:$PATH"
WORKDIR /work
CMD ["srlm", "--help"]
