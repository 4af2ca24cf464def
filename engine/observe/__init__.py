"""How the engine reports its work: observers, telemetry, logs."""
