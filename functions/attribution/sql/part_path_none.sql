-- Every touch of the path counts.
{to} AS (SELECT * FROM {from}),
