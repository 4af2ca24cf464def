"""Amazon Web Services: a small signed client for frequent calls, such as one per mail; boto3 is for rare ones."""
