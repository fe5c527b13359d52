"""A client of the OpenAI-compatible Images API."""
