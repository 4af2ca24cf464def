"""Commands of campaigns: lists, drafts, and the mails that many are owed."""
