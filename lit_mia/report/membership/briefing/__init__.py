"""What an auditor reads first: to whom it leaks, how sure that is, against what, and at what cost, in sentences."""
