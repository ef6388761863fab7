"""What runs at a post office: light, patient with a bad line."""
