"""Shadow: training of targets with known members, and of the demo's tools."""
