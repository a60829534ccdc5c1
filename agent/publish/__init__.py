"""Role 2: folds the journal into signed envelopes and delivers them. Cannot reach a device, and never sends unsigned."""
