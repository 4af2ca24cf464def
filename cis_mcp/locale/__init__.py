"""The messages of pages and console in each language, over those of mails."""
