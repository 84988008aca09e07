"""MLflow's own REST interface behind our tokens and our rules of who sees what (`services.sight`).

Every call that is known is looked at before it is passed on; a call that is not known is not passed on at all.
"""
