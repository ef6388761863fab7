"""The processes: broker, actors, sweeper."""
