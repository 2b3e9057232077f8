"""A real tiny model behind /completions and /chat/completions, with the shapes that `vllm serve` gives.

Written from vLLM's entrypoints/openai/completion/serving.py: a text's tokens are decoded one by one, `text_offset`
counts the letters of these, the first has no log-probability, and `top_logprobs` holds the token itself and the
likeliest one.
"""

from typing import Any

import torch

from tests.chat_server import Reply, refusal, words


class ServedModel:
    """Answers requests with a model's own words and log-probabilities; a `reply` of tests.chat_server."""

    def __init__(self, model: Any, tokenizer: Any, longest: int = 4096) -> None:
        self.model, self.tokenizer, self.longest = model, tokenizer, longest

    def __call__(self, body: dict[str, Any], number: int) -> Reply:
        if "messages" in body:
            text = self.tokenizer.apply_chat_template(body["messages"], add_generation_prompt=True, tokenize=False)
            ids = self.tokenizer.encode(text, add_special_tokens=False)
        else:
            ids = self.tokenizer.encode(body["prompt"])
        if not ids:
            return refusal(400, "The decoder prompt cannot be empty")
        if len(ids) + body["max_tokens"] > self.longest:
            return refusal(400, f"This model's maximum context length is {self.longest} tokens.")
        new = self._written(ids, body["max_tokens"])
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(new)}
        finish = "stop" if new[-1] == self.tokenizer.eos_token_id else "length"
        text = self.tokenizer.decode(new, skip_special_tokens=True)
        for stop in body.get("stop", []):
            text = text.split(stop)[0]
        if "messages" in body:
            return words(text, finish=finish, usage=usage)
        choice: dict[str, Any] = {"index": 0, "text": text, "finish_reason": finish, "logprobs": None}
        if body.get("echo"):
            choice |= {"text": body["prompt"] + text, "logprobs": self.logprobs([*ids, *new])}
        return Reply({"id": "1", "object": "text_completion", "model": "m", "choices": [choice], "usage": usage})

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _written(self, ids: list[int], most: int) -> list[int]:
        """Greedily, up to the end."""
        new: list[int] = []
        while len(new) < most and (not new or new[-1] != self.tokenizer.eos_token_id):
            new.append(int(self.model(torch.tensor([[*ids, *new]])).logits[0, -1].argmax()))
        return new

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def logprobs(self, ids: list[int]) -> dict[str, list[Any]]:
        """Of these tokens, as /completions gives them."""
        tokens = [self.tokenizer.decode([token]) for token in ids]
        logs = self.model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
        said: list[float | None] = [None]
        tops: list[dict[str, float] | None] = [None]
        for place in range(1, len(ids)):
            own, best = float(logs[place - 1, ids[place]]), logs[place - 1].max(-1)
            said.append(own)
            tops.append({tokens[place]: own, self.tokenizer.decode([int(best.indices)]): float(best.values)})
        offsets = [sum(map(len, tokens[:place])) for place in range(len(ids))]
        return {"tokens": tokens, "token_logprobs": said, "top_logprobs": tops, "text_offset": offsets}
