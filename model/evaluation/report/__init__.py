"""The evaluation's report: plots, and the page that holds them."""
