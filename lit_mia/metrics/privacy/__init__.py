"""Lower bounds on ε of differential privacy."""
