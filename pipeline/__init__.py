"""What happens to paper: pure steps, and narrow ports to the outside."""
