"""What a run leaves while it trains: checkpoints and answers to the evaluation prompts."""

from django.db import models


class Checkpoint(models.Model):
    run = models.ForeignKey("runs.Run", on_delete=models.CASCADE, related_name="checkpoints")
    name = models.CharField(max_length=100)
    step = models.PositiveIntegerField()
    epoch = models.FloatField()
    bytes = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=80)
    time = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("step",)
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="checkpoint_once_per_run")]

    def __str__(self) -> str:
        return self.name


class Sample(models.Model):
    """An answer to evaluation prompt `index` by the weights after `step`; step 0 is the base model."""

    run = models.ForeignKey("runs.Run", on_delete=models.CASCADE, related_name="samples")
    step = models.PositiveIntegerField()
    index = models.PositiveSmallIntegerField()
    prompt = models.TextField()
    answer = models.TextField()

    class Meta:
        ordering = ("step", "index")
        constraints = [models.UniqueConstraint(fields=["run", "step", "index"], name="sample_once_per_step")]

    def __str__(self) -> str:
        return f"step {self.step}: {self.prompt[:40]}"
