"""Designs of an owner: which images a model is to be trained on is decided by coins, before it is trained."""
