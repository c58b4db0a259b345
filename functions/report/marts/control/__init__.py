"""Source control in parts: `arrivals` where requests and deals come from, `standing` where deals stand, `people` who makes them,
`findings` what to mend and where."""
