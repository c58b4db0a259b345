"""One profile of hypothesis for every suite: no deadline per example, because the machines of CI are shared and slow at times."""

from hypothesis import settings

settings.register_profile("skvoz", deadline=None, print_blob=True)
settings.load_profile("skvoz")
