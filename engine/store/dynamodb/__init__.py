"""The store on DynamoDB: one table, units of work as transactions, for several machines at once."""
