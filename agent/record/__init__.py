"""Recording a real device: what it was asked and what it answered, without what is the plant's own. A recording is a test."""
