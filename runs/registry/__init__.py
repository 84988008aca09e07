"""The model registry: a protocol, and MLflow behind it. The only importer of mlflow, and only inside functions and children."""
