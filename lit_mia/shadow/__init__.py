"""Shadow: training of targets with known members, and of the demo's tools.

No command trains; so, unlike elsewhere, these modules may import diffusers, transformers and open_clip at once.
"""
