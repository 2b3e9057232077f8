"""What a win rate was measured with, from the judge that was asked or from the annotations that were read."""

from collections.abc import Mapping, Sequence

from srlm.bounded import json_text
from srlm.engines.openai.endpoint import Endpoint
from srlm.records import digest
from srlm.text.counts import counted

from ...data import cited
from ...data.alpaca_eval import AlpacaEval
from ...data.alpaca_files import SEVERAL, WITH_THOUGHTS, Annotated
from ...data.alpaca_rows import one_a_prompt
from ...data.instructions import OTHERS, SAVED_OTHERWISE
from ...judging.annotating import AnnotatingJudge
from ...judging.annotator import Annotator
from ...records import Annotation, MetricValue


def of_judge(
    judge: AnnotatingJudge, endpoint: Endpoint, data: AlpacaEval, annotated: Annotated, single: Sequence[Annotation]
) -> cited.Setup:
    """Of annotations that this judge was asked for now. `single`: each of its answers."""
    asked = judge.service != "engine"
    return _setup(
        data,
        annotated,
        judge=judge.model,
        annotator=judge.annotator.name,
        template=judge.annotator.template,
        decoding=judge.settings if asked else None,
        address=cited.other_host(endpoint.url) if asked else None,
        manner=judge.manner,
        without_probabilities=sum(_by_letter(judge.annotator, one) for one in single),
    )


def of_annotations(annotated: Annotated, data: AlpacaEval) -> cited.Setup:
    """Of annotations that somebody recorded: they say who judged, and against whom."""
    several = annotated.account.get(SEVERAL, 0)
    manner = f"several verdicts on {counted(several, 'prompts')}" if several else ""
    return _setup(data, annotated, judge=annotated.annotations[0].judge, manner=manner)


def _setup(data: AlpacaEval, annotated: Annotated, **judging: object) -> cited.Setup:
    outputs = annotated.baseline_outputs
    whole = all(prompt.id in outputs for prompt in data.prompts)
    facts = {
        "baseline": annotated.annotations[0].baseline,
        "baseline_outputs": digest("baseline", *(outputs[prompt.id] for prompt in data.prompts)) if whole else None,
        "prompts": digest("prompts", *(prompt.id for prompt in data.prompts)),
        "scored": sum(one.preference is not None for one in one_a_prompt(annotated.annotations).values()),
    }
    return cited.Setup.model_validate({**facts, **judging})


def _by_letter(annotator: Annotator, one: Annotation) -> bool:
    """Whether a verdict was read from the letter that was written: the log-probabilities were of no use."""
    if one.preference is None or one.raw is None:
        return False
    return annotator.read(json_text.decode(one.raw)).by == "letter"


def with_account(
    metrics: Sequence[MetricValue], account: Mapping[str, int], thoughts: int = 0, open_thoughts: int = 0
) -> list[MetricValue]:
    """The figures; the win rate's note counts the rows that were left out, joined with care, or cut before judging."""
    counts = {
        SAVED_OTHERWISE: account.get(SAVED_OTHERWISE, 0),
        f"{OTHERS}, left out": account.get(OTHERS, 0),
        WITH_THOUGHTS: account.get(WITH_THOUGHTS, 0),
        "outputs whose thought was cut off": thoughts,
        "thoughts that never closed (an empty answer was judged)": open_thoughts,
    }
    said = ", ".join(counted(count, what) for what, count in counts.items() if count)
    return [
        m.model_copy(update={"note": f"{m.note}; {said}"}) if said and m.metric == "win_rate" else m for m in metrics
    ]


def with_warning(metrics: Sequence[MetricValue], setup: cited.Setup) -> list[MetricValue]:
    """The figures, those in percent with a warning where they are on another scale than the published ones."""
    sentence = cited.warning(setup)
    return [
        metric.model_copy(update={"note": cited.warned(metric.note, sentence)})
        if metric.value_unit == "percent"
        else metric
        for metric in metrics
    ]
