"""Bytes of memory that training and generation take; calculated, one process or GPU at a time.

Training, P weights of which A are trained (all, or the adapters'):

    weights       4 P, and 4 P for the reference of DPO (with adapters it is the same weights)
    moments       8 A, gradients 4 A, from the second step on
    copies        2 P in bfloat16 (autocast)
    kept          what the backward pass needs of each token and layer
    head          logits, a tile of them at a time, and what is computed from them

At the start of a backward pass all is kept and no gradients are there, unless micro batches are added up; at its end it
is the other way round. So without such adding the larger one counts, and else their sum.

Generation with the transformers engine: weights, and the larger of what reading the prompts and what writing takes.
"""

from srlm.cli.shape import Shape
from srlm.settings import Training

GROWTH = 16
"""Tokens for which the engine's cache makes room ahead (srlm/engines/cache.py)."""
TILE_ROWS, TILE_WORDS = 4096, 32768
"""Tokens and words of the logits that TRL's head has in memory at once (trl/kernels/chunked_logprob.py)."""
ON_CPU = 33
"""Bytes a logit in the head's backward pass on a CPU: the tile and seven numbers computed from it, in float32, and a
mask. A GPU computes in the tile itself."""
SPARED = 8192
"""Words from which our head computes labelled tokens alone on a CPU (srlm/training/head.py)."""
WORD = 1200
"""Bytes that tokenizers takes for a word of the vocabulary, measured with SmolLM2's 49,152."""
RUNTIME = 430 * 2**20
"""Bytes of a process with Python, torch, transformers and TRL, measured; a GPU's memory does not hold them."""


def training_bytes(
    shape: Shape,
    training: Training,
    rows: int,
    width: int,
    labelled: int,
    *,
    reference: bool,
    head: bool,
    cpu: bool,
    bfloat16: bool,
    divided: int,
) -> float:
    """Peak of one process or GPU for micro batches of `rows` x `width` tokens, of which `labelled` have a loss.

    `reference`: a frozen copy reads along; `head`: there are logits; `bfloat16`: passes are computed in it; `divided`:
    over so many GPUs the weights are.
    """
    trained = shape.parameters if training.lora is None else adapter_weights(shape, training.lora.rank)
    held = 4.0 * shape.parameters + 8.0 * trained
    if reference and training.lora is None:
        held += 4.0 * shape.parameters
    gradients = 4.0 * trained / divided
    # Divided weights are put together, and cast, a layer at a time, the next one ahead.
    copies = 2.0 * shape.parameters * (1 if divided == 1 else 2 / shape.layers) if bfloat16 else 0.0
    tokens = rows * width
    number = 2 if bfloat16 else 4
    kept = kept_bytes(shape, training, number, cpu) * tokens
    if training.activation_checkpointing:
        kept += 4.0 * shape.hidden * tokens * shape.layers  # what goes into each layer; one layer is at work
    else:
        kept *= shape.layers
    tile = tied = 0.0
    if head:
        scored = tokens if cpu and shape.vocabulary < SPARED else labelled
        tile = min(scored, TILE_ROWS) * (
            ON_CPU * min(shape.vocabulary, TILE_WORDS) if cpu else number * TILE_WORDS  # a GPU allocates it whole
        )
        if shape.tied and training.lora is None:
            tied = 4.0 * shape.embedding  # the head's gradient waits for the input embedding's to be added
    if training.batch_size > training.micro_batch_size * divided:
        passes = gradients + kept + tile
    else:
        passes = max(gradients, kept + tile)
    return held / divided + copies + passes + tied


def kept_bytes(shape: Shape, training: Training, number: int, cpu: bool) -> float:
    """What the backward pass needs of a token in one Llama-like layer; `number`: bytes of a number in passes.

    Two norms (float32 in any case), attention that does not keep its scores, and a gated feed-forward layer. Keys and
    values are repeated for all heads of queries, because a padded batch has a mask.
    """
    wide = 4 * number * shape.feed_forward  # gate, its activation, the other factor, the product
    attention = 4 * number * shape.queries  # queries, keys, values, what comes out
    if training.lora is None:
        norms = 2 * (4 + 4 + number) * shape.hidden  # what goes in, normed, scaled
        return norms + attention + wide
    # Frozen: neither a norm's weights nor a linear layer's want their inputs. But each adapter has its own, with
    # dropout a copy and the noise (float32 on a CPU, a byte on a GPU): of queries, keys, values, gate and up; of the
    # output; of down.
    norms, wide = 2 * 4 * shape.hidden, 3 * number * shape.feed_forward
    if training.lora.dropout:
        inputs = (number + (4 if cpu else 1)) * (5 * shape.hidden + shape.queries + shape.feed_forward)
    else:
        inputs = number * (2 * shape.hidden + shape.feed_forward)
    return norms + attention + wide + inputs


def adapter_weights(shape: Shape, rank: int) -> int:
    """Weights of the adapters of a Llama-like model: queries, keys, values, output, gate, up, down."""
    keys = shape.cached // (4 * shape.layers)
    sides = 4 * shape.hidden + 2 * shape.queries + 2 * keys + 3 * (shape.hidden + shape.feed_forward)
    return rank * shape.layers * sides


def generation_bytes(shape: Shape, prompts: int, rows: int, reads: int, shared: int, writes: int, number: int) -> float:
    """Peak of the transformers engine for a batch: `prompts` of `reads` tokens, of which `shared` are the same in all,
    and `rows` that are written; `number`: bytes of a number."""
    token = shape.cached * number // 2
    # The widest moment of a layer: what came in, normed, and three numbers of the feed-forward layer's width.
    layer = number * (2 * shape.hidden + 3 * shape.feed_forward)
    reading = prompts * (reads * token + (reads - shared) * layer)
    # Logits in float32, divided, sorted or summed, and cut: about four times at once.
    writing = rows * ((reads + writes + GROWTH) * token + 4 * 4 * shape.vocabulary) if writes else 0
    return number * shape.parameters + max(reading, writing)
