"""The HTTP gateway of stations and of the one-stop system (DESIGN, section 6)."""
