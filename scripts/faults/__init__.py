"""Fault injection: whole deployments of ours, killed, cut off, filled up; and what must hold afterwards."""
