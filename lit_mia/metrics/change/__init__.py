"""What changed from one audit to another: AUCs, and true positive rates."""
