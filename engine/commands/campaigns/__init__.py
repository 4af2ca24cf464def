"""Commands of campaigns: lists, drafts, and mails to many people."""
