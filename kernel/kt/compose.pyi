from kt_compose import *
