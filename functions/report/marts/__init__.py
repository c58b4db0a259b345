"""The marts as a report needs them: `questions` asks, `tree` sums up, `quality` says what to trust."""
