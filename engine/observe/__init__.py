"""What the engine tells of its work: observers, telemetry, logs."""
