"""Investigators, graders and generators that diffkit brings along."""
