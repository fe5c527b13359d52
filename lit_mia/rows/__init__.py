"""From the answers of targets to the raw scores of every row of a report."""
