"""A run at work: its settings and folder, opened engines, timed stages, and manifests."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from srlm import usage
from srlm.engines.base import Engine
from srlm.engines.once import SharedEngine
from srlm.engines.open import open_checkpoint
from srlm.errors import StoreError
from srlm.methods.base import LAST, Opens, method_of, run_folder
from srlm.methods.inputs import Found, inputs_of
from srlm.methods.recognised import refuse_faults
from srlm.records import Checkpoint, Count, FileFact, RunManifest, Step, seed_for
from srlm.settings import Settings
from srlm.store import changes, files, used
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter
from srlm.version import commit, versions

LIBRARIES = ("srlm", "torch", "transformers", "trl", "tokenizers", "peft", "datasets", "numpy")
"""Those that decide the outcome."""


class Run:
    """One run; methods are written in terms of it."""

    def __init__(self, settings: Settings) -> None:
        self.folder: RunFolder = run_folder(settings)
        self._warm: SharedEngine | None = None
        self._times = used.StageTimes()
        self._ending = threading.Lock()
        """Two stages that run at once write to the same files when they end."""

    @property
    def settings(self) -> Settings:
        """Those of the run file, with what the run's first start has fixed (RunFolder.settings)."""
        return self.folder.settings

    def seed(self, *use: object) -> int:
        """A seed for one use within this run."""
        return seed_for(self.settings.seed, *use)

    def path(self, step: str, name: str) -> Path:
        """A file or folder of a step."""
        return self.folder.step(step) / name

    def model(self, step: Step) -> Checkpoint:
        """The model of a finished step."""
        return self._made(step.name)

    def parent(self, step: Step) -> Checkpoint:
        """The model that a step's training starts from."""
        assert step.parent is not None, f"{step.name} has no parent"
        return self._made(step.parent)

    def base(self) -> Checkpoint:
        """M0."""
        return next(self._made(step.name) for step in self.folder.steps() if step.role == "base")

    def previous_model(self, step: Step) -> Checkpoint:
        """The model of the iteration before."""
        return next(
            self._made(one.name)
            for one in self.folder.steps()
            if one.role == "iteration" and one.number == step.number - 1
        )

    def iterations_up_to(self, step: Step) -> list[Step]:
        """The iterations with new prompts, up to this one."""
        return [one for one in self.folder.steps() if one.role == "iteration" and 1 < one.number <= step.number]

    def _made(self, name: str) -> Checkpoint:
        found = self.folder.checkpoint(name)
        if found is None:
            raise StoreError(f"{self.folder.path}: {name} is not finished; run `srlm train` first")
        return found

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run for one process. Raises StoreError where another has it, or it was made from something else."""
        with self.folder.held():
            self.check()
            yield

    def check(self) -> None:
        """Raise StoreError where an input, or a file that the run has made, is not what it was; record what is new."""
        found = self._unchanged()
        self.folder.record_inputs(found.inputs, found.grown)
        self.folder.record_steps(refuse_faults)
        self.folder.sha256.keep()

    def examine(self) -> None:
        """Raise what `held` would raise of a run that is there, and write nothing."""
        self.folder.check_settings()
        self._unchanged()

    def _unchanged(self) -> Found:
        inputs = self.folder.inputs()
        found = inputs_of(self.folder.given, {} if inputs is None else inputs.inputs, self.folder.sha256)
        self.folder.check_inputs({name: one for name, one in found.inputs.items() if name not in found.grown})
        self.folder.check_steps()
        return found

    @contextmanager
    def stage(self, step: str, name: str, unit: str = "prompts") -> Iterator[Reporter]:
        """Time a stage, count its tokens, show its progress, and log it. Seconds, tokens and processor time add up over
        stops in the step's timings.json and usage.json; of two stages at once each has half.

        Before it begins, the run's inputs are checked: a stage reads them as they are now.
        """
        self.check()
        place = self.folder.step(step)
        before = (used.read(place) or {}).get(name, used.StageUsage())
        stage = self._times.begin()
        try:
            with (
                files.saving(place),
                usage.metered(lambda now: used.add(place, name, now, before)),
                Reporter(f"{step}: {name}", self.folder.log, unit) as report,
            ):
                yield report
        finally:
            with self._ending:
                path = self.path(step, "timings.json")
                seconds = files.read_seconds(path)
                taken = self._times.end(stage)
                used.worked(place, name, taken.processor, begun=name in seconds)
                seconds[name] = round(seconds.get(name, 0) + taken.clock, 2)
                files.write_json(path, seconds)

    def trained(self, step: str, stage: str, examples: int) -> None:
        """Note on how many examples a stage trains (usage.json)."""
        used.trained(self.folder.step(step), stage, examples)

    def open(self, checkpoint: Checkpoint, plain: bool = False) -> Engine:
        """An engine on a checkpoint; who opens it closes it. `plain`: it continues text, not a chat."""
        if isinstance(method := method_of(self.settings), Opens):
            return method.open(self, checkpoint, plain)
        if self._warm is not None:
            if self.keeps(checkpoint) and not plain:
                return self._warm.lend()
            self._warm.free()  # two models at once may be more than memory holds
        return open_checkpoint(self.settings, checkpoint, self.folder.path, plain)

    @contextmanager
    def warm(self, checkpoint: Checkpoint) -> Iterator[None]:
        """Within, all who open this checkpoint share one engine, so that it is started and loaded once.

        It is opened when it is first needed, and closed (its memory given back) at the end, after an error too, and
        before another checkpoint is opened. A call's words do not depend on the calls before it: the records are those
        of engines opened anew.
        """
        self._warm = SharedEngine(checkpoint.name, lambda: open_checkpoint(self.settings, checkpoint, self.folder.path))
        try:
            yield
        finally:
            self._warm.close()
            self._warm = None

    def end_calls(self) -> None:
        """End the engine that `warm` keeps, whoever uses it: calls under way in other threads fail, and so does who
        would open it again."""
        if self._warm is not None:
            self._warm.end()

    def keeps(self, checkpoint: Checkpoint) -> bool:
        """Whether `warm` keeps an engine on this checkpoint."""
        return self._warm is not None and self._warm.id == checkpoint.name

    @contextmanager
    def engine(self, checkpoint: Checkpoint) -> Iterator[Engine]:
        """An engine on a checkpoint, closed (its memory given back) before training starts."""
        engine = self.open(checkpoint)
        try:
            yield engine
        finally:
            engine.close()

    def block(self, draws: int) -> int:
        """Items between two writes: four batches, so that a stop loses little and lengths can still be sorted."""
        return max(1, 4 * self.settings.engine.batch_size // draws)

    def finish(
        self,
        step: str,
        counts: Mapping[str, Count],
        *,
        inputs: Mapping[str, str] = {},
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Write a step's manifest: from now on the step is done. `inputs` name what it was made from, with digests."""
        self.folder.check_steps()  # what is vouched for is what was made
        outputs = {}
        for name, path in changes.files_of(self.folder.step(step)).items():
            lines = None
            if path.suffix == ".jsonl" and "/" not in name:
                with path.open("rb") as file:
                    lines = sum(1 for _ in file)
            outputs[name] = FileFact(sha256=self.folder.sha256(path), records=lines)
        self.folder.finish(
            RunManifest(
                step=step,
                settings_digest=self.folder.given.digest,
                seed=self.settings.seed,
                versions=versions(LIBRARIES),
                commit=commit(),
                checkpoint=checkpoint,
                inputs={name: FileFact(sha256=found) for name, found in sorted(inputs.items())},
                outputs=outputs,
                counts=dict(counts),
            )
        )
        self.folder.sha256.keep()
        if self.settings.report_to:
            self._send(step, counts)

    def _send(self, step: str, counts: Mapping[str, Count]) -> None:
        from srlm.training.tracked import send_counts  # which imports all of transformers' trainer

        number = next(one.number for one in method_of(self.settings).steps(self.settings, LAST) if one.name == step)
        name = f"{self.settings.name}-{step}-counts"
        send_counts(self.settings.report_to, counts, name=name, number=number, run=self.folder.path)
