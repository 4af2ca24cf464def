"""Amazon Web Services: a lean signed client for calls that are made for every mail; boto3 is for rare ones."""
