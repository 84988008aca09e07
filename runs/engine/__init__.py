"""The training engine: `python -m runs.engine <run folder>`, a process of its own.

Read it in this order: pipeline (the story), examples, batches, bins, training, loss, attention, checkpoints, evaluation. It
knows the run folder and nothing else: no Django, no database, no MLflow, no user.
"""

import os

# Threads of torch that wait must sleep. By default they spin, and where anything else wants a core, each of the hundreds of
# barriers in a step then waits for the scheduler: beside two busy processes, decoding took 38 s spinning and 3 s asleep.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
