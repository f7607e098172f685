import sys
from .cluster import provider
p = provider()
r = getattr(p, sys.argv[1])()
print(r)
