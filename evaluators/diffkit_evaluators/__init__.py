"""First-party investigators and graders."""
