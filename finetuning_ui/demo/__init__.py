"""`manage.py demo`: the real job from end to end, told in a terminal. It uses the public REST API like any script."""
