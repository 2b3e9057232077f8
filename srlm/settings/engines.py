"""What continues text, and how: an engine, its sampling, and what a server's tokens cost."""

from typing import Annotated, Literal

from pydantic import Field

from srlm.addresses import Address
from srlm.section import Positive, Section


class Sampling(Section):
    """How an engine samples text."""

    temperature: Annotated[float, Field(ge=0)] = 0.7
    """0 = greedy."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Nucleus sampling: sample from the smallest set of tokens with this total probability."""
    max_new_tokens: Positive = 512
    """Maximum length of an answer in tokens; an answer that reaches it is marked as cut."""


class RaySettings(Section):
    """Workers on a Ray cluster, each with a copy of the model. The output is the same as that of one process."""

    address: str | None = None
    """An existing cluster: HOST:PORT, or `auto` for the one this machine is part of. None: start a cluster on this
    machine, not reachable from outside, and stop it with the engine."""
    workers: Positive = 2
    """Number of workers. A worker for which the cluster has no room joins when there is room."""
    cpus_per_worker: Positive = 1
    """CPU cores per worker; also torch's threads in it if `threads` is 0."""
    gpus_per_worker: Annotated[float, Field(ge=0)] = 0
    """GPUs per worker, may be a fraction; 0 = compute on the CPU."""
    patience: Annotated[float, Field(gt=0)] = 600.0
    """The run stops after this many seconds without any worker."""


class VllmSettings(Section):
    """vLLM in this process. For several machines or several copies of the model, use `ray` with worker `vllm`."""

    tensor_parallel_size: Positive = 1
    """Number of GPUs over which each layer is split."""
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of the GPU's memory for weights and cache."""
    max_model_len: Positive | None = None
    """Maximum length of prompt and answer together, in tokens. None: the model's own limit."""
    enforce_eager: bool = False
    """Use no CUDA graphs: starts faster, generates more slowly."""


NO_SERVER = (
    "a server is not asked for the run's own checkpoints, which are other weights at every iteration: set engine.kind "
    "to `transformers`, to `vllm` (what `vllm serve` runs, in this process) or to `ray` (several of them). A server "
    "can judge (judge.engine, evaluation.judge) or write prompts (prompts.engine). What a server has loaded is "
    "measured by lm-eval's own command: lm_eval --model local-completions --model_args "
    "model=NAME,base_url=http://HOST:8000/v1/completions,tokenizer=DIR --tasks arc_easy,mmlu"
)
"""What to do where a server is named for the run's own checkpoints."""


class EngineSettings(Section):
    """What generates text. `transformers`, `vllm` and `ray` run the run's own checkpoints."""

    kind: Literal["transformers", "vllm", "ray", "openai"] = "transformers"
    """`transformers` or `vllm` on this machine; `ray` runs either on a cluster; `openai` is any OpenAI-compatible
    server."""
    batch_size: Positive = 32
    """Maximum number of sequences decoded together (transformers). If a batch runs out of memory, it is split in two.
    Stages submit four times as many sequences at once. `vllm` forms its own batches: 256 or more keeps it busy. With
    `ray`, one worker receives that many."""
    worker: Literal["transformers", "vllm"] = "transformers"
    """The engine in each worker (ray)."""
    ray: RaySettings = RaySettings()
    vllm: VllmSettings = VllmSettings()
    model: str | None = None
    """Name of the model on the server (openai)."""
    base_url: Address = None
    """Address of the server, such as http://127.0.0.1:8000/v1 (openai). `${NAME}` is replaced by the environment
    variable; names, passwords and keys in an address must be written so."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the API key; the key itself is never written to a file (openai)."""
    concurrency: Positive = 16
    """Maximum number of concurrent requests (openai)."""
    timeout: Annotated[float, Field(gt=0)] | None = None
    """Timeout of a request in seconds. None: 100 s, and 0.1 s for each token that the answer may have (openai)."""
    retries: Annotated[int, Field(ge=0)] = 5
    """How often a request is retried after 429, 5xx, a lost connection or a timeout (openai)."""
    batch_api: bool = False
    """Send requests as batches (`/v1/batches`; openai): half the price, and answers within a day. Each block of a stage
    (`4 x engine.batch_size` sequences) is one batch. An interrupted run takes its batches up again. SRLM_BATCH_API=1
    does this for every command."""
    reasoning_effort: str | None = None
    """`reasoning_effort` of the requests (`low`, `medium`, `high`, ...), for servers that take it (openai). Thought and
    answer share max_new_tokens."""


class Price(Section):
    """US dollars per million tokens."""

    input: Annotated[float, Field(ge=0)]
    """Price of input tokens."""
    output: Annotated[float, Field(ge=0)]
    """Price of output tokens."""

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        return (self.input * prompt_tokens + self.output * completion_tokens) / 1e6
