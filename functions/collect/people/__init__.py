"""The people behind the hits: what they agreed to, who they are, what they told of themselves, which number they hold."""
