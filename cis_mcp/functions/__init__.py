"""AWS Lambda functions: one answers HTTP requests, one handles messages of a queue."""
