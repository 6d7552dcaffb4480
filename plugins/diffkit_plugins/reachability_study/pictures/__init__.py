"""Pictures of the study, each with the same in words."""
