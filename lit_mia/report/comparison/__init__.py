"""Two finished membership audits side by side: `compare.json`, page, plot."""
