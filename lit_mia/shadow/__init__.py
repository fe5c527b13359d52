"""Shadow: trainings of targets whose members are known."""
