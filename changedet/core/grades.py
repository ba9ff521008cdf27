"""From which probability a building gets which grade: stated once, said in the report too."""

DESTROYED_FROM = 0.5
"""Probability of *destroyed*."""
DAMAGED_FROM = 0.9
"""Probability of *damaged or destroyed*: new roofs, cars and shadows look like holes."""
POSSIBLE_FROM = 0.2
"""Probability of *damaged or destroyed* from which damage is possible."""
POSSIBLE_RATE = 0.2
"""False discovery rate of all that is graded *Possibly damaged* or worse. *Destroyed* needs none of
its own: 0.01 to 0.02 of what is so graded was intact (docs/decisions/0005)."""
