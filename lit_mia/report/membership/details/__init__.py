"""What a researcher reads on the page: thresholds that were frozen, single seeds, distributions of scores."""
