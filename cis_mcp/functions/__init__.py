"""Functions of AWS Lambda: what answers over HTTP, and what handles messages of a queue; neither needs a machine."""
