"""A training from where it stands to its end: steps, validations, and what is kept on the way."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from torch import Tensor

from innerview.core.errors import BadInput, InnerviewError, near
from innerview.core.folders import ahead
from innerview.core.progress import progress as bar
from innerview.training.checkpoints import Checkpoints, check_finite
from innerview.training.interrupts import interrupts_wait
from innerview.training.record import Record
from innerview.training.steps import Steps, Validate


class Run:
    """A training that is under way.

    Args:
        steps: What is done to the model.
        validate: Judges the model after each epoch.
        files: Where the training is kept; the first process alone writes there.
        seconds: Between two saves within an epoch.
    """

    def __init__(self, steps: Steps, validate: Validate | None, files: Checkpoints | None, seconds: float) -> None:
        self.record = Record() if files is None else files.resume(steps.model, steps.optimizer)
        self._steps, self._validate, self._seconds = steps, validate, seconds
        self._files = files
        self._writer = files if steps.processes.rank == 0 else None
        self._best: dict[str, Tensor] = {}  # without a folder
        self._whole = True  # no step is half done
        steps.processes.wait()  # until all have read what the first will write anew

    def go(self, workers: int, progress: bool) -> None:
        """Take all steps that are left; batches are read ahead by threads."""
        steps = range(len(self.record.losses), len(self._steps))
        with closing(ahead(self._steps.batch, steps, workers)) as batches, self._kept():
            self._arrive(steps.start)
            for step in bar(steps, "training", progress):
                if self._decided():
                    break
                self._take(step, next(batches))
                self._arrive(step + 1)
        check_finite(self._steps.model, len(self.record.losses))
        if self._steps.recipe.early_stop and self.record.judged:
            self._load_best()

    def _take(self, step: int, batch: tuple[Tensor, ...]) -> None:
        self._whole = False
        with interrupts_wait():
            loss = self._steps.take(step, batch)
            self.record.losses.append(loss)
            if self._writer:
                self._writer.note(step, step / self._steps.per_epoch, loss, self._steps.learning_rate)
            self._whole = True

    def _arrive(self, step: int) -> None:
        """Do what is due between two steps; after a stop it is done once more, and changes nothing."""
        per_epoch = self._steps.per_epoch
        if self._writer:
            for epoch in self._steps.recipe.snapshots:
                if round(epoch * per_epoch) == step:
                    self._writer.snapshot(self._steps.model, epoch, step)
        if step and step % per_epoch == 0:
            self._end_epoch(step // per_epoch)
        elif step == len(self._steps) or (step and self._writer and self._writer.due(self._seconds)):
            self._save()

    def _end_epoch(self, epoch: int) -> None:
        """Judge and keep the model.

        The state is saved before the best weights: after a stop between the two, these are the state's.
        """
        if self._validate and self.record.judged < epoch:
            self._judge(self._validate, epoch)
        if self._writer:
            self._save()
            self._writer.write_epochs(self.record, self._steps.per_epoch)
        stop = self._steps.recipe.early_stop
        if stop and stop.best(self.record.measures[stop.measure]) == epoch:
            self._keep_best()

    def _judge(self, validate: Validate, epoch: int) -> None:
        check_finite(self._steps.model, len(self.record.losses))
        found = self._steps.judge(validate, epoch)
        stop = self._steps.recipe.early_stop
        if stop and stop.measure not in found:
            told = near(stop.measure, found) or f"; it returns {', '.join(found) or 'nothing'}"
            raise BadInput(f"the validation returns no {stop.measure!r}, which early stop needs{told}")
        self.record.judge(found, epoch)

    def _decided(self) -> bool:
        stop = self._steps.recipe.early_stop
        return stop is not None and stop.ends(self.record.measures.get(stop.measure, []))

    def _keep_best(self) -> None:
        if self._files is None:
            self._best = {name: tensor.clone() for name, tensor in self._steps.model.state_dict().items()}
        elif self._writer:
            self._writer.save_best(self._steps.model)

    def _load_best(self) -> None:
        self._steps.processes.wait()  # until the first has written them
        if self._files is None:
            self._steps.model.load_state_dict(self._best)
        else:
            self._files.load_best(self._steps.model)

    def _save(self) -> None:
        if self._writer:
            with interrupts_wait():
                self._writer.save(self._steps.model, self._steps.optimizer, self.record)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Save the state that the last whole step left, whatever ends the block; a step cut short leaves none."""
        try:
            yield
        except BaseException:
            if self._whole and self.record.losses:
                with suppress(InnerviewError):  # what ended the block is to be told
                    self._save()
            raise
