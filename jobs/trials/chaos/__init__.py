"""Everything goes wrong on purpose, under load, and the results are compared with what they must be.

`load` publishes, `faults` and `cut` break, `watch` sees when results flow again, `run` lets one fault follow another,
`outcome` compares, `report` and `page` say what was found.
"""
