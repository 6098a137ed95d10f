"""Reconciles a conference programme from Sessionboard with Swoogo, as a Singer target."""
