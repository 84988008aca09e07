"""The dialect of OpenAI's fine-tuning: `openai.OpenAI(base_url=".../v1", api_key=<our token>)` works as it is.

A file of theirs is a data set here, a job is a run, a model is a base model or what a run made.
"""
