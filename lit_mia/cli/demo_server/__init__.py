"""An OpenAI-compatible Images API in front of local targets, with the faults that real servers have."""
