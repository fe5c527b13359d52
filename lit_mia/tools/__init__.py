"""Tools: training of the parts that targets and attackers of the demo work with.

No command trains them; so, unlike elsewhere, these modules may import diffusers, transformers and open_clip at once.
"""
