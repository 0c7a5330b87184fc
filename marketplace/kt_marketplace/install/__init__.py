"""From a reference to an installed pack: resolve, fetch, inspect, ask, build an overlay, switch to it."""
