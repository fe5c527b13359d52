"""Shadow: trainings of targets whose members are known, and of the demo's tools."""
