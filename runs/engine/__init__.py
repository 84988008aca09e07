"""The training engine: `python -m runs.engine <run folder>`, a process of its own.

Read it in this order: pipeline (the story), examples, batches, training, loss, attention, checkpoints, evaluation. It knows the
run folder and nothing else: no Django, no database, no MLflow, no user.
"""
