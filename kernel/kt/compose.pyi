from kt_compose import *  # noqa: F403
